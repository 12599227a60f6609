"""Values as JSON and back: what `--json` prints, and what a manifest holds."""

from __future__ import annotations

import json
from dataclasses import asdict
from math import isfinite
from typing import TYPE_CHECKING, Any

from camctl.values.axis import AXES
from camctl.values.texts import valid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camctl.values.axis import AxisName
    from camctl.values.comparison import Cell, Comparison
    from camctl.values.segments import Cut

SCHEMA_VERSION = 1
"""Version of `docs/schemas/camctl-1.schema.json`, which describes all that `--json` prints."""


def document(value: Any) -> Any:
    """A command's output with the version of its schema; a list stays as it is."""
    return {"schema_version": SCHEMA_VERSION, **value} if isinstance(value, dict) else value


def comparison_manifest(comparison: Comparison, paths: Sequence[str], cut: Cut | None = None) -> dict[str, Any]:
    """A comparison as `camctl compare --json` prints it; `paths` are the files that were written."""
    # numpy, which a listing needs not
    from camctl.ranking.agreement import agreement
    from camctl.ranking.sanity import sanity_to_dict
    from camctl.ranking.standings import RANKED, standings

    ranked = {axis: [standing.to_dict() for standing in standings(comparison, axis)] for axis in RANKED}
    return {
        "axes": {axis.name: list(axis.labels) for axis in comparison.axes},
        "runs": [run.facts() for run in comparison.explanations.values()],
        "maps": [
            {"at": _labels(comparison, cell), **cell.cam.to_dict(cut), "figures": dict(cell.figures)}
            for cell in comparison.cells
            if cell.cam is not None
        ],
        "missing": [
            {"at": _labels(comparison, cell), "reason": cell.reason, "hint": cell.hint}
            for cell in comparison.cells
            if cell.cam is None
        ],
        "metrics": [asdict(metric) for metric in comparison.metrics],
        "baselines": list(comparison.baselines),
        "standings": ranked["method"],
        "layer_standings": ranked["layer"],
        "model_standings": ranked["model"],
        "agreement": [asdict(matrix) for matrix in agreement(comparison)],
        **sanity_to_dict(comparison),
        "spent": [time.to_dict() for time in comparison.spent],
        "paths": list(paths),
    }


def _labels(comparison: Comparison, cell: Cell) -> dict[AxisName, str]:
    return {name: comparison.label(name, cell.at) for name in AXES}


def json_text(value: Any, *, indent: int | None = 2) -> str:
    """A value as JSON, ending in a newline; NaN and infinity, which JSON cannot hold, become null.

    Bytes of a file's name that are no text become U+FFFD.
    """
    return json.dumps(_holdable(value), indent=indent, allow_nan=False) + "\n"


def _holdable(value: Any) -> Any:
    if isinstance(value, dict):
        return {valid(key) if isinstance(key, str) else key: _holdable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_holdable(item) for item in value]
    if isinstance(value, str):
        return valid(value)
    return None if isinstance(value, float) and not isfinite(value) else value
