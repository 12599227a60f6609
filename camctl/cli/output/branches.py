"""A model's layers as branches: nested by name, in the order they ran, repeated blocks folded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from camctl.values.layer_map import LayerMap, LayerRecord

SHORTEST_RUN = 3
"""Fewest equal leaves in a row that are folded; of blocks with children, two are enough."""


@dataclass(frozen=True, eq=False)
class Branch:
    """A module and its children, in the order they began to run."""

    record: LayerRecord
    default: bool
    children: tuple[Branch, ...]
    first: int
    """Position, in the order in which modules finished, of the first one in it."""

    @property
    def name(self) -> str:
        """Full name of the module."""
        return self.record.name

    @property
    def last_part(self) -> str:
        """Part of the name after the last dot."""
        return self.record.name.rpartition(".")[2]

    @cached_property
    def size(self) -> int:
        """Number of modules inside."""
        return sum(1 + child.size for child in self.children)

    @cached_property
    def alike(self) -> tuple[object, ...]:
        """Key that is equal for branches that are drawn once for all of them."""
        record = self.record
        own = (record.type, record.shape, record.grid, record.extra_tokens, record.why_not, self.default)
        return (*own, tuple((child.last_part, child.alike) for child in self.children))

    @property
    def holds_only(self) -> bool:
        """Whether the module never runs itself but its children do, such as a list of blocks."""
        return self.record.order < 0 and any(child.record.order >= 0 or child.holds_only for child in self.children)


def grow(layers: LayerMap) -> tuple[Branch, ...]:
    """Return the outermost branches of a model."""
    inside: dict[str, list[int]] = {}
    for index, record in enumerate(layers.records):
        inside.setdefault(record.name.rpartition(".")[0], []).append(index)

    def below(name: str) -> tuple[Branch, ...]:
        return tuple(sorted((branch(index) for index in inside.get(name, [])), key=lambda child: child.first))

    def branch(index: int) -> Branch:
        record = layers.records[index]
        children = below(record.name)
        first = min([index, *(child.first for child in children)])
        return Branch(record, record.name in layers.default, children, first)

    return below("")


def prune(branches: Sequence[Branch], keep: Callable[[LayerRecord], bool]) -> tuple[Branch, ...]:
    """Return only the branches to keep, and their parents."""
    pruned = []
    for branch in branches:
        children = prune(branch.children, keep)
        if children or keep(branch.record):
            pruned.append(Branch(branch.record, branch.default, children, branch.first))
    return tuple(pruned)


def runs(branches: Sequence[Branch]) -> Iterator[tuple[Branch, ...]]:
    """Yield branches in their order; equal ones in a row come together if that is shorter."""
    start = 0
    while start < len(branches):
        end = start + 1
        while end < len(branches) and branches[end].alike == branches[start].alike:
            end += 1
        run = tuple(branches[start:end])
        if len(run) >= SHORTEST_RUN or (len(run) > 1 and run[0].children):
            yield run
        else:
            yield from ((branch,) for branch in run)
        start = end


def pattern(text: str) -> re.Pattern[str]:
    """Return the pattern of `--filter`: `*` stops at a dot, `**` does not, as in `--target-layers`.

    A pattern without a dot is compared with the last part of a name, so that `*norm*` matches every norm.
    """
    signs = {"**": ".*", "*": "[^.]*", "?": "[^.]"}
    body = "".join(signs.get(part, re.escape(part)) for part in re.split(r"(\*\*|\*|\?)", text))
    return re.compile(body if "." in text else rf"(?:.*\.)?{body}")
