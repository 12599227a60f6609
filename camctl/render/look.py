"""How a figure of a comparison is drawn: everything that may be chosen about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from camctl.errors import InputError, UnknownNameError
from camctl.render.colormaps import DEFAULT_COLORMAP, DEFAULT_OPACITY, colours

if TYPE_CHECKING:
    from camctl.comparison import AxisName
    from camctl.render.page import Theme
    from camctl.render.scale import Scale
    from camctl.results import Canvas

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
        colours(self.colormap)


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
