"""Maps against those of before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isnan
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Protocol

from camctl.ranking.correlation import Placed, map_correlation

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from camctl.values.comparison import Cell, Comparison
    from camctl.values.explanation import Cam


class Kept(Placed, Protocol):
    """A map of before, as `camctl.files.raw_maps.load_raw` opens it."""

    @property
    def about(self) -> Mapping[str, Any]:
        """Its entry in the manifest, of `camctl run` or of `camctl compare`."""
        ...


@dataclass(frozen=True, kw_only=True)
class Drift:
    """How like a map is to its predecessor."""

    cell: Cell
    correlation: float | None
    """Rank correlation, -1..1; NaN where either is worthless, None where it has no predecessor."""
    before: str
    """The predecessor's verdict; empty where there is none."""

    @property
    def cam(self) -> Cam:
        """The map of today."""
        assert self.cell.cam is not None  # noqa: S101 - only maps drift
        return self.cell.cam

    def under(self, least: float) -> bool:
        """Whether it is less alike than `least`; a map that nobody can vouch for is."""
        if self.cam.verdict != "ok" and self.before == self.cam.verdict:
            return False  # worthless then and now, for the same reason
        return self.correlation is None or isnan(self.correlation) or self.correlation < least


def drift(comparison: Comparison, before: Sequence[Kept]) -> tuple[tuple[Drift, ...], int]:
    """Each map against its predecessor, and how many of those before have no successor.

    One is the other's predecessor where method, class, layers and smoothing are the same, and picture and model too,
    as the axes call them; what picture or model is called does not count where there is only one on both sides. Of
    several that are alike in all of that, the first is the first's.
    """
    new = [(cell, _names(cell, comparison)) for cell in comparison.cells if cell.cam is not None]
    old = [(one, _names_before(one.about)) for one in before]
    alone = [len({names[i] for _, names in new}) == 1 == len({names[i] for _, names in old}) for i in range(2)]
    predecessors: dict[Hashable, list[Kept]] = {}
    for one, names in old:
        predecessors.setdefault(_identity(one.about, names, alone), []).append(one)
    found = []
    for cell, names in new:
        assert cell.cam is not None  # noqa: S101 - see above
        candidates = predecessors.get(_identity(cell.cam.to_dict(), names, alone), [])
        found.append(_drift(cell, candidates.pop(0) if candidates else None))
    return tuple(found), sum(map(len, predecessors.values()))


def _drift(cell: Cell, one: Kept | None) -> Drift:
    if one is None or cell.cam is None:
        return Drift(cell=cell, correlation=None, before="")
    new: Placed = cell.cam
    size = dict(zip(("height", "width"), cell.cam.picture.size, strict=True))
    if one.about.get("picture", size) != size:
        # Another picture, or the same in another size: what the models saw of each is laid on the other.
        new = replace(cell.cam, view=replace(cell.cam.view, box=one.view.box))
    return Drift(cell=cell, correlation=map_correlation(new, one), before=str(one.about["verdict"]))


def _names(cell: Cell, comparison: Comparison) -> tuple[str, str]:
    """What a cell's picture and model are called."""
    return comparison.label("image", cell.at), comparison.label("model", cell.at)


def _names_before(about: Mapping[str, Any]) -> tuple[str, str]:
    """The same of a map of before; `camctl run` knows no axes, and calls a config file by its path."""
    at = about.get("at")
    if at is not None:
        return str(at["image"]), str(at["model"])
    model = str(about.get("model", ""))
    return PurePath(str(about.get("image", ""))).name, PurePath(model).stem if model.endswith(".py") else model


def _identity(about: Mapping[str, Any], names: tuple[str, str], alone: Sequence[bool]) -> Hashable:
    named = tuple(None if one else name for name, one in zip(names, alone, strict=True))
    target = about["target"]
    versus = (*(other["label"] for other in target.get("versus", ())), target.get("strength", 1.0))
    return (*named, about["method"], target["label"], versus, *about["layers"], about.get("smoothing", "none"))
