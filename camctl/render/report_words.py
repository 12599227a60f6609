"""What a report calls axes, scores and figures."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from camctl.comparison import NAMES

if TYPE_CHECKING:
    from camctl.comparison import AxisName, Comparison

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
