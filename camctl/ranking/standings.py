"""How methods stand by their figures, among themselves and against baselines."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import groupby
from math import isnan, nan
from statistics import fmean
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from camctl.comparison import Cell, Comparison, Measure

    Question = tuple[int, ...]

LEVEL = 0.0005
"""Difference that three decimals do not show: nobody is ranked by it."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A method's mean figures with one model, over images, classes, layers and smoothings."""

    model: str
    """Label of the model; empty where there is one."""
    method: str
    baseline: bool
    figures: Mapping[str, float]
    """Metric -> mean over the maps that can be drawn, misleading ones too; missing where none was measured."""
    ranks: Mapping[str, float]
    """Metric -> place among the methods, 1 the best, those level sharing; baselines are not counted among them."""
    mean_rank: float
    """NaN where nothing ranks."""
    beaten_by: Mapping[str, str]
    """Metric -> the baseline that is furthest ahead of it, or level, on the maps that both have."""
    maps: int
    worthless: int
    """How many of its maps have a verdict other than `ok`."""
    missing: int
    """How many of its places have no map."""

    def to_dict(self) -> dict[str, Any]:
        """As it stands in `--json`."""
        return asdict(self)


def standings(comparison: Comparison) -> tuple[Standing, ...]:
    """Every method with every model, the best mean rank first, baselines last; empty without metrics."""
    if not comparison.metrics:
        return ()
    several = len(comparison.axis("model")) > 1
    found: list[Standing] = []
    for model, cells in by_model(comparison.cells, apart=several):
        label = comparison.axis("model").labels[model] if several else ""
        found.extend(_stand(comparison, cells, label))
    return tuple(found)


def _stand(comparison: Comparison, cells: Sequence[Cell], model: str) -> list[Standing]:
    labels = comparison.axis("method").labels
    of_method = {label: [cell for cell in cells if cell.at["method"] == i] for i, label in enumerate(labels)}
    if not any(cell.cam for cell in cells):
        return []  # a model that failed as a whole
    ranks: dict[str, dict[str, float]] = {label: {} for label in labels}
    means: dict[str, dict[str, float]] = {label: {} for label in labels}
    beaten: dict[str, dict[str, str]] = {label: {} for label in labels}
    for measure in comparison.metrics:
        figures = {label: _figures(own, measure.name) for label, own in of_method.items()}
        figures = {label: own for label, own in figures.items() if own}
        for label, own in figures.items():
            means[label][measure.name] = fmean(own.values())
        if measure.better == "neither":
            continue
        methods = [label for label in figures if label not in comparison.baselines]
        for label in methods:
            leads = [_lead(measure, figures[other], figures[label]) for other in methods if other != label]
            ranks[label][measure.name] = 1 + sum(lead > 0 for lead in leads) + sum(lead == 0 for lead in leads) / 2
            ahead = {
                other: lead
                for other in comparison.baselines
                if other in figures and (lead := _lead(measure, figures[other], figures[label])) >= 0
            }
            if ahead:
                beaten[label][measure.name] = max(ahead, key=lambda other: ahead[other])
    found = [
        Standing(
            model=model,
            method=label,
            baseline=label in comparison.baselines,
            figures=means[label],
            ranks=ranks[label],
            mean_rank=fmean(ranks[label].values()) if ranks[label] else nan,
            beaten_by=beaten[label],
            maps=len(own),
            worthless=sum(cell.cam is not None and cell.cam.verdict != "ok" for cell in own),
            missing=sum(cell.cam is None for cell in own),
        )
        for label, own in of_method.items()
    ]
    return sorted(found, key=lambda one: (one.baseline, isnan(one.mean_rank), one.mean_rank))


def _figures(cells: Sequence[Cell], metric: str) -> dict[Question, float]:
    """What was measured of a method's maps, by what else varies: the question that its rivals were asked as well."""
    return {
        tuple(place for name, place in cell.at.items() if name != "method"): figure
        for cell in cells
        if not isnan(figure := cell.figures.get(metric, nan))
    }


def _lead(measure: Measure, one: Mapping[Question, float], other: Mapping[Question, float]) -> float:
    """By how much one is better than the other, on the questions that both have a figure for; 0 where that is `LEVEL`.

    So a method that gives up on hard pictures is not set against others' figures on them.
    """
    common = one.keys() & other.keys()
    if not common:
        return nan
    lead = fmean(one[question] for question in common) - fmean(other[question] for question in common)
    lead = lead if measure.better == "higher" else -lead
    return 0.0 if abs(lead) <= LEVEL else lead


def by_model(cells: Sequence[Cell], *, apart: bool) -> list[tuple[int, list[Cell]]]:
    """Cells of each model (by its place), or all of them together."""
    if not apart:
        return [(0, list(cells))]
    ordered = sorted(cells, key=lambda cell: cell.at["model"])
    return [(model, list(group)) for model, group in groupby(ordered, key=lambda cell: cell.at["model"])]
