"""The words of `camctl compare --results OUT --baseline OLD`: which maps moved."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Any

from rich.table import Column
from rich.text import Text

from camctl.cli.output.sink import Parts, indented, line, plain_table
from camctl.values.texts import counted

if TYPE_CHECKING:
    from camctl.results.drift import Drift

MOST_SHOWN = 20
"""Largest number of maps that are listed."""


def drift_to_dict(drift: Drift, least: float) -> dict[str, Any]:
    """Return all maps, the one that moved most first, as `--json` prints them."""
    maps = [
        {
            "id": one.id,
            "target": one.target,
            "method": one.method,
            "correlation": None if isnan(one.correlation) else one.correlation,
            "under": one.under(least),
        }
        for one in drift.maps
    ]
    return {"maps": maps, "new": drift.new, "gone": drift.gone, "min_correlation": least}


def drift_report(drift: Drift, least: float) -> Parts:
    """Yield how many maps moved, and those that moved most."""
    under = [one for one in drift.maps if one.under(least)]
    figures = sorted(one.correlation for one in drift.maps if not isnan(one.correlation))
    middle = f", median correlation {figures[len(figures) // 2]:.3f}" if figures else ""
    yield line((counted(len(drift.maps), "map"), "bold"), f" in both{middle}; {len(under):,} below {least:g}")
    if drift.new or drift.gone:
        yield line(f"{drift.new:,} without an earlier map, {drift.gone:,} of the baseline are not here")
    if not under:
        return
    table = plain_table(Column("correlation", justify="right"), "class", "method", Column("picture", overflow="fold"))
    for one in under[:MOST_SHOWN]:
        number = "-" if isnan(one.correlation) else f"{one.correlation:.3f}"
        table.add_row(Text(number, "bold yellow"), *map(line, (one.target, one.method, one.id)))
    yield indented(table)
    if len(under) > MOST_SHOWN:
        yield line((f"  and {len(under) - MOST_SHOWN:,} more; all with --json", "dim"))
