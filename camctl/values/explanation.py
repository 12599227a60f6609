"""What comes out of an explanation: frozen values, no torch, ready for a notebook or a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from camctl.errors import InputError
from camctl.values.look import DEFAULT_COLORMAP, DEFAULT_OPACITY, Canvas

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from camctl.values.picture import Picture

VerdictName = Literal[
    "ok",
    "border",
    "diffuse",
    "inverted",
    "flat",
    "zero-gradient",
    "negative-only",
    "single-cell",
    "not-finite",
]
BLANK: frozenset[VerdictName] = frozenset({"flat", "zero-gradient", "negative-only", "single-cell", "not-finite"})
"""Verdicts on a map that shows nothing at all. The other bad ones are on a map that can be drawn, and misleads."""

Smoothing = Literal["none", "eigen", "aug", "both"]
LayoutName = Literal["NCHW", "NHWC", "NLC", "NCL", "NC", "adapter"]
WhyNot = Literal["", "not-run", "not-tensor", "window", "no-grid", "pooled", "single-cell", "zero-gradient"]


NEAREST = re.compile(r"auto(?::(\d{1,6}))?", re.IGNORECASE)
USUAL_RIVALS = 3
"""How many classes Finer-CAM compares with, where nobody says."""

LONGEST_INDEX = 18
"""Digits of a class index that is still read as one; Python itself refuses to read thousands."""


def is_index(text: str) -> bool:
    """Whether a class is named by its index: a whole number, perhaps wrongly a negative one."""
    return text.removeprefix("-").isdecimal() and len(text) <= LONGEST_INDEX


def nearest(text: int | str) -> int | None:
    """How many classes `auto` and `auto:N` mean; None for what names a class. Raises `InputError`."""
    found = NEAREST.fullmatch(str(text).strip())
    if found is None:
        return None
    count = int(found[1]) if found[1] else USUAL_RIVALS
    if not count:
        raise InputError(f"'{text}' asks for no class.", hint="Write a number of classes: --versus auto:3")
    return count


@dataclass(frozen=True, kw_only=True)
class Target:
    """The class explained, what it is called and its score (0..1).

    Told from the classes in `versus`, its score is the one it would have if there were only it and them: the sigmoid
    of its lead, `y - strength * mean(y_k)`.
    """

    index: int
    label: str
    score: float
    versus: tuple[Target, ...] = ()
    strength: float = 1.0
    """How strongly the others count against it."""

    @property
    def title(self) -> str:
        """What is explained: `tabby, tabby cat`, or `tabby vs lynx and puma`."""
        if not self.versus:
            return self.label
        first, *names = (one.label.split(",")[0] for one in (self, *self.versus))
        *most, last = names
        against = f"{', '.join(most)} and {last}" if most else last
        return f"{first} vs {against}" if self.strength == 1 else f"{first} vs {self.strength:g} x {against}"

    def to_dict(self) -> dict[str, Any]:
        """As it stands in `--json`."""
        alone = {"index": self.index, "label": self.label, "score": self.score}
        if not self.versus:
            return alone
        return {**alone, "versus": [one.to_dict() for one in self.versus], "strength": self.strength}


@dataclass(frozen=True, kw_only=True)
class View:
    """What the model was given of the picture.

    `size` is the model input's (height, width) in pixels; `box` (x0, y0, x1, y1) is the window of the
    picture that it covers, in picture pixels; it reaches beyond the picture where padding was added.
    `exact` is False where the preprocessing does more than resize, crop and pad, so that the box is the best guess.
    """

    size: tuple[int, int]
    box: tuple[float, float, float, float]
    exact: bool = True

    def on(self, whole: tuple[int, int], small: tuple[int, int]) -> View:
        """The same view of a picture of size `whole` (height, width) that was scaled to `small`."""
        down, across = small[0] / whole[0], small[1] / whole[1]
        x0, y0, x1, y1 = self.box
        return View(size=self.size, box=(x0 * across, y0 * down, x1 * across, y1 * down), exact=self.exact)


@dataclass(frozen=True, kw_only=True, eq=False)
class Cam:
    """One class activation map and what it is worth."""

    model: str
    method: str
    target: Target
    smoothing: Smoothing
    layers: tuple[str, ...]
    chosen_by: str
    """Who chose the layers: `you`, `adapter NAME` or `probe`."""
    grid: tuple[int, int]
    """Height and width of `raw`."""
    values: NDArray[np.float32]
    """(view height, view width), 0..1; all zeros where the map is `blank`."""
    raw: NDArray[np.float32]
    """(grid height, grid width), signed, before ReLU and scaling; of several layers their fusion at the finest grid."""
    raw_by_layer: tuple[NDArray[np.float32], ...]
    """One signed map a layer, each at its layer's own grid."""
    verdict: VerdictName
    reason: str
    """Why the verdict, in one line. With `ok` it is usually empty; where it is not, it is a warning about the map."""
    hint: str
    """The next command to try; empty for `ok`."""
    milliseconds: float
    """Spent on this map alone, the shared passes left out."""
    picture: Picture = field(repr=False)
    view: View = field(repr=False)

    @property
    def blank(self) -> bool:
        """Whether there is nothing to draw: `values` are zeros, and overlays are grey and hatched."""
        return self.verdict in BLANK

    def to_dict(self) -> dict[str, Any]:
        """As it stands in `--json` and beside the raw maps."""
        return {
            "image": self.picture.path,
            "model": self.model,
            "method": self.method,
            "target": self.target.to_dict(),
            "layers": list(self.layers),
            "chosen_by": self.chosen_by,
            "smoothing": self.smoothing,
            "grid": list(self.grid),
            "verdict": self.verdict,
            "reason": self.reason,
            "hint": self.hint,
            "milliseconds": round(self.milliseconds, 3),
        }

    def overlay(
        self, *, canvas: Canvas = "view", colormap: str = DEFAULT_COLORMAP, opacity: float = DEFAULT_OPACITY
    ) -> NDArray[np.uint8]:
        """The heatmap on the picture, (H, W, 3) uint8 RGB: the model's view, or the whole picture.

        A `blank` map comes out grey and hatched.
        """
        from camctl.render.overlay import overlay

        return overlay(
            self.picture.pixels,
            self.values,
            self.view,
            canvas=canvas,
            colormap=colormap,
            opacity=opacity,
            worthless=self.blank,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Explanation:
    """All maps of one picture and one model, out of one forward pass and one backward pass a class."""

    image: str
    model: str
    predictions: tuple[Target, ...]
    """The five classes with the highest scores, highest first."""
    maps: tuple[Cam, ...]
    """Classes outermost, methods inside."""
    random_weights: bool
    repairs: tuple[str, ...]
    notes: tuple[str, ...]
    checkpoint: str | None
    checkpoint_sha256: str | None
    forward_milliseconds: float
    backward_milliseconds: float
    versions: Mapping[str, str]
    image_sha256: str = ""
    """Of the picture's file; of its pixels where it came in memory."""

    def _repr_png_(self) -> bytes | None:
        from camctl.render.notebook import png

        return png(self)

    def _repr_html_(self) -> str | None:
        from camctl.render.notebook import html

        return html(self)

    def facts(self) -> dict[str, Any]:
        """What is true of all its maps, as it stands in `--json` and in the manifest of raw maps."""
        return {
            "image": self.image,
            "image_sha256": self.image_sha256,
            "model": self.model,
            "checkpoint": {"path": self.checkpoint, "sha256": self.checkpoint_sha256} if self.checkpoint else None,
            "random_weights": self.random_weights,
            "repairs": list(self.repairs),
            "notes": list(self.notes),
            "predictions": [target.to_dict() for target in self.predictions],
            "milliseconds": {
                "forward": round(self.forward_milliseconds, 3),
                "backward": round(self.backward_milliseconds, 3),
            },
            "versions": dict(self.versions),
        }

    def to_dict(self, paths: Mapping[int, str] | None = None) -> dict[str, Any]:
        """As `camctl run --json` prints it; `paths` tells where each map (by its place) was saved."""
        paths = paths or {}
        maps = [{**cam.to_dict(), "path": paths.get(place)} for place, cam in enumerate(self.maps)]
        return {**self.facts(), "maps": maps}


@dataclass(frozen=True, kw_only=True)
class LayerRecord:
    """What the probe saw of one module."""

    name: str
    """As in `module.named_modules()`."""
    type: str
    """Name of its class."""
    order: int
    """Its place among the modules in the order they finished (their last call); -1 where it never ran."""
    calls: int
    shape: tuple[int, ...] | None
    """Of its output (of the tensor that holds the places, where there are several)."""
    layout: LayoutName | None
    grid: tuple[int, int] | None
    channels: int | None
    extra_tokens: int
    gradient: float | None
    """Mean absolute gradient of the score over the places; None where there are no places."""
    negative: float | None
    """Share of its negative values in the sum of its absolute values, 0..1; None where there are no places."""
    norm: bool
    """Whether it is a normalisation layer."""
    same_as: str
    """The module inside it that made the very same tensor; empty where it made its own."""
    usable: bool
    why_not: WhyNot


@dataclass(frozen=True, kw_only=True)
class LayerMap:
    """Every module of a model, and the default target layers."""

    records: tuple[LayerRecord, ...]
    """In the order they finished; those that never ran come last."""
    default: tuple[str, ...]
    """Empty where no layer has places."""
    chosen_by: str
    """`adapter NAME` or `probe`."""
    input_size: tuple[int, int]
    pre_activation: tuple[str, ...] = ()
    """The norms whose rectified output the default layers are, for methods that bear activations of both signs."""
    rectified: bool = False
    """Whether a ReLU that is no module follows the default layer."""
