"""Two ways to draw maps side by side: each up to its own peak, or all on one scale.

Raw maps of different methods have different units, and so have those of different networks and layers: only
maps that share model, method, layers and smoothing can share a scale. Between such groups a shared scale
compares nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Hashable

    from numpy.typing import NDArray

    from camctl.values.comparison import Cell, Comparison
    from camctl.values.explanation import Cam


def shared_range(comparison: Comparison) -> dict[int, tuple[float, float]]:
    """Where each map lies on its shared scale: place in `comparison.cells` -> (low, high), 0 <= low <= high <= 1.

    They are the map's least and largest raw value, negative ones counted as 0, as shares of the largest among the
    maps that share model, method, layers and smoothing, over classes and images. (0, 0) for a blank map;
    cells without a map are left out.
    """
    ends: dict[int, tuple[float, float]] = {}
    largest: dict[Hashable, float] = {}
    for place, cell in enumerate(comparison.cells):
        if cell.cam is None:
            continue
        low, high = ends[place] = _ends(cell.cam)
        key = _group(cell, cell.cam)
        largest[key] = max(largest.get(key, 0.0), high)
    shares = {}
    for place, (low, high) in ends.items():
        cell = comparison.cells[place]
        assert cell.cam is not None  # noqa: S101 (only maps have ends)
        full = largest[_group(cell, cell.cam)]
        shares[place] = (low / full, high / full) if full else (0.0, 0.0)
    return shares


def stretched(cam: Cam, ends: tuple[float, float]) -> NDArray[np.float32]:
    """A map's values between its ends (low, high) on a shared scale."""
    low, high = ends
    return np.float32(low) + cam.values * np.float32(high - low)


def _ends(cam: Cam) -> tuple[float, float]:
    if cam.blank:
        return 0.0, 0.0
    kept = np.maximum(cam.raw, 0)
    return float(kept.min()), float(kept.max())


def _group(cell: Cell, cam: Cam) -> Hashable:
    """What maps must share to have one unit; by place, as two checkpoints of one model are two models."""
    return cell.at["model"], cell.at["method"], cell.at["smoothing"], cam.layers
