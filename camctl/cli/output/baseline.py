"""The maps of a comparison against those of an earlier run: `--baseline`."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Any

from rich.table import Column
from rich.text import Text

from camctl.cli.output.saving import expanded
from camctl.cli.output.sink import indented, line, plain_table
from camctl.errors import InputError
from camctl.values.axis import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from camctl.ranking.drift import Drift
    from camctl.values.axis import AxisName
    from camctl.values.cam import Cam
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

    def check(self) -> None:
        """Raise `InputError` if no map has an earlier one."""
        if all(drift.correlation is None for drift in self.drifts):
            message = "None of these maps is in the --baseline: it has other pictures, classes or methods."
            raise InputError(message, hint="Compare as the baseline was made; its manifest says how.")

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

    def report(self, *, everything: bool) -> Iterator[RenderableType]:
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
            labels = [self.comparison.label(name, drift.cell.at) for name in varying]
            table.add_row(*map(Text, labels), *self._cells(drift))
        yield indented(table)
        if self.gone and everything:
            yield line((f"  {self.gone} maps of the baseline have no counterpart here", "dim"))

    def _cells(self, drift: Drift) -> Iterator[Text]:
        cam, figure, under = drift.cam, drift.correlation, drift.under(self.least)
        yield Text(cam.target.title)
        yield Text(cam.method + ("" if cam.smoothing == "none" else f" ({cam.smoothing})"))
        yield Text(", ".join(cam.layers))
        yield Text(
            "new" if figure is None else "-" if isnan(figure) else f"{figure:.3f}", "bold yellow" if under else ""
        )
        yield Text(f"below {self.least:g}" if under else "", "bold yellow")


@dataclass(frozen=True)
class Baseline:
    """Maps of an earlier run, and the minimum rank correlation with them."""

    maps: Sequence[Cam]
    least: float

    @classmethod
    def read(cls, text: str | None, least: float) -> Baseline | None:
        """Read the file, before it is written anew as `--save-raw` perhaps. Raises `InputError`."""
        from camctl.files.raw_maps import load_raw

        return None if text is None else cls(load_raw(expanded(text)).maps, least)

    def drifts(self, comparison: Comparison) -> Drifts:
        """Return how far the maps of a comparison are from those of the earlier run."""
        from camctl.ranking.drift import drift

        return Drifts(comparison, *drift(comparison, self.maps), self.least)
