"""The tables of a report: how methods stand by their figures, and how much their maps agree."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from math import isfinite
from typing import TYPE_CHECKING

from camctl.ranking import RANKED, agreement, standings
from camctl.render.report.words import DASH, MINUS, too_few
from camctl.values.comparison import NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from camctl.ranking import RankedAxis, Standing
    from camctl.values.comparison import Comparison

MANY = 6
"""A matrix of more columns has its headings on end."""


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """A method, target layer or model as its row says it."""

    standing: Standing
    beaten: Mapping[str, str]
    """Metric -> `no better than Edges` or `level with Edges`; the metrics at which it beats every baseline left out."""


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """What is ranked on a model, the best first, and the baselines; the model is empty where there is one."""

    model: str
    methods: list[Ranked]
    baselines: list[Ranked]
    too_few: str
    """What too few questions leave open; empty where nothing is."""


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """The standings along an axis."""

    axis: tuple[str, str]
    """What it is called: one of it, several."""
    rankings: list[Ranking]


def ladders(comparison: Comparison) -> list[Ladder]:
    """One an axis that is ranked; none without metrics."""
    found = [Ladder(axis=NAMES[axis], rankings=_rankings(comparison, axis)) for axis in RANKED]
    return [one for one in found if one.rankings]


def _rankings(comparison: Comparison, axis: RankedAxis) -> list[Ranking]:
    """One a model."""
    found = []
    for model, group in groupby(standings(comparison, axis), key=lambda one: one.model):
        rows = list(group)
        ranked = [Ranked(standing=one, beaten=_beaten(one, rows)) for one in rows]
        found.append(
            Ranking(
                model=model,
                methods=[one for one in ranked if not one.standing.baseline],
                baselines=[one for one in ranked if one.standing.baseline],
                too_few=too_few(rows, comparison.metrics),
            )
        )
    return found


def _beaten(one: Standing, rows: Sequence[Standing]) -> dict[str, str]:
    figures = {each.label: each.figures for each in rows if each.baseline}
    return {
        metric: f"{'level with' if one.figures[metric] == figures[baseline][metric] else 'no better than'} {baseline}"
        for metric, baseline in one.beaten_by.items()
    }


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """The agreement of a model's maps along an axis, or that of the models; the model is empty where there is one."""

    model: str
    axis: tuple[str, str]
    """What it is called: one of it, several."""
    labels: tuple[str, ...]
    rows: list[list[tuple[str, int]]]
    """(correlation as text, depth of its colour -10..10)."""

    @property
    def many(self) -> bool:
        """Whether it has more columns than can have level headings."""
        return len(self.labels) > MANY


def matrices(comparison: Comparison) -> list[Matrix]:
    """One a model (or one of the models); none where nothing varies."""
    return [
        Matrix(
            model=one.model,
            axis=NAMES[one.axis],
            labels=one.labels,
            rows=[[_shade(value) for value in row] for row in one.matrix],
        )
        for one in agreement(comparison)
    ]


def _shade(value: float) -> tuple[str, int]:
    if not isfinite(value):
        return DASH, 0
    # Adding nothing turns a zero's minus sign off.
    return f"{round(value, 2) + 0.0:.2f}".replace("-", MINUS), round(10 * value)
