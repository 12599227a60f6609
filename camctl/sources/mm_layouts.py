"""Configs of other layouts: the test pipelines of mmcls 0.x, and what configs without a `model` are."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from camctl.errors import InputError

OLD_NOTE = "The config is one of mmcls 0.x: its test pipeline was read as mmpretrain's."

_NO_PIXELS = {"ImageToTensor", "ToTensor", "Collect", "ToNumpy", "ToPIL", "Transpose"}
"""Steps of mmcls 0.x that only rearrange."""

_LAYOUTS = {
    "model_cfg": (
        "Awesome-Backbones",
        "Write one of mmpretrain: model = dict(type='ImageClassifier', **model_cfg), data_preprocessor, test_pipeline.",
    ),
    "MODEL": ("yacs (Swin, DeiT, detectron2, pycls)", "Load it with python:module:factory, or by its name in timm."),
    "arch": ("a training script", "Load it with python:module:factory, or by its name in timm."),
    "architectures": ("transformers", "Give its folder: transformers:FOLDER."),
    "nc": ("ultralytics", "Load it with python:module:factory."),
}
"""Key of a config -> whose layout has it, and the next step."""


def kind_of(settings: Any) -> str:
    """Name of the class in the `type` of some settings, without its module; empty without one."""
    return str(settings.get("type", "")).rpartition(".")[2] if isinstance(settings, Mapping) else ""


def no_model(config: Mapping[str, Any], path: object) -> InputError:
    """Return the error for a config without a `model`, which names the layout where it is known."""
    for key, (owner, hint) in _LAYOUTS.items():
        if key in config:
            message = f"The config '{path}' describes its model as `{key}`, in the layout of {owner}."
            return InputError(message, hint=hint)
    message = f"The config '{path}' describes no model: it has no `model` with a `type`."
    return InputError(message, hint="Give the config that the model was trained with, not one of its bases.")


def refuse_module(path: Path) -> None:
    """Raise `InputError` for a Python file that defines classes or functions and no config's settings.

    It is read, not run. A file that cannot be read is left to whoever runs it.
    """
    try:
        tree = ast.parse(path.read_text(encoding="utf-8")) if path.suffix == ".py" else ast.Module([], [])
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError):
        return
    defined = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    assigned = [node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]
    names = {name.id for node in assigned for name in ast.walk(node) if isinstance(name, ast.Name)}
    inherits = any(isinstance(node, ast.With) for node in tree.body)  # read_base
    if defined and not inherits and not names & {"model", "_base_", *_LAYOUTS}:
        message = f"'{path}' is a Python module, not a config: it assigns no `model`."
        example = f"python:{path.stem}:{defined[-1]}"
        raise InputError(message, hint=f"Name what builds the model in it, such as {example}")


def is_old(steps: Sequence[Any]) -> bool:
    """Whether a test pipeline is in the words of mmcls 0.x."""
    return any(kind_of(step) in _NO_PIXELS or (kind_of(step) == "Resize" and "size" in step) for step in steps)


def modern(steps: Sequence[Any]) -> list[dict[str, Any]]:
    """Return a test pipeline of mmcls 0.x in the words of mmpretrain; steps that only rearrange are left out."""
    return [_modern(dict(step)) for step in steps if kind_of(step) not in _NO_PIXELS]


def _modern(step: dict[str, Any]) -> dict[str, Any]:
    kind = kind_of(step)
    if kind == "Resize" and "size" in step:
        return _resize(step)
    if kind == "CenterCrop" and step.pop("efficientnet_padding", False):
        return {**step, "type": "EfficientNetCenterCrop", "efficientnet_padding": True}
    if kind == "CenterCrop":
        return {"type": "CenterCrop", "crop_size": _width_first(step.get("crop_size"))}
    return step


def _resize(step: dict[str, Any]) -> dict[str, Any]:
    """Mmcls 0.x: an edge for both sides, (height, width), or (edge, -1) for the `adaptive_side`."""
    size = step.pop("size")
    side = step.pop("adaptive_side", "short")
    if isinstance(size, list | tuple) and len(size) == 2 and size[1] == -1:  # noqa: PLR2004
        return {**step, "type": "ResizeEdge", "scale": size[0], "edge": side}
    if isinstance(size, int):
        size = (size, size)
    return {**step, "type": "Resize", "scale": _width_first(size)}


def _width_first(size: Any) -> Any:
    """Mmcls 0.x has the height first, mmcv the width."""
    return tuple(reversed(size)) if isinstance(size, list | tuple) else size
