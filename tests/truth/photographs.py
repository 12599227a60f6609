"""Photographs in installed packages, the objects on them, and windows on them.

Nothing is downloaded: the pictures are in the wheels of scikit-image, scikit-learn and matplotlib.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camctl.plugin import LoadedModel

    Box = tuple[float, float, float, float]
    Pixels = np.ndarray


@dataclass(frozen=True, kw_only=True)
class Thing:
    """An object of a photograph: the ImageNet classes that are right for it, and its box in pixels."""

    name: str
    classes: tuple[int, ...]
    box: Box


@dataclass(frozen=True, kw_only=True)
class Photograph:
    """A photograph in a package; its boxes were read off by eye."""

    package: str
    path: str
    licence: str
    things: tuple[Thing, ...]

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return Path(self.path).stem

    def pixels(self) -> Pixels:
        """The photograph, (H, W, 3) uint8 RGB."""
        return _read(self.package, self.path)


def _skimage(name: str, licence: str, *things: Thing) -> Photograph:
    return Photograph(package="skimage", path=f"data/{name}", licence=licence, things=things)


PHOTOGRAPHS: tuple[Photograph, ...] = (
    _skimage("chelsea.png", "CC0", Thing(name="cat", classes=(281, 282, 283, 285), box=(0, 0, 358, 300))),
    _skimage("coffee.png", "CC0", Thing(name="cup of espresso", classes=(504, 967, 968), box=(172, 18, 404, 308))),
    _skimage("rocket.jpg", "CC0", Thing(name="rocket", classes=(657, 744, 812), box=(303, 125, 338, 410))),
    _skimage("motorcycle_left.png", "CC0", Thing(name="motorcycle", classes=(665, 670), box=(95, 95, 680, 452))),
    _skimage(
        "astronaut.png",
        "public domain",
        Thing(name="space shuttle", classes=(812,), box=(355, 0, 462, 280)),
        Thing(name="helmet", classes=(518, 560), box=(280, 340, 510, 512)),
    ),
    _skimage(
        "camera.png",
        "CC0",
        Thing(name="tripod", classes=(872,), box=(230, 185, 408, 512)),
        Thing(name="camera", classes=(732, 759), box=(255, 138, 330, 182)),
    ),
    Photograph(
        package="sklearn",
        path="datasets/images/china.jpg",
        licence="CC BY 2.0, danielbuechele",
        things=(Thing(name="palace", classes=(442, 663, 698, 832), box=(60, 28, 370, 398)),),
    ),
    Photograph(
        package="sklearn",
        path="datasets/images/flower.jpg",
        licence="CC BY 2.0, vultilion",
        # A dahlia, which ImageNet lacks: the daisy is of its family.
        things=(Thing(name="flower", classes=(985,), box=(168, 82, 447, 362)),),
    ),
    Photograph(
        package="matplotlib",
        path="mpl-data/sample_data/grace_hopper.jpg",
        licence="public domain",
        things=(
            Thing(name="uniform", classes=(652, 834), box=(10, 310, 512, 600)),
            Thing(name="tie", classes=(457, 906), box=(215, 400, 300, 525)),
        ),
    ),
)


def named(name: str) -> Photograph:
    """Find the photograph of this name."""
    return next(photograph for photograph in PHOTOGRAPHS if photograph.name == name)


@cache
def _read(package: str, path: str) -> Pixels:
    folder = Path(str(import_module(package).__file__)).parent
    with Image.open(folder / path) as image:
        return np.asarray(image.convert("RGB"))


@dataclass(frozen=True, kw_only=True)
class Window:
    """A square of a photograph, perhaps mirrored."""

    photograph: Photograph
    left: int
    top: int
    side: int
    mirrored: bool

    @property
    def name(self) -> str:
        """Photograph, corner and side: `coffee 0,0,400`."""
        return f"{self.photograph.name} {self.left},{self.top},{self.side}{' mirrored' if self.mirrored else ''}"

    def pixels(self, side: int) -> Pixels:
        """The window's pixels, (side, side, 3)."""
        edges = (self.left, self.top, self.left + self.side, self.top + self.side)
        image = Image.fromarray(self.photograph.pixels()).resize((side, side), Image.Resampling.BICUBIC, box=edges)
        pixels = np.asarray(image)
        return np.ascontiguousarray(pixels[:, ::-1]) if self.mirrored else pixels

    def box(self, thing: Thing, side: int) -> Box | None:
        """The object's box in the window, cut at its edges; None if less than half of the object is inside."""
        x0, y0, x1, y1 = thing.box
        a, b = (min(max(x - self.left, 0), self.side) for x in (x0, x1))
        c, d = (min(max(y - self.top, 0), self.side) for y in (y0, y1))
        if (b - a) * (d - c) < 0.5 * (x1 - x0) * (y1 - y0):
            return None
        if self.mirrored:
            a, b = self.side - b, self.side - a
        scale = side / self.side
        return a * scale, c * scale, b * scale, d * scale


def windows(photograph: Photograph, shares: Sequence[float] = (1.0, 0.8, 0.6), steps: int = 3) -> list[Window]:
    """Squares of `shares` of the shorter side, widest first, each plain and mirrored."""
    height, width = photograph.pixels().shape[:2]
    squares = []
    for share in shares:
        side = round(min(height, width) * share)
        rows, columns = (dict.fromkeys(np.linspace(0, room - side, steps).round()) for room in (height, width))
        squares += [
            Window(photograph=photograph, left=int(left), top=int(top), side=side, mirrored=mirrored)
            for top, left, mirrored in product(rows, columns, (False, True))
        ]
    return squares


def middle(photograph: Photograph) -> Window:
    """The widest square in the middle of a photograph."""
    height, width = photograph.pixels().shape[:2]
    side = min(height, width)
    return Window(
        photograph=photograph, left=(width - side) // 2, top=(height - side) // 2, side=side, mirrored=False
    )  # fmt: skip


def predictions(model: LoadedModel, pictures: Sequence[Pixels]) -> np.ndarray:
    """Probabilities (pictures, classes)."""
    import torch

    with torch.no_grad():
        batch = torch.stack([model.preprocess(picture) for picture in pictures])
        return np.concatenate([model.forward(part).softmax(1).numpy() for part in batch.split(16)])
