"""What reports call axes, scores and figures."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from camctl.ranking import FEWEST, undecided
from camctl.values.comparison import NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camctl.ranking import Standing
    from camctl.values.comparison import AxisName, Comparison, Measure

DASH, TIMES, MINUS = "\N{EN DASH}", "\N{MULTIPLICATION SIGN}", "\N{MINUS SIGN}"


def counted(comparison: Comparison, name: AxisName) -> str:
    """`3 methods`."""
    count = len(comparison.axis(name))
    return f"{count} {NAMES[name][count > 1]}"


def percent(score: float) -> str:
    """A score for people: 98.3%, <0.1%, or a dash."""
    smallest = 0.0005
    return DASH if not isfinite(score) else "<0.1%" if 0 < score < smallest else f"{score:.1%}"


def figure(value: float | None) -> str:
    """A metric's figure, or a dash."""
    huge = 1e4
    return DASH if value is None or not isfinite(value) else f"{value:.3f}" if abs(value) < huge else f"{value:.4g}"


def between(ends: tuple[float, float]) -> str:
    """The ends of an interval in few letters: .61 to .71."""
    ten = 10
    return DASH.join(
        f"{round(end, 2) + 0.0:.2f}".replace("0.", ".", 1) if abs(end) < ten else f"{end:.3g}" for end in ends
    )


def too_few(rows: Sequence[Standing], metrics: Sequence[Measure]) -> str:
    """Which questions the standings leave open, and why; empty where every best is clear."""
    left = undecided(rows, metrics)
    if not left:
        return ""
    ranked = {metric for one in rows for metric in one.ranks}
    at = "" if len(left) == len(ranked) else f" at {', '.join(one.title for one in left)}"
    count = max(one.questions for one in rows)
    least = f"; it takes {FEWEST}" if count < FEWEST else ""
    things = "picture and class" if count == 1 else "pictures and classes"
    return f"which {NAMES[rows[0].axis][0]} is best{at} ({count} {things}{least})"
