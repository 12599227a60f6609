"""How methods, target layers or models rank by their figures, among themselves and against baselines."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import groupby
from math import isnan, nan
from statistics import fmean
from typing import TYPE_CHECKING, Any, Literal

from camctl.ranking.chance import differ, interval, samples

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from camctl.ranking.chance import Position
    from camctl.values.axis import AxisName
    from camctl.values.comparison import Cell, Comparison, Measure

    Figures = Mapping[str, Mapping[Position, float]]
    """Label -> position on the other axes -> figure."""

RankedAxis = Literal["method", "layer", "model"]
RANKED: tuple[RankedAxis, ...] = ("method", "layer", "model")
"""Axes whose values are ranked; the last two only if they have several."""

POSITION: tuple[AxisName, ...] = ("image", "class", "model", "layer", "smoothing", "method")
"""Order of the axes in a `Position`."""

LEVEL = 0.0005
"""Largest difference that counts as equal: three decimals do not show it."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The mean figures of a method, target layer or model, over all other axes that vary."""

    model: str
    """Label of the model that it was measured on; empty if there is one, and for models themselves."""
    axis: RankedAxis
    label: str
    baseline: bool
    figures: Mapping[str, float]
    """Metric -> mean over all maps that are not blank; missing if none was measured."""
    intervals: Mapping[str, tuple[float, float]]
    """Metric -> the 95 % interval of the mean; missing for a single picture and class."""
    ranks: Mapping[str, float]
    """Metric -> rank among its rivals, without baselines: 1 is the best; equals share their mean rank."""
    mean_rank: float
    """NaN if no metric ranks it."""
    best_at: tuple[str, ...]
    """Metrics at which it leads every rival by more than chance."""
    beaten_by: Mapping[str, str]
    """Metric -> the baseline that leads it most, or equals it, on the maps that both have."""
    questions: int
    """Number of pictures and classes that it was measured on."""
    maps: int
    worthless: int
    """Number of its maps with a verdict other than `ok`."""
    missing: int
    """Number of its cells without a map."""

    def to_dict(self) -> dict[str, Any]:
        """The standing as in `--json`, with its label under the name of its axis."""
        rest = asdict(self)
        return {"model": rest.pop("model"), rest.pop("axis"): rest.pop("label"), **rest}


def standings(comparison: Comparison, axis: RankedAxis = "method") -> tuple[Standing, ...]:
    """Every value of an axis with every model, the best mean rank first, baselines last; empty without metrics.

    Target layers and models are ranked only if there are several, by the maps of all methods but the baselines, which
    hardly depend on them.
    """
    if not comparison.metrics or (axis != "method" and len(comparison.axis(axis)) == 1):
        return ()
    blind = () if axis == "method" else comparison.baselines
    cells = [cell for cell in comparison.cells if comparison.label("method", cell.at) not in blind]
    several = axis != "model" and len(comparison.axis("model")) > 1
    rows: list[Standing] = []
    for model, own in by_model(cells, apart=several):
        if any(cell.cam for cell in own):  # the model did not fail as a whole
            rows.extend(_rows(comparison, axis, own, comparison.axis("model").labels[model] if several else ""))
    return tuple(rows)


def _rows(comparison: Comparison, axis: RankedAxis, cells: Sequence[Cell], model: str) -> list[Standing]:
    labels = comparison.axis(axis).labels
    by_label = {label: [cell for cell in cells if cell.at[axis] == i] for i, label in enumerate(labels)}
    figures: dict[Measure, Figures] = {
        measure: {label: values for label, own in by_label.items() if (values := _figures(own, measure.name, axis))}
        for measure in comparison.metrics
    }
    baselines = comparison.baselines if axis == "method" else ()
    rows = [
        _standing(label, own, figures, baselines, model=model, axis=axis)
        for label, own in by_label.items()
        if axis == "method" or any(cell.cam for cell in own)  # not another model's layer, nor a failed model
    ]
    return sorted(rows, key=lambda row: (row.baseline, isnan(row.mean_rank), row.mean_rank))


