"""How similar the maps of a comparison are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from camctl.ranking.correlation import ranks, together
from camctl.ranking.standings import by_model

if TYPE_CHECKING:
    from collections.abc import Iterable

    from camctl.values.axis import AxisName
    from camctl.values.cam import Cam
    from camctl.values.comparison import Cell, Comparison

COMPARED: tuple[AxisName, ...] = ("method", "smoothing", "class", "layer", "model")
"""Axes whose maps are compared: the first one that varies."""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Similarity of the maps along one axis: mean rank correlation over all other axes that vary."""

    axis: AxisName
    model: str
    """Label of the model; empty if models themselves are compared, or there is one."""
    labels: tuple[str, ...]
    matrix: tuple[tuple[float, ...], ...]
    """(labels, labels), -1..1, symmetric; NaN if two never both have a map."""


def agreement(comparison: Comparison) -> tuple[Agreement, ...]:
    """One matrix per model (or one of the models), along the first axis that varies; empty if none varies."""
    axis = next((name for name in COMPARED if name in comparison.varying), None)
    if axis is None:
        return ()
    per_model = axis != "model" and len(comparison.axis("model")) > 1
    labels = comparison.axis(axis).labels
    return tuple(
        Agreement(
            axis=axis,
            model=comparison.axis("model").labels[model] if per_model else "",
            labels=labels,
            matrix=_matrix(axis, len(labels), cells),
        )
        for model, cells in by_model(comparison.cells, apart=per_model)
    )


def _matrix(axis: AxisName, size: int, cells: Iterable[Cell]) -> tuple[tuple[float, ...], ...]:
    sums, counts = np.zeros((size, size)), np.zeros((size, size))
    for maps in _groups(axis, cells):
        overlap = together(list(maps.values()))
        if overlap is None:
            continue
        ranked = np.stack([ranks(values) for values in overlap])
        valid = (ranked != 0).any(axis=1)
        pairs = np.ix_(list(maps), list(maps))
        counts[pairs] += valid[:, None] & valid
        sums[pairs] += ranked @ ranked.T
    with np.errstate(invalid="ignore"):
        matrix = np.clip(np.where(counts > 0, sums / counts, np.nan), -1, 1)
    return tuple(tuple(map(float, row)) for row in matrix)


def _groups(axis: AxisName, cells: Iterable[Cell]) -> list[dict[int, Cam]]:
    """Maps that differ only along `axis`, by their index on it."""
    groups: dict[tuple[int, ...], dict[int, Cam]] = {}
    for cell in cells:
        if cell.cam is not None:
            rest = tuple(index for name, index in cell.at.items() if name != axis)
            groups.setdefault(rest, {})[cell.at[axis]] = cell.cam
    return list(groups.values())
