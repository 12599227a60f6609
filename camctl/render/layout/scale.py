"""The shared scale, on which maps side by side can be compared by their raw values.

Raw maps of different methods have different units, and so have those of different networks and layers: only maps that
share model, method, layers and smoothing can share a scale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Hashable

    from camctl.values.comparison import Cell, Comparison

Ends = tuple[float, float]
"""Lowest and highest value of a map on its shared scale."""


def shared_range(comparison: Comparison) -> dict[Cell, Ends]:
    """The range of each map on its shared scale: cell -> (low, high), 0 <= low <= high <= 1.

    These are the map's smallest and largest raw value (negative ones count as 0), divided by the largest value of all
    maps that share model, method, layers and smoothing. A blank map has (0, 0); cells without a map are left out.
    """
    ends: dict[Cell, Ends] = {}
    groups: dict[Cell, Hashable] = {}
    largest: dict[Hashable, float] = {}
    for cell in comparison.cells:
        if (cam := cell.cam) is None:
            continue
        positive = np.maximum(cam.raw, 0)
        ends[cell] = (0.0, 0.0) if cam.blank else (float(positive.min()), float(positive.max()))
        # By index, as two checkpoints of one model are two models.
        group = groups[cell] = cell.at["model"], cell.at["method"], cell.at["smoothing"], cam.layers
        largest[group] = max(largest.get(group, 0.0), ends[cell][1])
    full = {cell: largest[group] or 1.0 for cell, group in groups.items()}
    return {cell: (low / full[cell], high / full[cell]) for cell, (low, high) in ends.items()}
