"""A copy of a model with a forward function of its own, so that changed weights do not affect the user's model."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import replace
from functools import partial
from types import CellType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any

import torch

from camctl.engine.model_state import untouched
from camctl.engine.predictions import class_logits
from camctl.errors import Hint, InputError, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor, nn

    from camctl.plugin import LoadedModel

HINT = Hint("Sanity needs a copy of the model. Leave out", sanity=True)


def replica(loaded: LoadedModel) -> LoadedModel:
    """Return the same model with weights of its own. Raises `InputError` if the module cannot be copied.

    A source's `forward` is a function that uses the module: its copy uses the copied module.
    """
    memo: dict[int, Any] = {}
    try:
        module = deepcopy(loaded.module, memo)
    except Exception as error:
        message = f"{loaded.name} cannot be copied: {one_line(error)}"
        raise InputError(message, hint=HINT) from error
    return replace(loaded, module=module.eval(), forward=_rebound(loaded.forward, memo))


def run_order(copied: LoadedModel, original: nn.Module, inputs: Tensor) -> tuple[list[str], int]:
    """Return the names of the copy's modules in the order in which they begin to run, and its number of classes.

    Costs one forward pass. Raises `InputError` if a module of the original runs: the copy is not independent.
    """
    order: dict[str, None] = {}
    leaks: list[str] = []
    watching = _watching(copied.module, order.setdefault), _watching(original, leaks.append)
    with watching[0], watching[1], torch.no_grad(), untouched(original):
        logits = class_logits(copied.forward)(inputs)
    if leaks or not order:
        message = f"{copied.name} cannot be copied: its forward function runs the model that it was made with."
        raise InputError(message, hint=HINT)
    return list(order), logits.shape[1]


@contextmanager
def _watching(module: nn.Module, seen: Callable[[str], Any]) -> Iterator[None]:
    with ExitStack() as stack:
        for name, part in module.named_modules():
            handle = part.register_forward_pre_hook(_watcher(name, seen))
            stack.callback(handle.remove)
        yield


def _watcher(name: str, seen: Callable[[str], Any]) -> Callable[[nn.Module, Any], None]:
    def hook(_part: nn.Module, _args: Any) -> None:
        seen(name)

    return hook


def _rebound(value: Any, memo: dict[int, Any]) -> Any:
    """Return a function with copies in place of the objects that were copied; what cannot be copied stays shared."""
    if id(value) in memo:
        return memo[id(value)]
    if isinstance(value, MethodType):
        return MethodType(value.__func__, _rebound(value.__self__, memo))
    if isinstance(value, partial):
        keywords = {key: _rebound(part, memo) for key, part in value.keywords.items()}
        return partial(_rebound(value.func, memo), *(_rebound(part, memo) for part in value.args), **keywords)
    if isinstance(value, FunctionType):
        return _function(value, memo)
    try:
        return deepcopy(value, memo)
    except Exception:  # noqa: BLE001 - a lock, a Python module, ...: `run_order` detects whether it matters
        return value


def _function(function: FunctionType, memo: dict[int, Any]) -> FunctionType:
    cells = tuple(CellType() for _ in function.__closure__ or ())
    defaults = _rebound(function.__defaults__, memo)
    copied = FunctionType(function.__code__, function.__globals__, function.__name__, defaults, cells or None)
    copied.__kwdefaults__ = _rebound(function.__kwdefaults__, memo)
    copied.__dict__.update(function.__dict__)
    memo[id(function)] = copied  # before its cells: a function may refer to itself
    for cell, before in zip(cells, function.__closure__ or (), strict=True):
        try:
            held = before.cell_contents
        except ValueError:  # nothing is in it yet
            continue
        cell.cell_contents = _rebound(held, memo)
    return copied
