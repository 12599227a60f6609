"""The modules of a model, listed once, and its state: restored after use, or checked for changes."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zlib import crc32

import torch
from torch import nn

from camctl.engine.graph import out_of_inference
from camctl.engine.precision import float32
from camctl.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from camctl.engine.layout import Layout
    from camctl.engine.runs import Run


SAVING = ("grad_checkpointing", "gradient_checkpointing", "with_cp", "use_checkpoint", "memory_efficient")
"""Switches of timm, transformers, mmpretrain and torchvision that save memory by running layers twice."""


@dataclass(frozen=True, eq=False)
class ModuleTable:
    """A model with its modules by name and its parameters, so that no pass walks through the model again."""

    root: nn.Module
    parts: Mapping[str, nn.Module]
    """By name, as in `root.named_modules()`; the model itself is named ''."""
    parameters: tuple[nn.Parameter, ...]
    runs: dict[str, tuple[Run, ...]] = field(default_factory=dict)
    """Layers that ran several times in a pass, and what each run sees; found once per model."""
    layouts: dict[Any, Layout] = field(default_factory=dict)
    """Layers' names, with the shapes of their output and of the input -> the layout; found once per model."""
    tf32: bool = False
    """Whether CUDA may compute float32 in TF32."""
    held: list[bool] = field(default_factory=list)
    """Not empty inside `untouched`."""

    @classmethod
    def of(cls, model: nn.Module | ModuleTable) -> ModuleTable:
        """Return the table of a model; a table stays as it is."""
        if isinstance(model, ModuleTable):
            return model
        return cls(model, dict(model.named_modules()), tuple(model.parameters()))


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A model's tensors as checksums, and its switches."""

    tensors: Mapping[str, int]
    training: Mapping[str, bool]
    trainable: Mapping[str, bool]
    grads: Mapping[str, bool]
    hooks: int


def condition(module: nn.Module) -> Condition:
    """Return the present condition of a model; every parameter and buffer is read once, none is stored."""
    parameters = dict(module.named_parameters())
    tensors = {**parameters, **dict(module.named_buffers())}
    return Condition(
        tensors={name: _checksum(tensor) for name, tensor in tensors.items()},
        training={name: part.training for name, part in module.named_modules()},
        trainable={name: parameter.requires_grad for name, parameter in parameters.items()},
        grads={name: parameter.grad is not None for name, parameter in parameters.items()},
        hooks=sum(
            len(vars(part).get(f"_{kind}_hooks", ()))
            for part in module.modules()
            for kind in ("forward", "forward_pre", "backward", "backward_pre")
        ),
    )


def changes(before: Condition, after: Condition) -> tuple[str, ...]:
    """Return what differs, a few words each: tensors by name, then modes, hooks and the like."""
    names = before.tensors.keys() | after.tensors.keys()
    tensors = sorted(name for name in names if before.tensors.get(name) != after.tensors.get(name))
    switches = {
        "training mode": before.training != after.training,
        "requires_grad": before.trainable != after.trainable,
        "gradients of parameters": before.grads != after.grads,
        "hooks": before.hooks != after.hooks,
    }
    return (*tensors, *(word for word, changed in switches.items() if changed))


def _checksum(tensor: Tensor) -> int:
    values = tensor.detach().cpu().contiguous().reshape(-1)
    return crc32(values.view(torch.uint8).numpy().data) ^ hash((tensor.shape, str(tensor.dtype)))


@contextmanager
def untouched(model: nn.Module | ModuleTable) -> Iterator[None]:
    """Put a model into eval mode without trainable parameters, and restore modes and `requires_grad` afterwards.

    Checkpointing of activations is off, since it runs layers twice, inference mode is left, what `torch.compile` has
    compiled runs as it was written, since hooks do not fire otherwise, and float32 is float32 on CUDA. Inside another
    `untouched` of the same table there is nothing to do.

    Raises `InputError`: a parameter is not initialised.
    """
    table = ModuleTable.of(model)
    if table.held:
        yield
        return
    if any(nn.parameter.is_lazy(parameter) for parameter in table.parameters):
        message = "The model has layers whose sizes are not known yet (torch's Lazy modules)."
        raise InputError(message, hint="Run the model once on an input of its size first.")
    training = [part for part in table.parts.values() if part.training]
    # To walk through a model costs a millisecond: a model in eval mode is not put into it again.
    modes = [(part, part.training) for part in table.parts.values()] if training else []
    trainable = [parameter for parameter in table.parameters if parameter.requires_grad]
    saving = [(part, name) for part in table.parts.values() for name in SAVING if vars(part).get(name) is True]
    table.held.append(True)
    try:
        if training:
            table.root.eval()
        for parameter in trainable:
            parameter.requires_grad_(False)
        for part, name in saving:
            setattr(part, name, False)
        with out_of_inference(), _uncompiled(), float32(tf32=table.tf32):
            yield
    finally:
        table.held.clear()
        for part, name in saving:
            setattr(part, name, True)
        for part, mode in modes:
            part.training = mode
        for parameter in trainable:
            parameter.requires_grad_(True)


def _uncompiled() -> AbstractContextManager[Any]:
    """Let what `torch.compile` has compiled run as it was written; nothing to do if torch's compiler is not loaded."""
    if "torch._dynamo" not in sys.modules:
        return nullcontext()
    eager: AbstractContextManager[Any] = torch.compiler.set_stance("force_eager")
    return eager
