"""Which axes of a comparison run across, and which run down."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from camctl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camctl.values.axis import AxisName
    from camctl.values.comparison import Comparison

ACROSS: tuple[AxisName, ...] = ("method", "smoothing", "class", "layer", "model")
"""Candidates for the columns: the first one that varies."""

DOWN: tuple[AxisName, ...] = ("image", "model", "layer", "smoothing", "class", "method")
"""Nesting order of the rows, outermost first."""

At = dict["AxisName", int]
"""Position on some of the axes."""


class Arrangement(NamedTuple):
    """Axes that run across and down, outermost first; every axis that varies is in one of them."""

    columns: tuple[AxisName, ...]
    rows: tuple[AxisName, ...]


def arrange(comparison: Comparison, columns: Sequence[AxisName] = (), rows: Sequence[AxisName] = ()) -> Arrangement:
    """Assign every axis that varies to columns or rows: as requested, else the first of `ACROSS` to the columns.

    An axis that does not vary may be named; it adds nothing. Raises `InputError` if an axis is named twice.
    """
    check_axes(columns, rows)
    varying = comparison.varying
    across = [name for name in columns if name in varying]
    down = [name for name in rows if name in varying]
    rest = [name for name in varying if name not in {*columns, *rows}]
    if not across and not columns:
        across = [name for name in ACROSS if name in rest][:1]
    # Requested axes stay innermost: the others become headings around them.
    outer = (name for name in DOWN if name in rest and name not in across)
    return Arrangement(tuple(across), (*outer, *down))


def check_axes(columns: Sequence[AxisName], rows: Sequence[AxisName]) -> None:
    """Raise `InputError` if an axis is named twice."""
    names = [*columns, *rows]
    if duplicate := next((name for name in names if names.count(name) > 1), None):
        message = f"The axis '{duplicate}' is named twice in rows and columns."
        raise InputError(message, hint="Give each axis to one of them, once.")


def spans(lines: Sequence[At], axes: Sequence[AxisName]) -> list[list[At]]:
    """Neighbouring rows (or columns) in groups that agree on `axes`."""
    return [list(group) for _, group in groupby(lines, key=lambda at: [at[name] for name in axes])]
