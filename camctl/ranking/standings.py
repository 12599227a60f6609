"""How methods, target layers or models stand by their figures, among themselves and against baselines."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import groupby
from math import isnan, nan
from statistics import fmean
from typing import TYPE_CHECKING, Any, Literal

from camctl.ranking.chance import differ, interval, samples

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from camctl.values.comparison import AxisName, Cell, Comparison, Measure

    Question = tuple[int, ...]
    Figures = Mapping[str, Mapping[Question, float]]

RankedAxis = Literal["method", "layer", "model"]
RANKED: tuple[RankedAxis, ...] = ("method", "layer", "model")
"""Axes whose values are ranked; the last two only where they have several."""

LEVEL = 0.0005
"""Difference that three decimals do not show: nobody is ranked by it."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The mean figures of a method, target layer or model, over all else that varies."""

    model: str
    """Label of the model that it was measured on; empty where there is one, and for models themselves."""
    axis: RankedAxis
    label: str
    baseline: bool
    figures: Mapping[str, float]
    """Metric -> mean over the maps that can be drawn, misleading ones too; missing where none was measured."""
    intervals: Mapping[str, tuple[float, float]]
    """Metric -> the 95 % interval of the mean; missing for a single picture and class."""
    ranks: Mapping[str, float]
    """Metric -> place among its rivals, 1 the best, those level sharing; baselines are not counted among them."""
    mean_rank: float
    """NaN where nothing ranks."""
    best_at: tuple[str, ...]
    """Metrics at which it is ahead of every rival by more than chance."""
    beaten_by: Mapping[str, str]
    """Metric -> the baseline that is furthest ahead of it, or level, on the maps that both have."""
    questions: int
    """How many pictures and classes it was measured on."""
    maps: int
    worthless: int
    """How many of its maps have a verdict other than `ok`."""
    missing: int
    """How many of its places have no map."""

    def to_dict(self) -> dict[str, Any]:
        """As it stands in `--json`, under the name of its axis."""
        rest = asdict(self)
        return {"model": rest.pop("model"), rest.pop("axis"): rest.pop("label"), **rest}


def standings(comparison: Comparison, axis: RankedAxis = "method") -> tuple[Standing, ...]:
    """Every value of an axis with every model, the best mean rank first, baselines last; empty without metrics.

    Target layers and models are ranked by the maps of all methods but the baselines, which hardly look at them, and
    only where there are several.
    """
    if not comparison.metrics or (axis != "method" and len(comparison.axis(axis)) == 1):
        return ()
    blind = () if axis == "method" else comparison.baselines
    cells = [cell for cell in comparison.cells if comparison.label("method", cell.at) not in blind]
    several = axis != "model" and len(comparison.axis("model")) > 1
    found: list[Standing] = []
    for model, own in by_model(cells, apart=several):
        if any(cell.cam for cell in own):  # else the model failed as a whole
            found.extend(_stand(comparison, axis, own, comparison.axis("model").labels[model] if several else ""))
    return tuple(found)


def undecided(rows: Sequence[Standing], metrics: Sequence[Measure]) -> tuple[Measure, ...]:
    """Metrics that rank some of these, and at which none is the best by more than chance."""
    best = {metric for one in rows for metric in one.best_at}
    ranked = [measure for measure in metrics if sum(measure.name in one.ranks for one in rows) > 1]
    return tuple(measure for measure in ranked if measure.name not in best)


def _stand(comparison: Comparison, axis: RankedAxis, cells: Sequence[Cell], model: str) -> list[Standing]:
    labels = comparison.axis(axis).labels
    by_label = {label: [cell for cell in cells if cell.at[axis] == i] for i, label in enumerate(labels)}
    figures: dict[Measure, Figures] = {
        measure: {label: found for label, own in by_label.items() if (found := _figures(own, measure.name, axis))}
        for measure in comparison.metrics
    }
    baselines = comparison.baselines if axis == "method" else ()
    rows = [
        _standing(label, own, figures, baselines, model=model, axis=axis)
        for label, own in by_label.items()
        if axis == "method" or any(cell.cam for cell in own)  # else it is another model's layer, or a failed model
    ]
    return sorted(rows, key=lambda one: (one.baseline, isnan(one.mean_rank), one.mean_rank))


def _standing(
    label: str,
    cells: Sequence[Cell],
    figures: Mapping[Measure, Figures],
    baselines: Sequence[str],
    *,
    model: str,
    axis: RankedAxis,
) -> Standing:
    own = {measure: found[label] for measure, found in figures.items() if label in found}
    ranked = [measure for measure in own if measure.better != "neither" and label not in baselines]
    rivals: dict[Measure, Figures] = {
        measure: {other: found for other, found in figures[measure].items() if other not in {label, *baselines}}
        for measure in ranked
    }
    ranks = {measure.name: _rank(measure, own[measure], rivals[measure]) for measure in ranked}
    leaders = {measure.name: _ahead(measure, own[measure], figures[measure], baselines) for measure in ranked}
    return Standing(
        model=model,
        axis=axis,
        label=label,
        baseline=label in baselines,
        figures={measure.name: fmean(found.values()) for measure, found in own.items()},
        intervals={measure.name: ends for measure, found in own.items() if (ends := interval(found))},
        ranks=ranks,
        mean_rank=fmean(ranks.values()) if ranks else nan,
        best_at=tuple(
            measure.name
            for measure in ranked
            if rivals[measure]
            and ranks[measure.name] == 1
            and all(differ(own[measure], found) for found in rivals[measure].values())
        ),
        beaten_by={metric: baseline for metric, baseline in leaders.items() if baseline},
        questions=max(map(samples, own.values()), default=0),
        maps=len(cells),
        worthless=sum(cell.cam is not None and cell.cam.verdict != "ok" for cell in cells),
        missing=sum(cell.cam is None for cell in cells),
    )


def _rank(measure: Measure, mine: Mapping[Question, float], rivals: Figures) -> float:
    """The place among rivals, 1 the best, those level sharing."""
    leads = [_lead(measure, rival, mine) for rival in rivals.values()]
    return 1 + sum(lead > 0 for lead in leads) + sum(lead == 0 for lead in leads) / 2


def _ahead(measure: Measure, mine: Mapping[Question, float], figures: Figures, baselines: Sequence[str]) -> str:
    """The baseline that is furthest ahead, or level; empty where none is."""
    leads = {label: _lead(measure, figures[label], mine) for label in baselines if label in figures}
    leads = {label: lead for label, lead in leads.items() if lead >= 0}
    return max(leads, key=lambda label: leads[label]) if leads else ""


def _figures(cells: Sequence[Cell], metric: str, axis: RankedAxis) -> dict[Question, float]:
    """What was measured, by what else varies, image and class first: the question that rivals were asked as well."""
    places: tuple[AxisName, ...] = ("image", "class", "model", "layer", "smoothing", "method")
    order = [name for name in places if name != axis]
    return {
        tuple(cell.at[name] for name in order): figure
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


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """The standings of an axis on one model: the best first, baselines last."""

    axis: RankedAxis
    model: str
    """Empty if there is one model, and for models themselves."""
    rows: tuple[Standing, ...]


def ladders(comparison: Comparison) -> dict[RankedAxis, list[Ladder]]:
    """The ladders of every axis that is ranked; empty without metrics."""
    found = {}
    for axis in RANKED:
        groups = groupby(standings(comparison, axis), key=lambda standing: standing.model)
        if own := [Ladder(axis=axis, model=model, rows=tuple(rows)) for model, rows in groups]:
            found[axis] = own
    return found
