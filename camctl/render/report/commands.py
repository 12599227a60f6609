"""The command that draws one map of a report again, as a line that a shell reads."""

from __future__ import annotations

from pathlib import PurePath
from shlex import join
from typing import TYPE_CHECKING

from camctl.files.names import slug

if TYPE_CHECKING:
    from camctl.values.cam import Cam
    from camctl.values.comparison import Cell, Comparison
    from camctl.values.target import Target

SMOOTHINGS = {"eigen": ["--eigen-smooth"], "aug": ["--aug-smooth"], "both": ["--eigen-smooth", "--aug-smooth"]}


def map_command(comparison: Comparison, cell: Cell) -> str:
    """`camctl run photo.jpg demo:vit --method GradCAM ...`; empty without a map, or if no shell asked for it."""
    cam = cell.cam
    if cam is None or not comparison.commands:
        return ""
    path = comparison.pictures[cell.at["image"]].path
    words = ["camctl", "run", f"./{path}" if path.startswith("-") else path]
    words += [*comparison.commands[cell.at["model"]], "--method", cam.method, *_target(cam.target)]
    if comparison.label("layer", cell.at):  # without one, both commands choose the same
        words += ["--target-layers", *cam.layers]
    return join([*words, *SMOOTHINGS.get(cam.smoothing, []), "--save-path", _file(path, cam)])


def _target(target: Target) -> list[str]:
    """Options that ask for a target by the index of its class, which has one meaning; of a regression by its name."""
    name = f"{target.label}:{target.direction}" if target.direction else str(target.index)
    words = ["--target-category", name]
    if target.versus:
        words += ["--versus", *(str(other.index) for other in target.versus)]
        words += ["--versus-strength", str(target.strength)] if target.strength != 1 else []
    return words


def _file(path: str, cam: Cam) -> str:
    parts = (slug(PurePath(path).stem, keep_case=True), slug(cam.target.title), slug(cam.method))
    return "_".join(filter(None, parts)) + ".png"