def _standing(
    label: str,
    cells: Sequence[Cell],
    figures: Mapping[Measure, Figures],
    baselines: Sequence[str],
    *,
    model: str,
    axis: RankedAxis,
) -> Standing:
    own = {measure: values[label] for measure, values in figures.items() if label in values}
    ranked = [measure for measure in own if measure.better != "neither" and label not in baselines]
    rivals: dict[Measure, Figures] = {
        measure: {other: values for other, values in figures[measure].items() if other not in {label, *baselines}}
        for measure in ranked
    }
    ranks = {measure.name: _rank(measure, own[measure], rivals[measure]) for measure in ranked}
    leaders = {measure.name: _ahead(measure, own[measure], figures[measure], baselines) for measure in ranked}
    return Standing(
        model=model,
        axis=axis,
        label=label,
        baseline=label in baselines,
        figures={measure.name: fmean(values.values()) for measure, values in own.items()},
        intervals={measure.name: ends for measure, values in own.items() if (ends := interval(values))},
        ranks=ranks,
        mean_rank=fmean(ranks.values()) if ranks else nan,
        best_at=tuple(
            measure.name
            for measure in ranked
            if rivals[measure]
            and ranks[measure.name] == 1
            and all(differ(own[measure], values) for values in rivals[measure].values())
        ),
        beaten_by={metric: baseline for metric, baseline in leaders.items() if baseline},
        questions=max(map(samples, own.values()), default=0),
        maps=len(cells),
        worthless=sum(cell.cam is not None and cell.cam.verdict != "ok" for cell in cells),
        missing=sum(cell.cam is None for cell in cells),
    )


def _rank(measure: Measure, mine: Mapping[Position, float], rivals: Figures) -> float:
    """Rank among rivals: 1 is the best; equals share their mean rank."""
    leads = [_lead(measure, rival, mine) for rival in rivals.values()]
    return 1 + sum(lead > 0 for lead in leads) + sum(lead == 0 for lead in leads) / 2


def _ahead(measure: Measure, mine: Mapping[Position, float], figures: Figures, baselines: Sequence[str]) -> str:
    """The baseline that leads most, or is equal; empty if there is none."""
    leads = {label: _lead(measure, figures[label], mine) for label in baselines if label in figures}
    leads = {label: lead for label, lead in leads.items() if lead >= 0}
    return max(leads, key=lambda label: leads[label]) if leads else ""


def _figures(cells: Sequence[Cell], metric: str, axis: RankedAxis) -> dict[Position, float]:
    """Position on the other axes -> figure; rivals have figures at the same positions."""
    order = [name for name in POSITION if name != axis]
    return {
        tuple(cell.at[name] for name in order): figure
        for cell in cells
        if not isnan(figure := cell.figures.get(metric, nan))
    }


def _lead(measure: Measure, first: Mapping[Position, float], second: Mapping[Position, float]) -> float:
    """By how much the first is better, where both have a figure; 0 if by at most `LEVEL`.

    So a method without maps of hard pictures is not compared with others' figures on them.
    """
    common = first.keys() & second.keys()
    if not common:
        return nan
    lead = fmean(first[position] for position in common) - fmean(second[position] for position in common)
    lead = lead if measure.better == "higher" else -lead
    return 0.0 if abs(lead) <= LEVEL else lead


def by_model(cells: Sequence[Cell], *, apart: bool) -> list[tuple[int, list[Cell]]]:
    """Cells of each model (by its index), or all of them together."""
    if not apart:
        return [(0, list(cells))]
    ordered = sorted(cells, key=lambda cell: cell.at["model"])
    return [(model, list(group)) for model, group in groupby(ordered, key=lambda cell: cell.at["model"])]


def ladders(comparison: Comparison) -> dict[RankedAxis, list[list[Standing]]]:
    """The standings of every axis that is ranked, those of each model in a list of their own."""
    by_axis = {axis: standings(comparison, axis) for axis in RANKED}
    return {
        axis: [list(own) for _, own in groupby(rows, key=lambda row: row.model)]
        for axis, rows in by_axis.items()
        if rows
    }
