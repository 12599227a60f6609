"""How a figure of a comparison is drawn: everything that may be chosen about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypedDict

from camctl.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from camctl.values.axis import AxisName

Canvas = Literal["view", "original"]
Theme = Literal["light", "dark"]
Scale = Literal["each", "shared"]
"""`each`: a map's peak is 1. `shared`: 1 is the largest raw value among the maps that share a scale."""

DEFAULT_COLORMAP = "inferno"
"""Brighter means more, for colour-blind readers and in print too, and few photos glow in its colours."""

DEFAULT_OPACITY = 0.65
"""Of the heat at its peak: the object under it can still be made out."""

COLORMAPS = {
    "inferno": "black to pale yellow through red; safe for colour-blind readers",
    "magma": "black to pale pink through purple; safe for colour-blind readers",
    "plasma": "blue to yellow through pink; safe for colour-blind readers",
    "viridis": "violet to yellow through green; safe for colour-blind readers",
    "cividis": "blue to yellow; looks the same to colour-blind readers",
    "turbo": "blue to dark red through green, in smooth steps",
    "jet": "blue to dark red, as in the first papers; its bright bands are no edges of the map",
    "parula": "blue to yellow through green",
    "hot": "black to white through red and yellow",
    "grey": "black to white",
}
"""Name -> what it looks like, from 0 to 1. Cyclic colormaps are left out: their peak looks like their floor."""


def known_colormap(name: str) -> str:
    """A colormap's own name, from the user's spelling. Raises `UnknownNameError`."""
    known = {"gray": "grey"}.get(name.casefold(), name.casefold())
    if known not in COLORMAPS:
        raise UnknownNameError("colormap", name, COLORMAPS)
    return known


MOST_PIXELS = 40_000_000
"""Of a page, where rows can go on on the next one."""

SMALLEST_TILE, LARGEST_TILE = 48, 4096


@dataclass(frozen=True, kw_only=True)
class Look:
    """Choices, with what is drawn where none was made."""

    columns: Sequence[AxisName] = ()
    """Axes that run across, outermost first; what is named neither here nor in `rows` goes where `arrange` puts it."""
    rows: Sequence[AxisName] = ()
    tile: int = 224
    """Longest side of a picture in pixels; letters and gaps grow with it."""
    theme: Theme = "light"
    scale: Scale = "each"
    canvas: Canvas | None = None
    """None: `view` where all maps share one view of each image, else `original`."""
    colormap: str = DEFAULT_COLORMAP
    opacity: float = DEFAULT_OPACITY
    title: str = ""
    metrics: Sequence[str] = ()
    """Names of the metrics whose figures stand under each map."""
    most_pixels: int = MOST_PIXELS
    """Of a page; a row is never split."""

    def __post_init__(self) -> None:
        """Raises `InputError` for what cannot be drawn, before anything is."""
        if not SMALLEST_TILE <= self.tile <= LARGEST_TILE:
            message = f"Tiles of {self.tile} pixels cannot be drawn."
            raise InputError(message, hint=f"Choose --tile from {SMALLEST_TILE} to {LARGEST_TILE}.")
        if not 0 <= self.opacity <= 1:
            message = f"An opacity of {self.opacity} cannot be drawn."
            raise InputError(message, hint="Choose one from 0 (no heat) to 1.")
        if self.theme not in {"light", "dark"}:
            raise UnknownNameError("theme", self.theme, ("light", "dark"))
        known_colormap(self.colormap)


class Looks(TypedDict, total=False):
    """The same as keywords: see `Look`."""

    columns: Sequence[AxisName]
    rows: Sequence[AxisName]
    tile: int
    theme: Theme
    scale: Scale
    canvas: Canvas | None
    colormap: str
    opacity: float
    title: str
    metrics: Sequence[str]
    most_pixels: int
