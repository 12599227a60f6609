"""A copy of a model, and its stages from the head to the first layers, which are redrawn one after the other.

The copy has a forward function of its own, so that changed weights do not affect the user's model.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise, takewhile
from types import CellType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any

import torch

from camctl.engine.model_state import untouched
from camctl.errors import Hint, InputError, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor, nn

    from camctl.plugin import LoadedModel

HINT = Hint("Sanity needs a copy of the model. Leave out", sanity=True)

HEAD = "head"

BODY = 5
"""Number of stages before the head."""


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


def run_order(
    copied: LoadedModel, original: nn.Module, forward: Callable[[Tensor], Tensor], inputs: Tensor
) -> tuple[list[str], int]:
    """Return the names of the copy's modules in the order in which they begin to run, and its number of classes.

    `forward` computes the copy's answers (N, K). Costs one forward pass. Raises `InputError` if a module of the
    original runs: the copy is not independent.
    """
    order: dict[str, None] = {}
    leaks: list[str] = []
    watching = _watching(copied.module, order.setdefault), _watching(original, leaks.append)
    with watching[0], watching[1], torch.no_grad(), untouched(original):
        logits = forward(inputs)
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


@dataclass(frozen=True)
class Stage:
    """A stage: `name` is "head" or the block that it begins with, `owners` the modules whose own weights are in it."""

    name: str
    owners: tuple[str, ...]


def stages(module: nn.Module, order: Sequence[str], classes: int) -> list[Stage]:
    """Return the stages from the last to the first; `order` has the names of the modules as they run.

    The head is what runs from the last weight matrix on, or from the first of several in a row with `classes` outputs.
    The rest is cut into `BODY` parts of about equal length, at the end of a block if there is one nearby. A module that
    never runs belongs to the nearest module around it that does, which uses its weights.
    """
    begun = {name: index for index, name in enumerate(order)}
    owners = {name: _begins(name, begun) for name, part in module.named_modules() if owns(part)}
    ordered = sorted(owners, key=lambda name: owners[name])
    first = _head(module, ordered, classes)
    cuts = _cuts(ordered[:first])
    parts = [Stage(HEAD, tuple(ordered[first:]))] if ordered else []
    for start, end in reversed(list(pairwise([*cuts, first]))):
        parts.append(Stage(_name(ordered, start) or type(module).__name__, tuple(ordered[start:end])))
    return parts


def owns(part: nn.Module) -> bool:
    """Return whether a module has weights of its own, or statistics that depend on those of others."""
    return any(True for _ in part.parameters(recurse=False)) or getattr(part, "running_mean", None) is not None


def _begins(name: str, begun: dict[str, int]) -> int:
    """Return when a module, or the nearest around it that runs, begins to run."""
    while name and name not in begun:
        name = name.rpartition(".")[0]
    return begun.get(name, -1)


def _head(module: nn.Module, ordered: Sequence[str], classes: int) -> int:
    """Return the index of the first module of the head."""
    rows = [
        [weight.shape[0] for weight in module.get_submodule(name).parameters(recurse=False) if weight.ndim > 1]
        for name in ordered
    ]
    matrices = [index for index, row in enumerate(rows) if row]
    if not matrices:
        return max(len(ordered) - 1, 0)
    first = matrices.pop()
    while matrices and classes in rows[first] and classes in rows[matrices[-1]]:
        first = matrices.pop()
    return first


def _cuts(ordered: Sequence[str]) -> list[int]:
    """Return where the parts begin: near equal lengths, at the outermost block that begins there."""
    near = len(ordered) / BODY / 2
    cuts = [0] if ordered else []
    for part in range(1, BODY):
        ideal = part * len(ordered) / BODY
        able = [index for index in range(1, len(ordered)) if abs(index - ideal) <= near and index > cuts[-1]]
        if able:
            cuts.append(min(able, key=lambda index: (_shared(ordered, index), abs(index - ideal))))
    return cuts


def _shared(ordered: Sequence[str], index: int) -> int:
    """Return how many parts of its name a module shares with the one before it."""
    pairs = zip(ordered[index - 1].split("."), ordered[index].split("."), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _name(ordered: Sequence[str], start: int) -> str:
    """Return the block that begins at an index; at the first index the first module without others inside."""
    if start:
        return ".".join(ordered[start].split(".")[: _shared(ordered, start) + 1])
    inside = [name for name in ordered if name and not any(other.startswith(f"{name}.") for other in ordered)]
    return inside[0] if inside else ""
