"""A copy of a model, with a forward function of its own, so that weights can change without a trace on the user's."""

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
from camctl.errors import InputError, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor, nn

    from camctl.plugin import LoadedModel

HINT = "Leave out --sanity, which needs a copy of the model."


def replica(loaded: LoadedModel) -> LoadedModel:
    """The same model on weights of its own. Raises `InputError` where the module cannot be copied.

    A source's `forward` is a function around the module: its copy is around the copied module.
    """
    memo: dict[int, Any] = {}
    try:
        module = deepcopy(loaded.module, memo)
    except Exception as error:
        message = f"{loaded.name} cannot be copied: {one_line(error)}"
        raise InputError(message, hint=HINT) from error
    return replace(loaded, module=module.eval(), forward=_rebound(loaded.forward, memo))


def run_order(copied: LoadedModel, original: nn.Module, inputs: Tensor) -> tuple[list[str], int]:
    """Names of the copy's modules in the order in which they begin to run, and how many classes it answers with.

    One forward pass. Raises `InputError` where a module of the original runs: the copy does not stand for itself.
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
            handle = part.register_forward_pre_hook(_telling(name, seen))
            stack.callback(handle.remove)
        yield


def _telling(name: str, seen: Callable[[str], Any]) -> Callable[[nn.Module, Any], None]:
    def hook(_part: nn.Module, _args: Any) -> None:
        seen(name)

    return hook


def _rebound(value: Any, memo: dict[int, Any]) -> Any:
    """What a function holds, with copies in the place of what was copied; what cannot be copied stays shared."""
    if id(value) in memo:
        return memo[id(value)]
    if isinstance(value, MethodType):
        return MethodType(value.__func__, _rebound(value.__self__, memo))
    if isinstance(value, partial):
        given = {key: _rebound(each, memo) for key, each in value.keywords.items()}
        return partial(_rebound(value.func, memo), *(_rebound(each, memo) for each in value.args), **given)
    if isinstance(value, FunctionType):
        return _function(value, memo)
    try:
        return deepcopy(value, memo)
    except Exception:  # noqa: BLE001 - a lock, a Python module, ...: whether that matters, `run_order` sees
        return value


def _function(function: FunctionType, memo: dict[int, Any]) -> FunctionType:
    cells = tuple(CellType() for _ in function.__closure__ or ())
    defaults = _rebound(function.__defaults__, memo)
    made = FunctionType(function.__code__, function.__globals__, function.__name__, defaults, cells or None)
    made.__kwdefaults__ = _rebound(function.__kwdefaults__, memo)
    made.__dict__.update(function.__dict__)
    memo[id(function)] = made  # before its cells: a function may hold itself
    for cell, before in zip(cells, function.__closure__ or (), strict=True):
        try:
            held = before.cell_contents
        except ValueError:  # nothing is in it yet
            continue
        cell.cell_contents = _rebound(held, memo)
    return made
