"""A network in about six stages, from its head to its first layers: what is drawn anew one stage after the other."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

HEAD = "head"

BODY = 5
"""Stages of what comes before the head."""


@dataclass(frozen=True)
class Stage:
    """`name`: "head", or the block that it begins with; `owners`: the modules whose own weights are in it."""

    name: str
    owners: tuple[str, ...]


def stages(module: nn.Module, order: Sequence[str], classes: int) -> list[Stage]:
    """From the last to the first; `order`: names of the modules as they run.

    The head is what runs from the last weight matrix on, or from the first of several in a row that give `classes`
    outputs. The rest is cut into `BODY` parts, about equally long, where a block ends if one does nearby. A module that
    never runs goes with the nearest around it that does, its weights being used from there.
    """
    begun = {name: place for place, name in enumerate(order)}
    owners = {name: _begins(name, begun) for name, part in module.named_modules() if owns(part)}
    ordered = sorted(owners, key=lambda name: owners[name])
    first = _head(module, ordered, classes)
    cuts = _cuts(ordered[:first])
    found = [Stage(HEAD, tuple(ordered[first:]))] if ordered else []
    for start, end in reversed(list(pairwise([*cuts, first]))):
        found.append(Stage(_name(ordered, start) or type(module).__name__, tuple(ordered[start:end])))
    return found


def owns(part: nn.Module) -> bool:
    """Whether a module has weights of its own, or statistics that follow those of others."""
    return any(True for _ in part.parameters(recurse=False)) or getattr(part, "running_mean", None) is not None


def _begins(name: str, begun: dict[str, int]) -> int:
    """When a module begins to run, or the nearest around it that does."""
    while name and name not in begun:
        name = name.rpartition(".")[0]
    return begun.get(name, -1)


def _head(module: nn.Module, ordered: Sequence[str], classes: int) -> int:
    """Place of the first module of the head."""
    rows = [
        [each.shape[0] for each in module.get_submodule(name).parameters(recurse=False) if each.ndim > 1]
        for name in ordered
    ]
    matrices = [place for place, each in enumerate(rows) if each]
    if not matrices:
        return max(len(ordered) - 1, 0)
    place = matrices.pop()
    while matrices and classes in rows[place] and classes in rows[matrices[-1]]:
        place = matrices.pop()
    return place


def _cuts(ordered: Sequence[str]) -> list[int]:
    """Where the parts begin: near equal lengths, at the outermost block that begins there."""
    near = len(ordered) / BODY / 2
    found = [0] if ordered else []
    for part in range(1, BODY):
        ideal = part * len(ordered) / BODY
        able = [place for place in range(1, len(ordered)) if abs(place - ideal) <= near and place > found[-1]]
        if able:
            found.append(min(able, key=lambda place: (_shared(ordered, place), abs(place - ideal))))
    return found


def _shared(ordered: Sequence[str], place: int) -> int:
    """How many parts of its name a module shares with the one before it."""
    pairs = zip(ordered[place - 1].split("."), ordered[place].split("."), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _name(ordered: Sequence[str], start: int) -> str:
    """The block that begins at a place; of the first place the first module that has no others inside."""
    if start:
        return ".".join(ordered[start].split(".")[: _shared(ordered, start) + 1])
    inside = [name for name in ordered if name and not any(each.startswith(f"{name}.") for each in ordered)]
    return inside[0] if inside else ""
