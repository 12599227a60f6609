"""How a figure of a comparison is drawn: every choice, with its default."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypedDict

from camctl.errors import Hint, InputError, UnknownNameError

if TYPE_CHECKING:
    from camctl.values.axis import AxisName

Canvas = Literal["view", "original"]
Theme = Literal["light", "dark"]
Scale = Literal["each", "shared"]
"""`each`: a map's peak is 1. `shared`: 1 is the largest raw value among the maps that share a scale."""

DEFAULT_COLORMAP = "inferno"
"""Brighter means more, also for colour-blind readers and in print, and few photographs have its colours."""

DEFAULT_OPACITY = 0.65
"""Opacity of the heatmap at its peak: the object under it can still be recognised."""

MOST_PIXELS = 40_000_000
"""Maximum number of pixels per page; rows continue on the next page."""

SMALLEST_TILE, LARGEST_TILE = 48, 4096


@dataclass(frozen=True, kw_only=True)
class Look:
    """Choices about a figure, with their defaults."""

    columns: Sequence[AxisName] = ()
    """Axes that run across, outermost first; `arrange` decides on axes that neither this nor `rows` names."""
    rows: Sequence[AxisName] = ()
    tile: int = 224
    """Longest side of a picture in pixels; letters and gaps scale with it."""
    theme: Theme = "light"
    scale: Scale = "each"
    canvas: Canvas | None = None
    """None: `view` if all maps share one view of each image, else `original`."""
    colormap: str = DEFAULT_COLORMAP
    opacity: float = DEFAULT_OPACITY
    title: str = ""
    metrics: Sequence[str] = ()
    """Names of the metrics whose figures are shown under each map."""
    most_pixels: int = MOST_PIXELS
    """Maximum number of pixels per page; a row is never split."""

    def __post_init__(self) -> None:
        """Raise `InputError` for choices that cannot be drawn."""
        if not SMALLEST_TILE <= self.tile <= LARGEST_TILE:
            message = f"Tiles of {self.tile} pixels cannot be drawn."
            raise InputError(message, hint=Hint(f"Choose from {SMALLEST_TILE} to {LARGEST_TILE}", tile=224))
        if not 0 <= self.opacity <= 1:
            message = f"An opacity of {self.opacity} cannot be drawn."
            raise InputError(message, hint="Choose one from 0 (no heat) to 1.")
        if self.theme not in {"light", "dark"}:
            raise UnknownNameError("theme", self.theme, ("light", "dark"))


class Looks(TypedDict, total=False):
    """The fields of `Look` as keywords."""

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
