"""From a description of layers, or a checkpoint, to a network of ultralytics. Nothing in either is run as code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camctl.errors import InputError, one_line
from camctl.kit.checkpoints import content_of
from camctl.kit.whole_modules import HeldModule, read_modules
from camctl_ultralytics.library import library, unchanged

if TYPE_CHECKING:
    from torch import Tensor, nn

CLASSES = r"ultralytics\.(\w+\.)*\w+"
"""Names of the library's classes in a checkpoint."""

ACTIVATION = re.compile(r"(torch\.)?nn\.[A-Z]\w*\((\w+=)?[\w.-]*\)")
"""An activation as a description writes it, such as `nn.LeakyReLU(0.1)`; ultralytics runs the text as code."""

NETWORKS = {"detect": "DetectionModel", "classify": "ClassificationModel"}
"""What is asked of a network -> its class in `ultralytics.nn.tasks`."""

PUBLISHED = "TorchVision"
"""A layer that is a network of torchvision, whose published weights are the third argument."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Description:
    """What is known of a network before it is built."""

    layers: dict[str, Any]
    """The content of its YAML file."""
    names: tuple[str, ...] | None = None
    size: int | None = None
    """Side of its pictures in pixels."""
    state: Mapping[str, Tensor] = field(default_factory=dict, repr=False)


def of_yaml(name: str) -> Description:
    """Return the network of a YAML file: the user's, or one of ultralytics, such as `yolo11n.yaml`.

    Raises `InputError`.
    """
    tasks = library("nn.tasks")
    try:
        with unchanged():
            layers = tasks.yaml_model_load(name)
    except (OSError, SyntaxError, ValueError) as error:
        hint = "Give a file, or a network of ultralytics with its size, such as yolo11n.yaml or yolo11n-cls.yaml."
        raise InputError(f"There is no network '{name}' in ultralytics, and no such file.", hint=hint) from error
    if not isinstance(layers, dict):
        raise InputError(f"'{name}' describes no network.", hint="Give a YAML file with 'backbone' and 'head'.")
    return Description(layers=layers)


def of_checkpoint(file: Path, *, trust: bool) -> Description:
    """Return the network that a checkpoint holds whole, as data; with `trust`, where that cannot be, by its code.

    Raises `InputError`: it is damaged, holds no network of ultralytics, or needs other code.
    """
    try:
        content = read_modules(file, CLASSES)
    except InputError:
        if not trust:
            raise
        return _by_code(file)
    model = content.get("ema") or content.get("model")
    layers = model.attributes.get("yaml") if isinstance(model, HeldModule) else None
    if not isinstance(model, HeldModule) or not isinstance(layers, dict):
        raise _no_network(file)
    return _described(layers, model.attributes.get("names"), content.get("train_args"), model.state)


def _by_code(file: Path) -> Description:
    """Return the network of a checkpoint that the user trusts, whose code is run. Raises `InputError`."""
    with unchanged():
        content = content_of(file, trust=True)
    table = content if isinstance(content, dict) else {"model": content}
    model: Any = table.get("ema") or table.get("model")
    if not isinstance(getattr(model, "yaml", None), dict):
        raise _no_network(file)
    return _described(model.yaml, getattr(model, "names", None), table.get("train_args"), model.state_dict())


def _no_network(file: Path) -> InputError:
    return InputError(
        f"'{file}' holds no network of ultralytics.", hint="Give what its training saves, such as best.pt."
    )


def _described(layers: dict[str, Any], names: Any, settings: Any, state: Mapping[str, Tensor]) -> Description:
    size = settings.get("imgsz") if isinstance(settings, dict) else None
    if isinstance(names, dict):
        names = [name for _, name in sorted(names.items())]
    own = tuple(map(str, names)) if isinstance(names, list) and names else None
    return Description(
        layers=layers,
        names=None if own == tuple(map(str, range(len(own or ())))) else own,
        size=size if isinstance(size, int) else None,
        state={name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in state.items()},
    )


def task_of(description: Description, reference: str) -> str:
    """Return `detect` or `classify`. Raises `InputError` for a network of another kind."""
    try:
        with unchanged():
            task = str(library("nn.tasks").guess_model_task(description.layers))
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        message = f"'{reference}' describes no network."
        raise InputError(message, hint="Give a YAML file with 'backbone' and 'head'.") from error
    if task not in NETWORKS:
        message = f"'{reference}' is a network to {task}, and camctl-ultralytics reads those to classify and detect."
        raise InputError(message, hint="Give a network to classify or detect.")
    return task


def build(description: Description, task: str, *, classes: int | None) -> nn.Module:
    """Build a network with random weights. Raises `InputError` for a description that ultralytics cannot build."""
    tasks = library("nn.tasks")
    layers = checked(description.layers)
    try:
        with unchanged():
            module: nn.Module = getattr(tasks, NETWORKS[task])(layers, nc=classes, verbose=False)
    except Exception as error:
        message = f"ultralytics cannot build this network: {one_line(error)}"
        raise InputError(message, hint="Try it with the version of ultralytics that it was made with.") from error
    return module.float().eval()


def checked(layers: dict[str, Any]) -> dict[str, Any]:
    """Return a description that builds layers and nothing else. Raises `InputError`.

    ultralytics runs the activation as code, calls whatever a layer's name stands for, and downloads published weights.
    """
    tasks = library("nn.tasks")
    from torch import nn

    layers = deepcopy(layers)
    activation = layers.get("activation")
    if activation is not None and not (isinstance(activation, str) and ACTIVATION.fullmatch(activation)):
        message = f"The network's activation is {str(activation)[:60]!r}, which is no layer of torch."
        raise InputError(message, hint="Write it as nn.SiLU().")
    for row in (*layers.get("backbone", ()), *layers.get("head", ())):
        name = row[2] if isinstance(row, list) and len(row) > 3 else None  # noqa: PLR2004 - from, number, name, arguments
        text = str(name)
        if text.startswith(("nn.", "torchvision.ops.")):
            made = getattr(nn, text[3:], None) if text.startswith("nn.") else nn.Module
        else:
            made = getattr(tasks, text, None)
        inside = getattr(made, "__module__", "").startswith(("torch.nn.", "ultralytics.nn.modules."))
        if not (isinstance(made, type) and issubclass(made, nn.Module) and inside):
            raise InputError(
                f"The network has a layer {text[:60]!r}, which ultralytics does not know.", hint="Check it."
            )
        if text == PUBLISHED and isinstance(row[3], list) and len(row[3]) > 2:  # noqa: PLR2004
            row[3][2] = None
    return layers
