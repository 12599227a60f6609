"""A network in about six stages, from its head to its first layers, which are redrawn one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

HEAD = "head"

BODY = 5
"""Number of stages before the head."""


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
