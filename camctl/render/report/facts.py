"""The facts of a report that its template cannot tell from the comparison alone."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from camctl.values.axis import NAMES

if TYPE_CHECKING:
    from camctl.values.axis import AxisName
    from camctl.values.comparison import Comparison

TIMES = "\N{MULTIPLICATION SIGN}"


def title_of(comparison: Comparison) -> str:
    """`cat.png: 3 methods, 2 classes`."""
    pictures = comparison.pictures
    name = PurePath(pictures[0].path).name if len(pictures) == 1 else f"{len(pictures)} pictures"
    axes = [_counted(comparison, axis) for axis in reversed(comparison.varying) if axis != "image"]
    return f"{name}: {', '.join(axes) or comparison.axis('method').labels[0]}"


def dimensions(comparison: Comparison) -> str:
    """`3 methods x 2 classes`; empty for one map."""
    return f" {TIMES} ".join(_counted(comparison, name) for name in reversed(comparison.varying))


def _counted(comparison: Comparison, name: AxisName) -> str:
    count = len(comparison.axis(name))
    return f"{count} {NAMES[name][count > 1]}"


def model_names(comparison: Comparison) -> list[str]:
    """The label of each model, or the name that its run gave it."""
    runs = {model: run.model for (_, model), run in comparison.explanations.items()}
    return [label or runs.get(index, "") for index, label in enumerate(comparison.axis("model").labels)]


def remarks(comparison: Comparison) -> dict[str, list[str]]:
    """What failed, the repairs and the notes of all runs, each once; with several models, which one it is about."""
    names = model_names(comparison)
    lines: dict[str, list[str]] = {"What failed": [f"{fault} {fault.hint or ''}" for fault in comparison.faults]}
    for (_, model), run in comparison.explanations.items():
        prefix = f"{names[model]}: " if "model" in comparison.varying else ""
        for kind, own in (("Repairs", run.repairs), ("Notes", run.notes)):
            lines[kind] = list(dict.fromkeys([*lines.get(kind, ()), *(prefix + line for line in own)]))
    return lines
