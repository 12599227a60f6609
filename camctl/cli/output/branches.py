"""A model's layers as branches: nested by name, in the order they ran, repeated blocks folded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from camctl.values.explanation import LayerMap, LayerRecord

SHORTEST_RUN = 3
"""Alike leaves in a row that are folded; of blocks with something inside, two will do."""


@dataclass(frozen=True, eq=False)
class Branch:
    """A module and those inside it, in the order they began to run."""

    record: LayerRecord
    default: bool
    children: tuple[Branch, ...]
    first: int
    """Place of the first module in it that finished."""

    @property
    def name(self) -> str:
        """The module's full name."""
        return self.record.name

    @property
    def last_part(self) -> str:
        """The name's part after the last dot."""
        return self.record.name.rpartition(".")[2]

    @cached_property
    def size(self) -> int:
        """How many modules are inside."""
        return sum(1 + child.size for child in self.children)

    @cached_property
    def alike(self) -> tuple[object, ...]:
        """Equal for branches of which one can stand for the other."""
        record = self.record
        own = (record.type, record.shape, record.grid, record.extra_tokens, record.why_not, self.default)
        return (*own, tuple((child.last_part, child.alike) for child in self.children))

    @property
    def holds_only(self) -> bool:
        """Whether it never runs itself and what is inside does, as a list of blocks."""
        return self.record.order < 0 and any(child.record.order >= 0 or child.holds_only for child in self.children)


def grow(layers: LayerMap) -> tuple[Branch, ...]:
    """The outermost branches of a model."""
    inside: dict[str, list[int]] = {}
    for place, record in enumerate(layers.records):
        inside.setdefault(record.name.rpartition(".")[0], []).append(place)

    def below(name: str) -> tuple[Branch, ...]:
        return tuple(sorted((branch(place) for place in inside.get(name, [])), key=lambda one: one.first))

    def branch(place: int) -> Branch:
        record = layers.records[place]
        children = below(record.name)
        first = min([place, *(child.first for child in children)])
        return Branch(record, record.name in layers.default, children, first)

    return below("")


def prune(branches: Sequence[Branch], keep: Callable[[LayerRecord], bool]) -> tuple[Branch, ...]:
    """Only the branches to keep, and what they hang from."""
    kept = []
    for branch in branches:
        children = prune(branch.children, keep)
        if children or keep(branch.record):
            kept.append(Branch(branch.record, branch.default, children, branch.first))
    return tuple(kept)


def runs(branches: Sequence[Branch]) -> Iterator[tuple[Branch, ...]]:
    """Branches in their order, those alike in a row together where that is shorter."""
    start = 0
    while start < len(branches):
        end = start + 1
        while end < len(branches) and branches[end].alike == branches[start].alike:
            end += 1
        run = tuple(branches[start:end])
        if len(run) >= SHORTEST_RUN or (len(run) > 1 and run[0].children):
            yield run
        else:
            yield from ((one,) for one in run)
        start = end


def pattern(text: str) -> re.Pattern[str]:
    """What `--filter` matches: names as `--target-layers` does (`*` stops at a dot, `**` does not).

    A pattern without a dot is for the last part of a name, so that `*norm*` finds every norm.
    """
    signs = {"**": ".*", "*": "[^.]*", "?": "[^.]"}
    body = "".join(signs.get(part, re.escape(part)) for part in re.split(r"(\*\*|\*|\?)", text))
    return re.compile(body if "." in text else rf"(?:.*\.)?{body}")
