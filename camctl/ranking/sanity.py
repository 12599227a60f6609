"""Which methods see the class, and which the network at all: maps of redrawn weights against those of the whole."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from camctl.values.comparison import AxisName, Comparison, Redrawn, Sanity

HEAD = "head"

BLIND = "does not see the class"
FEW = "too few to tell"

DEAF = 0.8
"""A median rank correlation at the head of this or more: the map is the same whichever class it is asked for.

The median is that of all heads and pictures, and its whole 95 % interval must lie there. On EfficientNet-Lite0 with
eleven photographs and sixteen heads EigenGradCAM's figures are -.9 or .9 by the toss of a coin: of 24 to 44 of them the
bare median called it deaf every other time, the interval at most one time in 25, and GradCAM never; GradCAM++ and
LayerCAM were called so each time.
"""

LEAST_PICTURES = 3
"""With maps of fewer pictures nothing is said of a method."""

UNSURE = 0.05
"""How often the median may lie outside its interval."""

POOLED: tuple[AxisName, ...] = ("image", "class")


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """How alike maps are: medians over pictures, classes and random weights."""

    correlation: float
    """Spearman's rank correlation, -1..1."""
    ssim: float
    """Structural similarity, -1..1."""
    count: int
    """Pairs of maps."""


@dataclass(frozen=True, kw_only=True)
class SanityRow:
    """A method (at a layer, with a smoothing, of a model) stage by stage."""

    at: Mapping[AxisName, int]
    """Its places on the axes model, layer, smoothing and method."""
    label: str
    """The method, and what else it is told from others by."""
    stages: Mapping[str, Likeness]
    """From the head down; `another picture` last, what any two maps of the method have in common."""
    pictures: int
    interval: tuple[float, float]
    """Where the median rank correlation at the head lies, with 95 % confidence; of few figures -1 to 1."""
    mark: str
    """`does not see the class`, `too few to tell`, or empty."""


def sanity_rows(comparison: Comparison) -> dict[int, tuple[SanityRow, ...]]:
    """The rows of every model (by its place) in the order of the axes; empty where no sanity was asked for."""
    return {one.model: tuple(_rows(comparison, one)) for one in comparison.sanity}


def sanity_to_dict(comparison: Comparison) -> dict[str, Any]:
    """What `--json` says of it: medians and every single figure; nothing where it was not asked for."""
    if not comparison.sanity:
        return {}
    rows = sanity_rows(comparison)
    return {"sanity": [_model(comparison, one, rows[one.model]) for one in comparison.sanity]}


def _rows(comparison: Comparison, sanity: Sanity) -> Iterable[SanityRow]:
    from camctl.values.comparison import ANOTHER, AXES

    groups: dict[tuple[int, ...], list[Redrawn]] = {}
    apart = [name for name in AXES if name not in POOLED]
    for one in sanity.redrawn:
        groups.setdefault(tuple(one.at[name] for name in apart), []).append(one)
    for places, redrawn in sorted(groups.items()):
        at = dict(zip(apart, places, strict=True))
        stages = {}
        for stage in (*sanity.stages, ANOTHER):
            if some := [one for one in redrawn if one.stage == stage]:
                stages[stage] = Likeness(
                    correlation=median(one.correlation for one in some),
                    ssim=median(one.ssim for one in some),
                    count=len(some),
                )
        pictures = len({one.at["image"] for one in redrawn if one.stage == HEAD})
        interval = _interval(redrawn)
        method = comparison.label("method", at)
        more = [comparison.label(name, at) for name in ("layer", "smoothing") if name in comparison.varying]
        yield SanityRow(
            at=at,
            label=" ".join([method, *more]),
            stages=stages,
            pictures=pictures,
            interval=interval,
            mark=_mark(interval, pictures, known=method in sanity.classless),
        )


def _interval(redrawn: Iterable[Redrawn]) -> tuple[float, float]:
    """The interval of the median at the head: between two of the figures in order, whatever their distribution.

    Classes of one picture under one head count as one figure, their median.
    """
    draws: dict[tuple[int, int], list[float]] = {}
    for one in redrawn:
        if one.stage == HEAD:
            draws.setdefault((one.at["image"], one.seed), []).append(one.correlation)
    ordered = sorted(map(median, draws.values()))
    count, below, chance = len(ordered), 0, 0.0
    # Fewer than `below` of the figures lie under the median with a chance of less than half of `UNSURE`.
    while below <= count and (chance := chance + comb(count, below) / 2**count) <= UNSURE / 2:
        below += 1
    return (ordered[below - 1], ordered[count - below]) if below else (-1.0, 1.0)


def _mark(interval: tuple[float, float], pictures: int, *, known: bool) -> str:
    """`known`: the method says itself that it knows no class."""
    low, high = interval
    if known or (pictures >= LEAST_PICTURES and low >= DEAF):
        return BLIND
    return "" if pictures >= LEAST_PICTURES and high < DEAF else FEW


def _model(comparison: Comparison, sanity: Sanity, rows: Iterable[SanityRow]) -> dict[str, Any]:
    from camctl.values.comparison import AXES

    return {
        "model": comparison.axis("model").labels[sanity.model],
        "stages": list(sanity.stages),
        "rows": [
            {
                **{name: comparison.label(name, row.at) for name in row.at if name != "model"},
                "pictures": row.pictures,
                "head_interval": list(row.interval),
                "mark": row.mark,
                "medians": {
                    stage: {"correlation": one.correlation, "ssim": one.ssim, "count": one.count}
                    for stage, one in row.stages.items()
                },
            }
            for row in rows
        ],
        "figures": [
            {
                "at": {name: comparison.label(name, one.at) for name in AXES},
                "stage": one.stage,
                "seed": one.seed,
                "verdict": one.verdict,
                "correlation": one.correlation,
                "ssim": one.ssim,
            }
            for one in sanity.redrawn
        ],
    }
