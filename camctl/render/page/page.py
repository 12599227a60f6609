"""A page as a list of items and their positions in pixels: made once, then painted in pixels or as a vector file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from camctl.render.text.fonts import Face
    from camctl.values.look import Theme

PER_INCH = 96
"""Pixels of a page per inch."""

SHARPNESS = 2
"""Pixels of a picture per pixel of the page in a vector file without a width in print."""

JPEG = {"quality": 90, "subsampling": 0}
"""Pictures in vector files: they look like PNG, at a fifth of its size."""

Colour = tuple[int, int, int]
Draw = Callable[[int, int], "NDArray[np.uint8]"]
"""(width, height) -> pixels (height, width, 3), uint8 RGB."""


@dataclass(frozen=True, kw_only=True)
class Inks:
    """The colours of a theme, RGB."""

    paper: Colour
    ink: Colour
    soft: Colour
    """For captions and notes."""
    edge: Colour
    """For frames and rules."""
    band: Colour
    """Background of a block's heading, and of a cell without a map."""
    warning: Colour


THEMES: dict[Theme, Inks] = {
    "light": Inks(
        paper=(255, 255, 255),
        ink=(24, 24, 27),
        soft=(82, 82, 91),
        edge=(212, 212, 216),
        band=(244, 244, 245),
        warning=(168, 50, 12),
    ),
    "dark": Inks(
        paper=(24, 24, 27),
        ink=(244, 244, 245),
        soft=(177, 177, 187),
        edge=(73, 73, 81),
        band=(39, 39, 43),
        warning=(252, 176, 88),
    ),
    "paper": Inks(
        paper=(255, 255, 255),
        ink=(0, 0, 0),
        soft=(40, 40, 40),
        edge=(150, 150, 150),
        band=(255, 255, 255),
        warning=(168, 50, 12),
    ),
}
THEMES["slides"] = THEMES["light"]


@dataclass(frozen=True, kw_only=True)
class Words:
    """A line of text that starts at x, with its baseline at y."""

    text: str
    x: float
    y: int
    width: float
    face: Face
    ink: Colour


@dataclass(frozen=True, kw_only=True)
class Rectangle:
    """A rectangle, filled, or with an edge one pixel wide inside it, or both; a rule is one pixel high."""

    x: int
    y: int
    width: int
    height: int
    fill: Colour | None = None
    edge: Colour | None = None
    dashed: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Bitmap:
    """A picture; its pixels are made when it is painted, so that a page of hundreds needs little memory."""

    x: int
    y: int
    width: int
    height: int
    draw: Draw = field(repr=False)


Item = Words | Rectangle | Bitmap


@dataclass(frozen=True, kw_only=True, eq=False)
class Page:
    """All items of one page, from back to front; all measures in pixels."""

    width: int
    height: int
    paper: Colour
    items: tuple[Item, ...] = field(repr=False)
    title: str = ""
    inches: float | None = None
    """Width in print; None for `PER_INCH` pixels per inch."""
    dpi: int | None = None
    """Pixels per inch of the painted page; None for one pixel per pixel of the page."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """How the page was made, for the metadata: `Command`, `Versions`."""

    @property
    def per_inch(self) -> float:
        """Pixels of the page per inch."""
        return self.width / self.inches if self.inches else PER_INCH

    @property
    def scale(self) -> float:
        """Painted pixels per pixel of the page."""
        return self.dpi / self.per_inch if self.dpi else 1.0

    @property
    def sharpness(self) -> float:
        """Pixels of a picture per pixel of the page in a vector file: what the print can show."""
        return self.scale if self.dpi else SHARPNESS


@dataclass(frozen=True, kw_only=True, eq=False)
class Strip:
    """A part of a page over its whole width; items are positioned from the strip's top."""

    height: int
    items: tuple[Item, ...]


def stacked(strips: Iterable[Strip], top: int = 0) -> tuple[list[Item], int]:
    """All items of strips one under the other, and where the last one ends."""
    items: list[Item] = []
    for strip in strips:
        items += [replace(item, y=item.y + top) for item in strip.items]
        top += strip.height
    return items, top


def framed(left: int, top: int, size: tuple[int, int], edge: Colour, draw: Draw) -> list[Item]:
    """A picture with a thin frame around it."""
    width, height = size
    return [
        Rectangle(x=left - 1, y=top - 1, width=width + 2, height=height + 2, edge=edge),
        Bitmap(x=left, y=top, width=width, height=height, draw=draw),
    ]
