"""The maps of a comparison against those of an earlier run: `--baseline`."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Any

from rich.table import Column
from rich.text import Text

from camctl.cli.output.sink import Parts, indented, line, plain_table
from camctl.values.axis import NAMES
from camctl.values.texts import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camctl.ranking.drift import Drift
    from camctl.values.axis import AxisName
    from camctl.values.comparison import Comparison


@dataclass(frozen=True)
class Drifts:
    """Rank correlations of maps with their earlier ones."""

    comparison: Comparison
    drifts: Sequence[Drift]
    gone: int
    """Number of earlier maps that have no counterpart now."""
    least: float

    @property
    def drifted(self) -> bool:
        """Whether a map is below the minimum correlation, or has no earlier map."""
        return any(drift.under(self.least) for drift in self.drifts)

    @property
    def unrelated(self) -> bool:
        """Whether no map has an earlier one."""
        return all(drift.correlation is None for drift in self.drifts)

    def to_dict(self) -> dict[str, Any]:
        """Return what `--json` says about the baseline."""
        maps = [
            {
                "method": drift.cam.method,
                "target": drift.cam.target.title,
                "model": drift.cam.model,
                "image": drift.cam.picture.path,
                "layers": list(drift.cam.layers),
                "smoothing": drift.cam.smoothing,
                "correlation": drift.correlation,
                "under": drift.under(self.least),
            }
            for drift in self.drifts
        ]
        return {"maps": maps, "gone": self.gone, "min_correlation": self.least}

    def report(self, *, everything: bool) -> Parts:
        """Yield a table of the correlations: of `everything`, or of the maps that drifted."""
        rows = [drift for drift in self.drifts if everything or drift.under(self.least)]
        if not rows:
            return
        apart: tuple[AxisName, ...] = ("image", "model")
        varying = [name for name in apart if any(drift.cell.at[name] for drift in rows)]
        headings = (*(NAMES[name][0] for name in varying), "class", "method", "layers")
        folding = (Column(heading, overflow="fold") for heading in headings)
        table = plain_table(*folding, Column("correlation", justify="right"), "")
        for drift in rows:
            cam, figure = drift.cam, drift.correlation
            smoothing = "" if cam.smoothing == "none" else f" ({cam.smoothing})"
            labels = [self.comparison.label(name, drift.cell.at) for name in varying]
            labels += [cam.target.title, cam.method + smoothing, ", ".join(cam.layers)]
            style = "bold yellow" if drift.under(self.least) else ""
            number = "new" if figure is None else "-" if isnan(figure) else f"{figure:.3f}"
            table.add_row(*map(line, labels), Text(number, style), Text(style and f"below {self.least:g}", style))
        yield indented(table)
        if self.gone and everything:
            have = "has" if self.gone == 1 else "have"
            text = f"  {counted(self.gone, 'map')} of the baseline {have} no counterpart here"
            yield line((text, "dim"))
