"""Maps of two results folders: which pictures' maps moved between two checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING

from camctl.ranking.correlation import rank_correlation, resized

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from camctl.results.results import Results

KEYS = ["id", "target", "method"]
"""Columns that say which maps of two folders are of the same picture, class and method."""

TOGETHER = 2048
"""Pairs of maps that are in memory at once."""


@dataclass(frozen=True)
class Moved:
    """A map and its rank correlation with the earlier one, -1..1; NaN if one of the two is even."""

    id: str
    target: str
    method: str
    correlation: float

    def under(self, least: float) -> bool:
        """Return whether it is below a minimum."""
        return isnan(self.correlation) or self.correlation < least


@dataclass(frozen=True)
class Drift:
    """The maps of a folder that an earlier folder has as well, the one that moved most first."""

    maps: tuple[Moved, ...]
    new: int
    """Number of maps that the earlier folder does not have."""
    gone: int
    """Number of maps of the earlier folder that are not here."""


def drift(results: Results, earlier: Results) -> Drift:
    """Compare the maps of two results folders. Raises `InputError` if one is damaged."""
    import pyarrow.compute as pc

    has_map = pc.is_valid(pc.field("grid_height"))
    now, before = (found.table(KEYS, filter=has_map) for found in (results, earlier))
    pairs = now.join(before, KEYS, join_type="inner", right_suffix="_before").sort_by("row")
    moved = []
    for start in range(0, pairs.num_rows, TOGETHER):
        part = pairs.slice(start, TOGETHER)
        maps = results.maps(part.column("row").to_pylist()), earlier.maps(part.column("row_before").to_pylist())
        for row, figure in zip(part.select(KEYS).to_pylist(), _correlations(*maps), strict=True):
            moved.append(Moved(row["id"], row["target"], row["method"], figure))
    moved.sort(key=lambda one: (not isnan(one.correlation), one.correlation))
    return Drift(tuple(moved), now.num_rows - pairs.num_rows, before.num_rows - pairs.num_rows)


def _correlations(now: list[NDArray[np.float32] | None], before: list[NDArray[np.float32] | None]) -> Iterator[float]:
    for one, other in zip(now, before, strict=True):
        if one is None or other is None:
            yield float("nan")
            continue
        large = max(one.shape, other.shape)
        yield rank_correlation(*(found if found.shape == large else resized(found, large) for found in (one, other)))
