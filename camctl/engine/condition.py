"""What a model is like, so that it can be told whether anything changed it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import crc32

import torch

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A model's tensors as checksums, and its switches."""

    tensors: Mapping[str, int]
    training: Mapping[str, bool]
    trainable: Mapping[str, bool]
    grads: Mapping[str, bool]
    hooks: int


def condition(module: nn.Module) -> Condition:
    """What `module` is like now; every parameter and buffer is read once, and none is kept."""
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
    """What is not as it was, a few words each: tensors by name, then modes, hooks and the like."""
    names = before.tensors.keys() | after.tensors.keys()
    found = sorted(name for name in names if before.tensors.get(name) != after.tensors.get(name))
    switches = {
        "training mode": before.training != after.training,
        "requires_grad": before.trainable != after.trainable,
        "gradients of parameters": before.grads != after.grads,
        "hooks": before.hooks != after.hooks,
    }
    return (*found, *(word for word, changed in switches.items() if changed))


def _checksum(tensor: Tensor) -> int:
    values = tensor.detach().cpu().contiguous().reshape(-1)
    return crc32(values.view(torch.uint8).numpy().data) ^ hash((tensor.shape, str(tensor.dtype)))
