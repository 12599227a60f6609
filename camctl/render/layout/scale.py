"""The shared scale, on which maps side by side can be compared by their raw values.

Raw maps of different methods have different units, and so have those of different networks and layers: only maps that
share model, method, layers and smoothing can share a scale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Hashable

    from numpy.typing import NDArray

    from camctl.values.cam import Cam
    from camctl.values.comparison import Cell, Comparison

Ends = tuple[float, float]
"""Lowest and highest value of a map on its shared scale."""


def shared_range(comparison: Comparison) -> dict[int, Ends]:
    """The range of each map on its shared scale: index in `comparison.cells` -> (low, high), 0 <= low <= high <= 1.

    These are the map's smallest and largest raw value (negative ones count as 0), divided by the largest value of all
    maps that share model, method, layers and smoothing. A blank map has (0, 0); cells without a map are left out.
    """
    ends: dict[int, Ends] = {}
    groups: dict[int, Hashable] = {}
    largest: dict[Hashable, float] = {}
    for index, cell in enumerate(comparison.cells):
        if cell.cam is None:
            continue
        group = groups[index] = _group(cell, cell.cam)
        ends[index] = _ends(cell.cam)
        largest[group] = max(largest.get(group, 0.0), ends[index][1])
    shares = {}
    for index, (low, high) in ends.items():
        full = largest[groups[index]]
        shares[index] = (low / full, high / full) if full else (0.0, 0.0)
    return shares


def stretched(cam: Cam, ends: Ends) -> NDArray[np.float32]:
    """The values of a map, stretched to its range on a shared scale."""
    low, high = ends
    return np.float32(low) + cam.values * np.float32(high - low)


def _ends(cam: Cam) -> Ends:
    if cam.blank:
        return 0.0, 0.0
    positive = np.maximum(cam.raw, 0)
    return float(positive.min()), float(positive.max())


def _group(cell: Cell, cam: Cam) -> Hashable:
    """What maps must share to have one unit; by index, as two checkpoints of one model are two models."""
    return cell.at["model"], cell.at["method"], cell.at["smoothing"], cam.layers
