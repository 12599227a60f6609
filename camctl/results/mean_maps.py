"""Mean maps of classes, taken batch by batch, and what they give away: maps at the border, maps that do not change."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from camctl.results.columns import NONE, codes_of, indices_of, maps_by_size

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

COLUMNS = ("index", "method", "target_index", "grid_height", "grid_width", "map")
"""Columns that are read."""

COMPARED = 256
"""Number of maps of a method that are compared with each other."""

FEWEST = 4
"""Fewest maps of a class for a mean map that a single map can be unlike."""

SEED = 0


class MeanMaps:
    """Sums of the maps of each method and class, each map as shares of its own heat, so that all count the same.

    All maps of a method are added on the grid of its first one.
    """

    def __init__(self, baselines: Iterable[str]) -> None:
        import numpy as np

        self.baselines = frozenset(baselines)
        self.methods: dict[str, int] = {}
        self.grids: dict[int, tuple[int, int]] = {}
        self._classes: dict[int, dict[int, int]] = {}
        self._sums: dict[int, NDArray[np.float64]] = {}
        self._counts: dict[int, NDArray[np.int64]] = {}
        self._random = np.random.default_rng(SEED)
        self._sampled: dict[int, tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float32]]] = {}

    def add(self, table: pa.Table) -> None:
        """Take rows."""
        for method, _, index, classes, shares in self.shares(table):
            self._sample(method, index, shares)
            self._add(method, classes, shares)

    def shares(
        self, table: pa.Table
    ) -> Iterable[tuple[int, NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]]:
        """Yield a method, and of its maps: rows, pictures, classes, and shares of heat on the method's grid."""
        method, picture = codes_of(table, "method", self.methods), indices_of(table, "index")
        classes = indices_of(table, "target_index")
        row = indices_of(table, "row")
        for size, places, cells in maps_by_size(table):
            heat = cells.clip(0, None)
            total = heat.sum(1)
            shown = (total > 0) & (method[places] != NONE)
            heat, own = heat[shown] / total[shown, None], places[shown]
            for code in sorted(set(method[own].tolist())):
                mine = method[own] == code
                grid = self.grids.setdefault(code, size)
                shares = heat[mine] if grid == size else _on_grid(heat[mine], size, grid)
                yield code, row[own[mine]], picture[own[mine]], classes[own[mine]], shares

    def _add(self, method: int, classes: NDArray[np.int64], shares: NDArray[np.float32]) -> None:
        import numpy as np

        known = self._classes.setdefault(method, {})
        unique, inverse = np.unique(classes, return_inverse=True)
        slots = np.array([known.setdefault(index, len(known)) for index in unique.tolist()], np.int64)
        old = self._sums.get(method, np.zeros((0, shares.shape[1])))
        grown = max(len(known), 2 * len(old)) if len(known) > len(old) else len(old)
        if grown > len(old):
            self._sums[method] = np.concatenate([old, np.zeros((grown - len(old), shares.shape[1]))])
            counts = self._counts.get(method, np.zeros(0, np.int64))
            self._counts[method] = np.concatenate([counts, np.zeros(grown - len(counts), np.int64)])
        order = np.argsort(inverse, kind="stable")
        starts = np.searchsorted(inverse[order], np.arange(len(unique)))
        self._sums[method][slots] += np.add.reduceat(shares[order], starts, axis=0, dtype=np.float64)
        self._counts[method][slots] += np.bincount(inverse, minlength=len(unique))

    def _sample(self, method: int, index: NDArray[np.int64], shares: NDArray[np.float32]) -> None:
        """Keep maps at random, every one of a method with the same chance."""
        import numpy as np

        lot = self._random.random(len(index))
        lots, pictures, kept = self._sampled.get(method, (lot[:0], index[:0], shares[:0]))
        lots, pictures = np.concatenate([lots, lot]), np.concatenate([pictures, index])
        best = np.argsort(lots)[:COMPARED]
        new = best >= len(kept)
        maps = np.empty((len(best), shares.shape[1]), np.float32)
        maps[new], maps[~new] = shares[best[new] - len(kept)], kept[best[~new]]
        self._sampled[method] = lots[best], pictures[best], maps

    # ------------------------------------------------------------------------------------------ what came out

    def likeness(self, method: str) -> float | None:
        """Return the mean correlation of a method's maps of different pictures; None if there are too few."""
        import numpy as np

        code = self.methods.get(method, NONE)
        if code not in self._sampled:
            return None
        _, pictures, maps = self._sampled[code]
        unit = _unit(maps)
        varied = unit.any(1)
        unit, pictures = unit[varied], pictures[varied]
        different = pictures[:, None] != pictures
        return float((unit @ unit.T)[different].mean()) if np.any(different) else None

    def mean(self, method: str, index: int) -> NDArray[np.float64] | None:
        """Return the mean map of a class, (height, width), whose sum is 1; None if no map shows anything."""
        code = self.methods.get(method, NONE)
        slot = self._classes.get(code, {}).get(index)
        if slot is None:
            return None
        mean: NDArray[np.float64] = self._sums[code][slot] / self._counts[code][slot]
        return mean.reshape(self.grids[code])

    def count(self, method: str, index: int) -> int:
        """Return the number of maps of a class that show something."""
        code = self.methods.get(method, NONE)
        slot = self._classes.get(code, {}).get(index)
        return 0 if slot is None else int(self._counts[code][slot])

    def unlike(self, table: pa.Table) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return rows, and how much the map of each correlates with the mean map of the others of its class."""
        import numpy as np

        rows, values = [np.zeros(0, np.int64)], [np.zeros(0)]
        names = list(self.methods)
        for method, row, _, classes, shares in self.shares(table):
            if names[method] in self.baselines:
                continue
            known = self._classes[method]
            slots = np.array([known[index] for index in classes.tolist()], np.int64)
            counts = self._counts[method][slots]
            enough = (counts >= FEWEST) & (classes != NONE)
            others = (self._sums[method][slots[enough]] - shares[enough]) / (counts[enough, None] - 1)
            rows.append(row[enough])
            values.append((_unit(shares[enough]) * _unit(others)).sum(1))
        return np.concatenate(rows), np.concatenate(values)


def border(grid: tuple[int, int]) -> NDArray[np.bool_]:
    """Return which cells of a grid lie on its border, (height, width)."""
    import numpy as np

    mask = np.ones(grid, bool)
    mask[1:-1, 1:-1] = False
    return mask


def _unit(maps: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return maps (maps, cells) with mean 0 and norm 1; zeros for a flat one."""
    import numpy as np

    centred = maps.astype(np.float64) - maps.mean(1, keepdims=True, dtype=np.float64)
    norm = np.linalg.norm(centred, axis=1, keepdims=True)
    unit: NDArray[np.float64] = np.divide(centred, norm, out=np.zeros_like(centred), where=norm > 1e-9)  # noqa: PLR2004
    return unit


def _on_grid(maps: NDArray[np.float32], size: tuple[int, int], grid: tuple[int, int]) -> NDArray[np.float32]:
    """Return maps (maps, cells) of one size on another grid; each keeps its sum."""
    import numpy as np

    down, across = _overlaps(size[0], grid[0]), _overlaps(size[1], grid[1])
    moved = np.einsum("gh,nhw,kw->ngk", down, maps.reshape(-1, *size), across)
    return np.asarray(moved.reshape(len(maps), -1), np.float32)


@cache
def _overlaps(cells: int, others: int) -> NDArray[np.float64]:
    """(others, cells): the share of each cell of one division of a line that lies in each cell of another."""
    import numpy as np

    old, new = np.arange(cells + 1) / cells, np.arange(others + 1) / others
    left = np.maximum(new[:-1, None], old[None, :-1])
    right = np.minimum(new[1:, None], old[None, 1:])
    return (right - left).clip(0) * cells
