"""Maps compared with those of an earlier run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isnan
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Protocol

from camctl.ranking.correlation import ViewedMap, map_correlation

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from camctl.values.cam import Cam
    from camctl.values.comparison import Cell, Comparison


class EarlierMap(ViewedMap, Protocol):
    """A map of an earlier run, as `camctl.files.raw_maps.load_raw` opens it."""

    @property
    def about(self) -> Mapping[str, Any]:
        """Its entry in the manifest of `camctl run` or `camctl compare`."""
        ...


@dataclass(frozen=True, kw_only=True)
class Drift:
    """How similar a map is to its predecessor."""

    cell: Cell
    correlation: float | None
    """Rank correlation, -1..1; NaN if either is worthless, None if there is no predecessor."""
    before: str
    """The predecessor's verdict; empty if there is none."""

    @property
    def cam(self) -> Cam:
        """The new map."""
        assert self.cell.cam is not None  # noqa: S101 - only maps drift
        return self.cell.cam

    def under(self, least: float) -> bool:
        """Whether the correlation is below `least`, or unknown."""
        if self.cam.verdict != "ok" and self.before == self.cam.verdict:
            return False  # worthless then and now, for the same reason
        return self.correlation is None or isnan(self.correlation) or self.correlation < least


def drift(comparison: Comparison, before: Sequence[EarlierMap]) -> tuple[tuple[Drift, ...], int]:
    """Compare each map with its predecessor.

    A predecessor has the same method, class, layers and smoothing, and the same picture and model by their labels;
    labels are ignored where both runs have only one picture or model. Of several equal ones the first is used first.

    Returns
    -------
    tuple[tuple[Drift, ...], int]
        A drift per map, and how many earlier maps have no successor.
    """
    new = [(cell, cell.cam, _names(cell, comparison)) for cell in comparison.cells if cell.cam is not None]
    old = [(earlier, _earlier_names(earlier.about)) for earlier in before]
    single = [len({names[i] for *_, names in new}) == 1 == len({names[i] for _, names in old}) for i in range(2)]
    predecessors: dict[Hashable, list[EarlierMap]] = {}
    for earlier, names in old:
        predecessors.setdefault(_identity(earlier.about, names, single), []).append(earlier)
    drifts = []
    for cell, cam, names in new:
        matches = predecessors.get(_identity(cam.to_dict(), names, single), [])
        drifts.append(_drift(cell, cam, matches.pop(0) if matches else None))
    return tuple(drifts), sum(map(len, predecessors.values()))


def _drift(cell: Cell, cam: Cam, earlier: EarlierMap | None) -> Drift:
    if earlier is None:
        return Drift(cell=cell, correlation=None, before="")
    size = dict(zip(("height", "width"), cam.picture.size, strict=True))
    if earlier.about.get("picture", size) != size:
        # Another picture, or the same at another size: the two views are laid over each other.
        cam = replace(cam, view=replace(cam.view, box=earlier.view.box))
    return Drift(cell=cell, correlation=map_correlation(cam, earlier), before=str(earlier.about["verdict"]))


def _names(cell: Cell, comparison: Comparison) -> tuple[str, str]:
    """Labels of a cell's picture and model."""
    return comparison.label("image", cell.at), comparison.label("model", cell.at)


def _earlier_names(about: Mapping[str, Any]) -> tuple[str, str]:
    """Labels of an earlier map's picture and model; `camctl run` has no axes, and names a config file by its path."""
    at = about.get("at")
    if at is not None:
        return str(at["image"]), str(at["model"])
    model = str(about.get("model", ""))
    return PurePath(str(about.get("image", ""))).name, PurePath(model).stem if model.endswith(".py") else model


def _identity(about: Mapping[str, Any], names: tuple[str, str], single: Sequence[bool]) -> Hashable:
    labels = tuple(None if ignored else name for name, ignored in zip(names, single, strict=True))
    target = about["target"]
    versus = (*(other["label"] for other in target.get("versus", ())), target.get("strength", 1.0))
    return (*labels, about["method"], target["label"], versus, *about["layers"], about.get("smoothing", "none"))
