"""What rankings say in words, for reports, figures and the command line."""

from __future__ import annotations

from itertools import takewhile
from math import isfinite
from typing import TYPE_CHECKING

from camctl.ranking.chance import FEWEST
from camctl.values.axis import NAMES
from camctl.values.comparison import ANOTHER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camctl.ranking.sanity import Likeness
    from camctl.ranking.standings import Standing
    from camctl.values.comparison import Measure, Sanity

DASH = "\N{EN DASH}"


def interval_text(ends: tuple[float, float]) -> str:
    """The ends of an interval, short: `.61-.71`, with an en dash."""
    ten = 10
    return DASH.join(
        f"{round(end, 2) + 0.0:.2f}".replace("0.", ".", 1) if abs(end) < ten else f"{end:.3g}" for end in ends
    )


def percent(score: float) -> str:
    """A score: 98.3%, <0.1%, or a dash."""
    smallest = 0.0005
    return DASH if not isfinite(score) else "<0.1%" if 0 < score < smallest else f"{score:.1%}"


def correlation_text(value: float) -> str:
    """A correlation with two decimals, or a dash."""
    # Adding nothing turns the minus sign of a zero off.
    return f"{round(value, 2) + 0.0:.2f}" if isfinite(value) else DASH


def likeness_text(likeness: Likeness | None) -> str:
    """`0.31 / 0.18`: rank correlation and structural similarity; empty for None."""
    if likeness is None:
        return ""
    return f"{likeness.correlation:.2f} / {likeness.ssim:.2f}".replace("-0.00", "0.00")


def stage_headings(sanity: Sanity, *, short: bool = False) -> list[str]:
    """A heading per stage: weights are random from the head `to` the module named.

    `short` drops the part of the names that all modules share.
    """
    first, *deeper = sanity.stages
    parts = zip(*(name.split(".")[:-1] for name in deeper), strict=False)
    shared = sum(1 for _ in takewhile(lambda level: len(set(level)) == 1, parts)) if short else 0
    return [first, *(f"to {'.'.join(name.split('.')[shared:])}" for name in deeper), ANOTHER]


def too_few(rows: Sequence[Standing], metrics: Sequence[Measure]) -> str:
    """Which questions the standings leave open, and why; empty if every best is clear."""
    best = {metric for row in rows for metric in row.best_at}
    contested = [metric for metric in metrics if sum(metric.name in row.ranks for row in rows) > 1]
    left = [metric for metric in contested if metric.name not in best]
    if not left:
        return ""
    ranked = {metric for row in rows for metric in row.ranks}
    at = "" if len(left) == len(ranked) else f" at {', '.join(metric.title for metric in left)}"
    count = max(row.questions for row in rows)
    least = f"; it takes {FEWEST}" if count < FEWEST else ""
    things = "picture and class" if count == 1 else "pictures and classes"
    return f"which {NAMES[rows[0].axis][0]} is best{at} ({count} {things}{least})"


def beaten_texts(row: Standing, rows: Sequence[Standing]) -> dict[str, str]:
    """Metric -> `no better than Edges`, or `level with Edges`; left out if it beats every baseline."""
    figures = {standing.label: standing.figures for standing in rows if standing.baseline}
    return {
        metric: f"{'level with' if row.figures[metric] == figures[baseline][metric] else 'no better than'} {baseline}"
        for metric, baseline in row.beaten_by.items()
    }
