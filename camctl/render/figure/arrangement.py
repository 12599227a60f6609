"""What of a comparison runs across, what down, and what is held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from camctl.errors import InputError
from camctl.values.comparison import places

if TYPE_CHECKING:
    from camctl.values.comparison import AxisName, Comparison

ACROSS: tuple[AxisName, ...] = ("method", "smoothing", "class", "layer", "model")
"""The first of them that varies runs across."""

DOWN: tuple[AxisName, ...] = ("image", "model", "layer", "smoothing", "class", "method")
"""All others run down, nested in this order, the last innermost."""

At = dict["AxisName", int]


@dataclass(frozen=True)
class Arrangement:
    """Axes that run across and down, outermost first; every axis that varies is in one of them."""

    columns: tuple[AxisName, ...]
    rows: tuple[AxisName, ...]

    def across(self, comparison: Comparison) -> list[At]:
        """One a column of the grid, from left to right."""
        return places([comparison.axis(name) for name in self.columns])

    def down(self, comparison: Comparison) -> list[At]:
        """One a row of the grid, from the top."""
        return places([comparison.axis(name) for name in self.rows])


def arrange(comparison: Comparison, columns: Sequence[AxisName] = (), rows: Sequence[AxisName] = ()) -> Arrangement:
    """Where every axis that varies runs: as asked for, else methods (or what comes next in `ACROSS`) across.

    An axis that does not vary may be named; it adds nothing. Raises `InputError` for one named twice.
    """
    check_axes(columns, rows)
    named = [*columns, *rows]
    varying = comparison.varying
    across = [name for name in columns if name in varying]
    down = [name for name in rows if name in varying]
    rest = [name for name in varying if name not in named]
    if not across and not columns:
        across = [name for name in ACROSS if name in rest][:1]
    # What was asked for stays innermost: what is left over becomes headings around it.
    outer = (name for name in DOWN if name in rest and name not in across)
    return Arrangement(tuple(across), (*outer, *down))


def check_axes(columns: Sequence[AxisName], rows: Sequence[AxisName]) -> None:
    """Raises `InputError` for an axis that is named twice."""
    named = [*columns, *rows]
    if twice := next((name for name in named if named.count(name) > 1), None):
        message = f"The axis '{twice}' is named twice in --rows and --columns."
        raise InputError(message, hint="Give each axis to one of them, once.")


def blocks(lines: Sequence[At], axes: Sequence[AxisName]) -> list[tuple[At, list[At]]]:
    """Rows (or columns) in blocks that share all but the innermost axis: what a block shares, and its lines."""
    outer = axes[:-1]
    grouped = groupby(lines, key=lambda at: tuple(at[name] for name in outer))
    return [(dict(zip(outer, key, strict=True)), list(group)) for key, group in grouped]
