"""How much the maps of a comparison are alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from camctl.ranking.correlation import ranks, together
from camctl.ranking.standings import by_model

if TYPE_CHECKING:
    from collections.abc import Iterable

    from camctl.values.comparison import AxisName, Cell, Comparison
    from camctl.values.explanation import Cam

COMPARED: tuple[AxisName, ...] = ("method", "smoothing", "class", "layer", "model")
"""Axes whose maps are set against each other, the first that varies."""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How much the maps along one axis are alike: mean rank correlation over all else that varies."""

    axis: AxisName
    model: str
    """Label of the model; empty where models themselves are compared, or there is one."""
    labels: tuple[str, ...]
    matrix: tuple[tuple[float, ...], ...]
    """(labels, labels), -1..1, symmetric; NaN where two never both have a map."""

    def to_dict(self) -> dict[str, Any]:
        """As it stands in `--json`."""
        return {
            "axis": self.axis,
            "model": self.model,
            "labels": list(self.labels),
            "matrix": [list(row) for row in self.matrix],
        }


def agreement(comparison: Comparison) -> tuple[Agreement, ...]:
    """One matrix a model (or one of the models), along the first axis that varies; none where nothing varies."""
    axis = next((name for name in COMPARED if name in comparison.varying), None)
    if axis is None:
        return ()
    per_model = axis != "model" and len(comparison.axis("model")) > 1
    labels = comparison.axis(axis).labels
    found = []
    for model, cells in by_model(comparison.cells, apart=per_model):
        sums, counts = np.zeros((len(labels),) * 2), np.zeros((len(labels),) * 2)
        for maps in _alike_but_for(axis, cells):
            seen = together(list(maps.values()))
            if seen is None:
                continue
            places = list(maps)
            ranked = np.stack([ranks(values) for values in seen])
            sound = (ranked != 0).any(axis=1)
            pairs = np.ix_(places, places)
            counts[pairs] += sound[:, None] & sound
            sums[pairs] += ranked @ ranked.T
        with np.errstate(invalid="ignore"):
            matrix = np.clip(np.where(counts > 0, sums / counts, np.nan), -1, 1)
        label = comparison.axis("model").labels[model] if per_model else ""
        rows = tuple(tuple(map(float, row)) for row in matrix)
        found.append(Agreement(axis=axis, model=label, labels=labels, matrix=rows))
    return tuple(found)


def _alike_but_for(axis: AxisName, cells: Iterable[Cell]) -> list[dict[int, Cam]]:
    """Cells that differ along `axis` alone: place on it -> map."""
    groups: dict[tuple[int, ...], dict[int, Cam]] = {}
    for cell in cells:
        if cell.cam is not None:
            rest = tuple(place for name, place in cell.at.items() if name != axis)
            groups.setdefault(rest, {})[cell.at[axis]] = cell.cam
    return list(groups.values())
