"""Options of the heatmap: its colours, and the lines on it."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from camctl.cli.parsing import completion, options
from camctl.cli.parsing.groups import option, switch
from camctl.cli.parsing.texts import parse_levels
from camctl.render.colormaps import COLORMAPS, known_colormap
from camctl.values.look import DEFAULT_COLORMAP, DEFAULT_OPACITY, Look


@dataclass(frozen=True, kw_only=True)
class HeatmapOptions:
    """Colours of the heatmap.

    signed: Draw evidence against the class as well as for it, in the two colours of a diverging map (coolwarm unless
        --colormap names another); zero is transparent.
    contours: Draw lines along which the map has these values: 0.25, 0.5 and 0.75 if none is given.
    map_only: Draw the map alone, without the picture under it.
    """

    panel: ClassVar = options.OUTPUT

    colormap: str = option(
        "NAME", DEFAULT_COLORMAP, help=f"{', '.join(COLORMAPS)}.", autocompletion=completion.colormaps
    )
    opacity: float = option("0..1", DEFAULT_OPACITY, help="Opacity of the heatmap.")
    signed: bool = switch()
    contours: list[str] | None = option("[VALUE...]")
    map_only: bool = switch()

    def __post_init__(self) -> None:
        """Raise `InputError` for what cannot be drawn."""
        options.check_range("--opacity", self.opacity, 0, 1)
        known_colormap(self.colormap)
        _ = Look(contours=parse_levels(self.contours))

    def heat(self) -> dict[str, Any]:
        """Return the fields with the values of the lines as numbers."""
        return asdict(self) | {"contours": parse_levels(self.contours)}
