"""How a figure of a comparison is drawn: every choice, with its default."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Literal, TypedDict, get_args

from camctl.errors import Hint, InputError, UnknownNameError

if TYPE_CHECKING:
    from camctl.values.axis import AxisName
    from camctl.values.segments import Cut

Canvas = Literal["view", "original"]
Theme = Literal["light", "dark", "paper", "slides"]
"""`paper`: black on white, and no grey grounds. `slides`: light, with larger letters."""
Scale = Literal["each", "shared"]
"""`each`: a map's peak is 1. `shared`: 1 is the largest raw value among the maps that share a scale."""

DEFAULT_COLORMAP = "inferno"
"""Brighter means more, also for colour-blind readers and in print, and few photographs have its colours."""

DIVERGING_COLORMAP = "coolwarm"
"""The default of signed maps: blue to red, equally light at both ends, and safe for colour-blind readers."""

DEFAULT_OPACITY = 0.65
"""Opacity of the heatmap at its peak: the object under it can still be recognised."""

MOST_PIXELS = 40_000_000
"""Maximum number of pixels per page; rows continue on the next page."""

TALLEST_PAGE, STEEPEST = 8192, 3
"""Maximum height of a page in pixels, or in widths of a wide page, unless one row is higher."""

SMALLEST_TILE, LARGEST_TILE = 48, 4096

DEFAULT_DPI, SMALLEST_DPI, LARGEST_DPI = 300, 72, 1200

PER_INCH = {"in": 1.0, "cm": 2.54, "mm": 25.4, "pt": 72.0}
"""Unit -> how many of it are an inch; a pixel is `1 / dpi` inches."""

WIDEST = 100.0
"""Inches that no figure is wider than."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """Choices about a figure, with their defaults."""

    columns: Sequence[AxisName] = ()
    """Axes that run across, outermost first; `arrange` decides on axes that neither this nor `rows` names."""
    rows: Sequence[AxisName] = ()
    wrap: int = 0
    """Maximum number of columns of maps side by side; the others follow below. 0: all, or as many as `width` takes."""
    tile: int = 224
    """Longest side of a picture in pixels; letters and gaps scale with it."""
    theme: Theme = "light"
    scale: Scale = "each"
    canvas: Canvas | None = None
    """None: `view` if all maps share one view of each image, else `original`."""
    colormap: str = DEFAULT_COLORMAP
    opacity: float = DEFAULT_OPACITY
    signed: bool = False
    """Draw evidence for and against the class, in a diverging colour map."""
    contours: Sequence[float] = ()
    """Values, within 0..1, along which lines are drawn; of signed maps, along these and their negatives."""
    map_only: bool = False
    """Draw the map alone, without the picture under it."""
    cut: Cut | None = None
    """Draw boxes or outlines of each map's parts."""
    title: str = ""
    font: str = ""
    """A family that is installed, or a file; empty for DejaVu Sans."""
    width: str = ""
    """Width in print, as `88mm`, `3.5in` or `1000px`: the tiles get the size that fills it. Empty: `tile` decides."""
    dpi: int = DEFAULT_DPI
    """Pixels per inch of a figure with a `width`."""
    name: Mapping[str, str] = field(default_factory=dict)
    """Label of a method, model, class, ... -> what the figure calls it."""
    letters: bool = False
    """Whether each map has a letter, as panels in a paper have: a, b, c, ..."""
    no_scores: bool = False
    """Leave out the probabilities of the classes."""
    command: str = ""
    """The command that made the figure, for its metadata."""
    no_metadata: bool = False
    """Write neither command nor versions into the file."""
    metrics: Sequence[str] = ()
    """Names of the metrics whose figures are shown under each map."""
    most_pixels: int = MOST_PIXELS
    """Maximum number of pixels per page; a row is never split."""

    def __post_init__(self) -> None:
        """Raise `InputError` for choices that cannot be drawn."""
        if not SMALLEST_TILE <= self.tile <= LARGEST_TILE:
            message = f"Tiles of {self.tile} pixels cannot be drawn."
            raise InputError(message, hint=Hint(f"Choose from {SMALLEST_TILE} to {LARGEST_TILE}", tile=224))
        if self.wrap < 0:
            message = f"{self.wrap} columns cannot be drawn."
            raise InputError(message, hint="Give a number, or 0 for all of them.")
        if not 0 <= self.opacity <= 1:
            message = f"An opacity of {self.opacity} cannot be drawn."
            raise InputError(message, hint="Choose one from 0 (no heat) to 1.")
        if not all(0 < level < 1 for level in self.contours):
            message = f"A line at {next(level for level in self.contours if not 0 < level < 1)} cannot be drawn."
            raise InputError(message, hint=Hint("Choose values between 0 and 1", contours="0.5"))
        if self.theme not in get_args(Theme):
            raise UnknownNameError("theme", self.theme, get_args(Theme))
        if not SMALLEST_DPI <= self.dpi <= LARGEST_DPI:
            message = f"{self.dpi} pixels per inch cannot be drawn."
            raise InputError(message, hint=Hint(f"Choose from {SMALLEST_DPI} to {LARGEST_DPI}", dpi=DEFAULT_DPI))
        self.inches  # noqa: B018 - raises for a width that is none

    @property
    def inches(self) -> float | None:
        """The width in inches; None without one. Raises `InputError`."""
        if not self.width:
            return None
        match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*(in|cm|mm|pt|px)\s*", self.width, re.IGNORECASE)
        units = {**PER_INCH, "px": self.dpi}
        inches = float(match[1]) / units[match[2].lower()] if match else 0.0
        if not (isfinite(inches) and 0 < inches <= WIDEST):
            message = f"'{self.width}' is not a width."
            raise InputError(message, hint=Hint("Give a number and in, cm, mm, pt or px", width="88mm"))
        return inches


class Looks(TypedDict, total=False):
    """The fields of `Look` as keywords."""

    columns: Sequence[AxisName]
    rows: Sequence[AxisName]
    wrap: int
    tile: int
    theme: Theme
    scale: Scale
    canvas: Canvas | None
    colormap: str
    opacity: float
    signed: bool
    contours: Sequence[float]
    map_only: bool
    cut: Cut | None
    title: str
    font: str
    width: str
    dpi: int
    name: Mapping[str, str]
    letters: bool
    no_scores: bool
    command: str
    no_metadata: bool
    metrics: Sequence[str]
    most_pixels: int
