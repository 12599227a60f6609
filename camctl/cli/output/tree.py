"""The tree that `camctl layers` draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text
from rich.tree import Tree

from camctl.cli.output.branches import Branch, runs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from camctl.values.explanation import LayerRecord

GUIDE = 4
"""Columns that rich indents a level by."""


@dataclass(frozen=True)
class Line:
    """One line of the tree; `record` is None for a line that stands for several modules."""

    depth: int
    text: str
    record: LayerRecord | None = None
    default: bool = False
    holds_only: bool = False
    more: str = ""


def draw(title: str, branches: Sequence[Branch], *, depth: int | None = None, fold: bool = True) -> tuple[Tree, int]:
    """The tree, each line of it in columns, and the width that it needs.

    `depth` is how many levels are drawn; `fold` lets one of several blocks alike stand for all.
    """
    lines = list(_lines(branches, 1, depth, fold=fold))
    names = max((GUIDE * line.depth + len(line.text) for line in lines), default=0)
    cells = {id(line): _cells(line) for line in lines}
    widths = [max((len(row[column]) for row in cells.values()), default=0) for column in range(len(HEADINGS))]
    widths = [max(width, len(heading)) for width, heading in zip(widths, HEADINGS, strict=True)]
    heading = Text(title, "bold", no_wrap=True, overflow="ellipsis")
    start = max(names, len(title)) + 2
    heading.append(" " * (start - len(title)))
    heading.append("  ".join(text.ljust(width) for text, width in zip(HEADINGS, widths, strict=True)), "dim not bold")
    tree = Tree(heading, guide_style="dim")
    stack = [tree]
    widest = start + sum(widths) + 2 * len(widths)
    for line in lines:
        label = _label(line, start - GUIDE * line.depth, cells[id(line)], widths)
        widest = max(widest, GUIDE * line.depth + len(label))
        del stack[line.depth :]
        stack.append(stack[-1].add(label))
    return tree, widest


HEADINGS = ("", "grid", "gradient", "type", "output")


def _lines(branches: Sequence[Branch], level: int, depth: int | None, *, fold: bool) -> Iterator[Line]:
    for run in runs(branches) if fold else ((branch,) for branch in branches):
        first, rest = run[0], run[1:]
        deepest = depth is not None and level >= depth
        more = f"{first.size} inside" if deepest and first.size else ""
        yield Line(level, first.name, first.record, first.default, first.holds_only, more)
        if not deepest:
            yield from _lines(first.children, level + 1, depth, fold=fold)
        if rest:
            yield Line(level, _folded(rest), more=f"{len(rest)} like {first.last_part}")


def _folded(rest: Sequence[Branch]) -> str:
    return rest[0].name if len(rest) == 1 else f"{rest[0].name} … {rest[-1].last_part}"


def _cells(line: Line) -> tuple[Text, ...]:
    record = line.record
    if record is None:
        return (Text(""),) * len(HEADINGS)
    grid = f"{record.grid[0]}x{record.grid[1]}" if record.grid else ""
    tokens = f" + {record.extra_tokens}" if record.extra_tokens else ""
    # A gradient too small for its places is none: the probe's word on it is `zero-gradient`.
    reached = "" if record.gradient is None else "none" if record.why_not == "zero-gradient" else "reached"
    shape = "x".join(map(str, record.shape)) if record.shape is not None else ""
    return _mark(line, record), Text(grid + tokens), Text(reached), Text(record.type), Text(shape, "dim")


def _mark(line: Line, record: LayerRecord) -> Text:
    if line.default:
        return Text("● default", "bold green")
    if record.usable:
        return Text("○ usable", "green")
    return Text("" if line.holds_only else record.why_not, "dim")


def _label(line: Line, room: int, cells: Sequence[Text], widths: Sequence[int]) -> Text:
    """The name, padded to where the columns begin, and the columns."""
    label = Text(no_wrap=True, overflow="ellipsis")
    before, dot, last = line.text.rpartition(".")
    style = "bold green" if line.default else "" if line.record is not None else "dim"
    label.append(before + dot, "dim")
    label.append(last, style)
    if line.record is None:
        return label.append(f"  ({line.more})", "dim")
    label.append(" " * (room - len(line.text)))
    for cell, width in zip(cells, widths, strict=True):
        label.append_text(cell)
        label.append(" " * (width - len(cell) + 2))
    if line.more:
        label.append(f"({line.more})", "dim")
    label.rstrip()
    return label
