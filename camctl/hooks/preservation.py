"""A training as it was: whatever an explanation changes of its model and its random numbers is put back."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from camctl.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor, nn

SPLIT = {"DTensor", "FlatParameter"}
"""Kinds of parameters that are split over processes (FSDP)."""


@contextmanager
def preserved(module: nn.Module) -> Iterator[None]:
    """Put everything of a training back that happens to its model inside the block, byte for byte.

    Kept are the random numbers of Python, numpy and torch (CPU and CUDA), the values and gradients of all parameters
    and buffers, modes, hooks and every attribute of every module. Costs a second copy of the weights for the time.
    Inference mode is left. Raises `InputError`: the model is split over several processes.
    """
    import numpy as np
    import torch

    if any(type(weight).__name__ in SPLIT or hasattr(weight, "ds_id") for weight in module.parameters()):
        message = "The model is split over several processes (FSDP, DeepSpeed), and no one of them can explain it."
        raise InputError(message, hint="Explain its checkpoints.")
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002 - the global one, which trainings use
    with torch.inference_mode(mode=False), torch.no_grad(), torch.random.fork_rng(devices):
        parts = [_Part(part) for part in module.modules()]
        tensors = [_Values(tensor) for tensor in _tensors(module)]
        try:
            yield
        finally:
            for part in parts:
                part.restore()
            for tensor in tensors:
                tensor.restore()
            random.setstate(python)
            np.random.set_state(legacy)  # noqa: NPY002


def _tensors(module: nn.Module) -> Iterator[Tensor]:
    """Yield parameters with their gradients, buffers, and tensors that are plain attributes, each once."""
    from torch import Tensor
    from torch.nn.parameter import is_lazy

    seen: set[int] = set()
    for part in module.modules():
        held = [*vars(part).values(), *part.parameters(recurse=False), *part.buffers(recurse=False)]
        tensors = [tensor for tensor in held if isinstance(tensor, Tensor) and not is_lazy(tensor)]
        for tensor in (*tensors, *(tensor.grad for tensor in tensors if tensor.is_leaf and tensor.grad is not None)):
            if id(tensor) not in seen:
                seen.add(id(tensor))
                yield tensor


class _Part:
    """The attributes of a module, and what its dictionaries and lists hold."""

    def __init__(self, part: nn.Module) -> None:
        self.part, self.own = part, dict(vars(part))
        self.lists = [(value, list(value)) for value in self.own.values() if isinstance(value, list)]
        self.tables = [(value, dict(value)) for value in self.own.values() if isinstance(value, dict)]
        own = part.parameters(recurse=False)
        self.weights = [(weight, weight.requires_grad, weight.grad) for weight in own]

    def restore(self) -> None:
        for value, items in self.lists:
            if not _same(dict(enumerate(value)), dict(enumerate(items))):
                value[:] = items
        for table, before in ((vars(self.part), self.own), *self.tables):
            if not _same(table, before):
                table.clear()
                table.update(before)
        for weight, trainable, grad in self.weights:
            if weight.requires_grad != trainable or weight.grad is not grad:
                weight.requires_grad_(trainable).grad = grad


def _same(now: dict[Any, Any], before: dict[Any, Any]) -> bool:
    return list(now) == list(before) and all(now[key] is value for key, value in before.items())


class _Values:
    """The values of a tensor, and a copy of them."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor, self.values = tensor, tensor.detach()
        self.before = _bytes(self.values).clone()

    def restore(self) -> None:
        import torch

        if self.tensor.data_ptr() != self.values.data_ptr():
            self.tensor.data = self.values
        if not torch.equal(_bytes(self.values), self.before):
            self.values.copy_(self.before.view(self.values.dtype).reshape(self.values.shape))


def _bytes(tensor: Tensor) -> Tensor:
    import torch

    return tensor.reshape(-1).view(torch.uint8)
