"""The command that draws one map of a report again, as a line that a shell reads."""

from __future__ import annotations

from pathlib import PurePath
from shlex import join
from typing import TYPE_CHECKING

from camctl.files.names import slug

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camctl.values.cam import Cam
    from camctl.values.comparison import Cell, Comparison
    from camctl.values.target import Target

    Options = dict[str, Sequence[str]]

SMOOTHINGS: dict[str, Options] = {"eigen": {"eigen_smooth": ()}, "aug": {"aug_smooth": ()}}
SMOOTHINGS["both"] = SMOOTHINGS["eigen"] | SMOOTHINGS["aug"]


def map_command(comparison: Comparison, cell: Cell, *, signed: bool = False) -> str:
    """The `run` of a shell that draws a map; empty without a map, or if no shell asked for it."""
    cam = cell.cam
    if cam is None or not comparison.commands:
        return ""
    path = comparison.pictures[cell.at["image"]].path
    options: Options = {"method": [cam.method], **_target(cam.target)}
    if comparison.label("layer", cell.at):  # without one, both commands choose the same
        options["target_layers"] = cam.layers
    options |= {"signed": ()} if signed else {}
    options |= SMOOTHINGS.get(cam.smoothing, {}) | {"save_path": [_file(path, cam)]}
    words = ["camctl", "run", f"./{path}" if path.startswith("-") else path, *comparison.commands[cell.at["model"]]]
    return join([*words, *(word for name, values in options.items() for word in (_flag(name), *values))])


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _target(target: Target) -> Options:
    """Options that ask for a target by the index of its class, which has one meaning; of a regression by its name."""
    if target.like:
        return {"like": [target.like]}
    if target.box:
        return {"target_box": [",".join(f"{side:.2f}" for side in target.box)]}
    if target.plain:  # what makes an embedding what it is
        return {}
    name = f"{target.label}:{target.direction}" if target.direction else str(target.index)
    options: Options = {"target_category": [name]}
    if target.versus:
        options["versus"] = [str(other.index) for other in target.versus]
        options |= {"versus_strength": [str(target.strength)]} if target.strength != 1 else {}
    return options


def _file(path: str, cam: Cam) -> str:
    parts = (slug(PurePath(path).stem, keep_case=True), slug(cam.target.title), slug(cam.method))
    # A likeness is drawn on both pictures of the pair: into a folder.
    return "_".join(filter(None, parts)) + ("/" if cam.target.like else ".png")
