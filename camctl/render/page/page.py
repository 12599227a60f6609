"""A page as a list of what stands where, in pixels: made once, then painted in pixels or as a vector file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from camctl.render.text.fonts import Face
    from camctl.values.look import Theme

ASCENDERS, DESCENDERS = 0.928, 0.236
"""How far the letters of DejaVu Sans reach above and below their baseline, over their size."""

Colour = tuple[int, int, int]
Draw = Callable[[int, int], "NDArray[np.uint8]"]
"""(width, height) -> pixels (height, width, 3), uint8 RGB."""


@dataclass(frozen=True, kw_only=True)
class Inks:
    """The colours of a theme, RGB."""

    paper: Colour
    ink: Colour
    soft: Colour
    """For what is read second: captions, figures."""
    edge: Colour
    """For frames and rules."""
    band: Colour
    """Under the heading of a block, and of a place without a map."""
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
}


@dataclass(frozen=True, kw_only=True)
class Words:
    """A line of text that begins at x and stands on y."""

    text: str
    x: float
    y: int
    width: float
    face: Face
    ink: Colour

    @property
    def box(self) -> tuple[float, float, float, float]:
        """x0, y0, x1, y1 of the line, from its ascenders to its descenders."""
        size = self.face.size
        return self.x, self.y - ASCENDERS * size, self.x + self.width, self.y + DESCENDERS * size


@dataclass(frozen=True, kw_only=True)
class Rectangle:
    """Filled, with a frame one pixel wide inside its edges, or either; a rule is one of a pixel's height."""

    x: int
    y: int
    width: int
    height: int
    fill: Colour | None = None
    edge: Colour | None = None
    dashed: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """A picture; its pixels are made when it is painted, so that a page of hundreds needs no memory before."""

    x: int
    y: int
    width: int
    height: int
    draw: Draw = field(repr=False)


Item = Words | Rectangle | Shown


@dataclass(frozen=True, kw_only=True, eq=False)
class Page:
    """Everything of one page, from the back to the front; all measures in pixels."""

    width: int
    height: int
    paper: Colour
    items: tuple[Item, ...] = field(repr=False)
    title: str = ""

    @property
    def texts(self) -> tuple[Words, ...]:
        """All lines of text."""
        return tuple(item for item in self.items if isinstance(item, Words))


@dataclass(frozen=True, kw_only=True, eq=False)
class Strip:
    """A part of a page over its whole width, its items placed from its own top."""

    height: int
    items: tuple[Item, ...]


def lowered(items: Iterable[Item], by: int) -> list[Item]:
    """The same items, further down."""
    return [replace(item, y=item.y + by) for item in items]


def stacked(strips: Iterable[Strip], top: int = 0) -> tuple[list[Item], int]:
    """All items of strips one under the other, and where the last one ends."""
    items: list[Item] = []
    for strip in strips:
        items += lowered(strip.items, top)
        top += strip.height
    return items, top
