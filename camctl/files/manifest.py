"""Values as JSON: what `--json` prints and a manifest holds."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from camctl.ranking import agreement, sanity_to_dict, standings
from camctl.values.comparison import AXES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camctl.values.comparison import AxisName, Cell, Comparison


def comparison_manifest(comparison: Comparison, paths: Sequence[str]) -> dict[str, Any]:
    """A comparison as `camctl compare --json` prints it; `paths` are the files that were written."""
    return {
        "axes": {axis.name: list(axis.labels) for axis in comparison.axes},
        "runs": [one.facts() for one in comparison.explanations.values()],
        "maps": [
            {"at": _labels(comparison, cell), **cell.cam.to_dict(), "figures": dict(cell.figures)}
            for cell in comparison.cells
            if cell.cam is not None
        ],
        "missing": [
            {"at": _labels(comparison, cell), "reason": cell.reason, "hint": cell.hint}
            for cell in comparison.cells
            if cell.cam is None
        ],
        "metrics": [asdict(one) for one in comparison.metrics],
        "baselines": list(comparison.baselines),
        "standings": [one.to_dict() for one in standings(comparison)],
        "layer_standings": [one.to_dict() for one in standings(comparison, "layer")],
        "model_standings": [one.to_dict() for one in standings(comparison, "model")],
        "agreement": [one.to_dict() for one in agreement(comparison)],
        **sanity_to_dict(comparison),
        "spent": [one.to_dict() for one in comparison.spent],
        "paths": list(paths),
    }


def _labels(comparison: Comparison, cell: Cell) -> dict[AxisName, str]:
    return {name: comparison.label(name, cell.at) for name in AXES}
