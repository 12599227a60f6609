"""The facts of a report: what was compared, with what, and what the models predict."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from camctl.values.comparison import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from camctl.values.comparison import AxisName, Comparison
    from camctl.values.explanation import Explanation

TIMES = "\N{MULTIPLICATION SIGN}"


def counted(comparison: Comparison, name: AxisName) -> str:
    """`3 methods`."""
    count = len(comparison.axis(name))
    return f"{count} {NAMES[name][count > 1]}"


def default_title(comparison: Comparison) -> str:
    """`cat.png: 3 methods, 2 classes`."""
    pictures = comparison.pictures
    name = PurePath(pictures[0].path).name if len(pictures) == 1 else f"{len(pictures)} pictures"
    axes = [counted(comparison, axis) for axis in reversed(comparison.varying) if axis != "image"]
    return f"{name}: {', '.join(axes) or comparison.axis('method').labels[0]}"


def dimensions(comparison: Comparison) -> str:
    """`3 methods x 2 classes`; empty for one map."""
    return f" {TIMES} ".join(counted(comparison, name) for name in reversed(comparison.varying))


@dataclass(frozen=True, kw_only=True)
class Model:
    """What is true of a model in all its runs."""

    name: str
    failure: str
    """Why it did not run; empty if it did."""
    run: Explanation | None
    layers: list[str]
    chosen_by: list[str]


def models(comparison: Comparison) -> list[Model]:
    """The models, in the order of their axis."""
    return [_model(comparison, index) for index in range(len(comparison.axis("model")))]


def _model(comparison: Comparison, index: int) -> Model:
    run = next((run for (_, model), run in comparison.explanations.items() if model == index), None)
    cells = [cell for cell in comparison.cells if cell.at["model"] == index]
    cams = [cell.cam for cell in cells if cell.cam is not None]
    failure = next((cell.reason for cell in cells if cell.cam is None), "It did not run.")
    return Model(
        name=model_name(comparison, index, run),
        failure="" if run else failure,
        run=run,
        layers=list(dict.fromkeys(", ".join(cam.layers) for cam in cams)),
        chosen_by=list(dict.fromkeys(cam.chosen_by for cam in cams)),
    )


def model_name(comparison: Comparison, index: int, run: Explanation | None) -> str:
    """The label of a model, or the name that its run gave it."""
    return comparison.axis("model").labels[index] or (run.model if run else "")


def remarks(comparison: Comparison) -> dict[str, list[str]]:
    """What failed, the repairs and the notes of all runs, each once; with several models, which one it is about."""
    several = "model" in comparison.varying
    repairs, notes = {}, {}
    for (_, model), run in comparison.explanations.items():
        prefix = f"{model_name(comparison, model, run)}: " if several else ""
        repairs |= _keys(prefix + line for line in run.repairs)
        notes |= _keys(prefix + line for line in run.notes)
    faults = [f"{fault} {fault.hint or ''}" for fault in comparison.faults]
    return {"What failed": faults, "Repairs": list(repairs), "Notes": list(notes)}


def _keys(lines: Iterable[str]) -> dict[str, None]:
    return dict.fromkeys(lines)


def targets(comparison: Comparison) -> dict[tuple[str, int], None]:
    """(title, index) of every class explained."""
    return dict.fromkeys((cam.target.title, cam.target.index) for cam in comparison.maps)


def asked_classes(comparison: Comparison, image: int, model: int) -> set[int]:
    """Indices of the classes explained in one run."""
    cells = (cell for cell in comparison.cells if (cell.at["image"], cell.at["model"]) == (image, model))
    return {cell.cam.target.index for cell in cells if cell.cam}
