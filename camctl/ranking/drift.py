"""Maps compared with those of an earlier run."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from math import isnan
from typing import TYPE_CHECKING

from camctl.ranking.correlation import map_correlation

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from camctl.values.cam import Cam
    from camctl.values.comparison import Cell, Comparison

    Names = tuple[str, str]
    """Labels of a map's picture and model."""


@dataclass(frozen=True, kw_only=True)
class Drift:
    """How similar a map is to its predecessor."""

    cell: Cell
    cam: Cam
    """The map of the cell."""
    correlation: float | None
    """Rank correlation, -1..1; NaN if either is worthless, None if there is no predecessor."""
    before: str
    """The predecessor's verdict; empty if there is none."""

    def under(self, least: float) -> bool:
        """Whether the correlation is below `least`, or unknown."""
        if self.cam.verdict != "ok" and self.before == self.cam.verdict:
            return False  # worthless then and now, for the same reason
        return self.correlation is None or isnan(self.correlation) or self.correlation < least


def drift(comparison: Comparison, before: Sequence[Cam]) -> tuple[tuple[Drift, ...], int]:
    """Compare each map with its predecessor.

    A predecessor has the same method, class, layers and smoothing, and the same picture and model by their labels;
    labels are ignored where both runs have only one picture or model. Of several equal ones the first is used first.
    Returns a drift per map, and how many earlier maps have no successor.
    """
    label = comparison.label
    new = [
        (cell, cell.cam, (label("image", cell.at), label("model", cell.at))) for cell in comparison.cells if cell.cam
    ]
    old = [(cam, (cam.picture.path, cam.model)) for cam in before]
    single = [len({names[i] for *_, names in new}) == 1 == len({names[i] for _, names in old}) for i in range(2)]
    predecessors: defaultdict[Hashable, list[Cam]] = defaultdict(list)
    for cam, names in old:
        predecessors[_identity(cam, names, single)].append(cam)
    drifts = []
    for cell, cam, names in new:
        matches = predecessors[_identity(cam, names, single)]
        earlier = matches.pop(0) if matches else None
        correlation = _correlation(cam, earlier) if earlier else None
        drifts.append(Drift(cell=cell, cam=cam, correlation=correlation, before=earlier.verdict if earlier else ""))
    return tuple(drifts), sum(map(len, predecessors.values()))


def _correlation(cam: Cam, earlier: Cam) -> float:
    if earlier.picture.size != cam.picture.size:
        # Another picture, or the same at another size: the two views are laid over each other.
        cam = replace(cam, view=replace(cam.view, box=earlier.view.box))
    return map_correlation(cam, earlier)


def _identity(cam: Cam, names: Names, single: Sequence[bool]) -> Hashable:
    labels = tuple(None if ignored else name for name, ignored in zip(names, single, strict=True))
    target = cam.target
    contrast = *(other.label for other in target.versus), target.strength, target.direction, target.where
    return *labels, cam.method, target.label, contrast, cam.layers, cam.smoothing
