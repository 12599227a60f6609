"""Which methods see the class, and which the network at all: maps under random weights compared with the original."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import comb
from statistics import median
from typing import TYPE_CHECKING, Any

from camctl.values.axis import AXES
from camctl.values.comparison import ANOTHER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from camctl.values.axis import AxisName
    from camctl.values.comparison import Comparison, Redrawn, Sanity

HEAD = "head"

BLIND = "does not see the class"
FEW = "too few to tell"

CLASS_BLIND = 0.8
"""Median rank correlation at the head from which a map counts as the same whichever class it explains.

The median is that over all heads and pictures, and its whole 95 % interval must lie above. On EfficientNet-Lite0 with
eleven photographs and sixteen heads the figures of EigenGradCAM are -.9 or .9 at random: for 24 to 44 of them the
median alone marked it every other time, the interval at most one time in 25, and GradCAM never; GradCAM++ and LayerCAM
were marked each time.
"""

LEAST_PICTURES = 3
"""Fewest pictures for a mark."""

UNSURE = 0.05
"""Probability that the median lies outside its interval."""


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """Similarity of maps: medians over pictures, classes and random weights."""

    correlation: float
    """Spearman's rank correlation, -1..1."""
    ssim: float
    """Structural similarity, -1..1."""
    count: int
    """Number of pairs of maps."""


@dataclass(frozen=True, kw_only=True)
class SanityRow:
    """A method (at a layer, with a smoothing, of a model) stage by stage."""

    at: Mapping[AxisName, int]
    """Its indices on the axes model, layer, smoothing and method."""
    label: str
    """The method, and the other labels that distinguish the row."""
    drawn: Mapping[str, Redrawn]
    """Stage -> a map to show."""
    stages: Mapping[str, Likeness]
    """From the head down; `another picture` last: the similarity of any two maps of the method."""
    pictures: int
    interval: tuple[float, float]
    """95 % interval of the median rank correlation at the head; -1 to 1 with few figures."""
    mark: str
    """`does not see the class`, `too few to tell`, or empty."""


def sanity_rows(comparison: Comparison) -> dict[int, list[SanityRow]]:
    """The rows of every model (by index) in the order of the axes; empty without sanity checks."""
    return {sanity.model: list(_rows(comparison, sanity)) for sanity in comparison.sanity}


def sanity_to_dict(comparison: Comparison) -> dict[str, Any]:
    """Medians and all figures for `--json`; empty without sanity checks."""
    models = [_model(comparison, sanity) for sanity in comparison.sanity]
    return {"sanity": models} if models else {}


def _rows(comparison: Comparison, sanity: Sanity) -> Iterable[SanityRow]:
    groups: dict[tuple[int, ...], list[Redrawn]] = {}
    axes = [name for name in AXES if name not in {"image", "class"}]
    for redrawn in sanity.redrawn:
        groups.setdefault(tuple(redrawn.at[name] for name in axes), []).append(redrawn)
    for indices, group in sorted(groups.items()):
        at = dict(zip(axes, indices, strict=True))
        method = comparison.label("method", at)
        pictures = len({redrawn.at["image"] for redrawn in group if redrawn.stage == HEAD})
        interval = _interval(group)
        more = [comparison.label(name, at) for name in ("layer", "smoothing") if name in comparison.varying]
        yield SanityRow(
            at=at,
            label=" ".join([method, *more]),
            drawn={redrawn.stage: redrawn for redrawn in group if redrawn.values is not None},
            stages=_stages(sanity, group),
            pictures=pictures,
            interval=interval,
            mark=_mark(interval, pictures, classless=method in sanity.classless),
        )


def _stages(sanity: Sanity, group: Iterable[Redrawn]) -> dict[str, Likeness]:
    stages = {stage: [redrawn for redrawn in group if redrawn.stage == stage] for stage in (*sanity.stages, ANOTHER)}
    return {
        stage: Likeness(
            correlation=median(redrawn.correlation for redrawn in members),
            ssim=median(redrawn.ssim for redrawn in members),
            count=len(members),
        )
        for stage, members in stages.items()
        if members
    }


def _interval(group: Iterable[Redrawn]) -> tuple[float, float]:
    """The distribution-free interval of the median at the head: between two of the ordered figures.

    Classes of one picture under one head count as one figure, their median.
    """
    draws: dict[tuple[int, int], list[float]] = {}
    for redrawn in group:
        if redrawn.stage == HEAD:
            draws.setdefault((redrawn.at["image"], redrawn.seed), []).append(redrawn.correlation)
    ordered = sorted(map(median, draws.values()))
    count, below, chance = len(ordered), 0, 0.0
    # Fewer than `below` of the figures are under the median with a probability of less than half of `UNSURE`.
    while below <= count and (chance := chance + comb(count, below) / 2**count) <= UNSURE / 2:
        below += 1
    return (ordered[below - 1], ordered[count - below]) if below else (-1.0, 1.0)


def _mark(interval: tuple[float, float], pictures: int, *, classless: bool) -> str:
    """The mark of a row; `classless`: the method itself declares that it does not use the class."""
    low, high = interval
    if classless or (pictures >= LEAST_PICTURES and low >= CLASS_BLIND):
        return BLIND
    return "" if pictures >= LEAST_PICTURES and high < CLASS_BLIND else FEW


def _model(comparison: Comparison, sanity: Sanity) -> dict[str, Any]:
    return {
        "model": comparison.axis("model").labels[sanity.model],
        "stages": list(sanity.stages),
        "rows": [
            {
                **{name: comparison.label(name, row.at) for name in row.at if name != "model"},
                "pictures": row.pictures,
                "head_interval": list(row.interval),
                "mark": row.mark,
                "medians": {stage: asdict(likeness) for stage, likeness in row.stages.items()},
            }
            for row in _rows(comparison, sanity)
        ],
        "figures": [
            {
                "at": {name: comparison.label(name, redrawn.at) for name in AXES},
                **{key: getattr(redrawn, key) for key in ("stage", "seed", "verdict", "correlation", "ssim")},
            }
            for redrawn in sanity.redrawn
        ],
    }
