"""Other names for what a comparison compares: a paper's own, not those of the command line."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from camctl.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from camctl.values.comparison import Cell, Comparison


def renamed(comparison: Comparison, names: Mapping[str, str]) -> Comparison:
    """Return the comparison with other labels on its axes. Raises `UnknownNameError` for a name that is no label."""
    if not names:
        return comparison
    labels = [label for axis in comparison.axes for label in axis.labels if label]
    titles = [cam.target.title for cam in comparison.maps]
    for name in names:
        if name not in {*labels, *titles}:
            raise UnknownNameError("label", name, dict.fromkeys([*labels, *titles]))
    return replace(
        comparison,
        axes=tuple(
            replace(axis, labels=tuple(names.get(label, label) for label in axis.labels)) for axis in comparison.axes
        ),
        cells=tuple(_renamed(cell, names) for cell in comparison.cells),
        baselines=tuple(names.get(label, label) for label in comparison.baselines),
        sanity=tuple(
            replace(sanity, classless=tuple(names.get(label, label) for label in sanity.classless))
            for sanity in comparison.sanity
        ),
    )


def _renamed(cell: Cell, names: Mapping[str, str]) -> Cell:
    cam = cell.cam
    if cam is None or cam.target.title not in names:
        return cell
    return replace(cell, cam=replace(cam, target=replace(cam.target, label=names[cam.target.title])))
