"""The tree that `camctl layers` draws: modules nested by name, in the order they ran, repeated blocks folded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Column
from rich.text import Text

from camctl.cli.output.branches import runs
from camctl.cli.output.sink import plain_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.table import Table

    from camctl.cli.output.branches import Branch

Row = tuple[Text, ...]


def tree(title: str, branches: Sequence[Branch], *, depth: int | None = None, fold: bool = True) -> Table:
    """Return the tree as a table: names with guides, then what is known of each module.

    Parameters
    ----------
    title
        Heading of the names.
    branches
        The outermost modules.
    depth
        Number of levels to draw; None draws all.
    fold
        Draw one of several equal blocks in a row for all of them.
    """
    table = plain_table(Column(Text(title, "bold not dim"), no_wrap=True), "", "grid", "gradient", "type", "output")
    for row in _rows(branches, "", depth, fold=fold):
        table.add_row(*row)
    return table


def _rows(branches: Sequence[Branch], guides: str, depth: int | None, *, fold: bool) -> Iterator[Row]:
    groups = list(runs(branches)) if fold else [(branch,) for branch in branches]
    deepest = depth == 1
    for number, (first, *rest) in enumerate(groups, 1):
        last = number == len(groups)
        below = guides + ("    " if last and not rest else "│   ")
        name = _name(guides, first.name, "bold green" if first.default else "", last=last and not rest)
        if deepest and first.size:
            name.append(f"  ({first.size} inside)", "dim")
        yield name, *_cells(first)
        if not deepest:
            yield from _rows(first.children, below, depth and depth - 1, fold=fold)
        if rest:
            names = rest[0].name if len(rest) == 1 else f"{rest[0].name} … {rest[-1].last_part}"
            yield (_name(guides, names, "dim", last=last).append(f"  ({len(rest)} like {first.last_part})", "dim"),)


def _name(guides: str, name: str, style: str, *, last: bool) -> Text:
    parents, dot, own = name.rpartition(".")
    branch = guides + ("└── " if last else "├── ")
    return Text.assemble((branch, "dim"), (parents + dot, "dim"), (own, style))


def _cells(branch: Branch) -> Iterator[Text]:
    record = branch.record
    grid = f"{record.grid[0]}x{record.grid[1]}" if record.grid else ""
    tokens = f" + {record.extra_tokens}" if record.extra_tokens else ""
    # A gradient too small for its positions counts as none: the probe calls it `zero-gradient`.
    reached = "" if record.gradient is None else "none" if record.why_not == "zero-gradient" else "reached"
    shape = "x".join(map(str, record.shape)) if record.shape is not None else ""
    yield _mark(branch)
    for text, style in ((grid + tokens, ""), (reached, ""), (record.type, ""), (shape, "dim")):
        yield Text(text, style)


def _mark(branch: Branch) -> Text:
    if branch.default:
        return Text("● default", "bold green")
    if branch.record.usable:
        return Text("○ usable", "green")
    return Text("" if branch.holds_only else branch.record.why_not, "dim")
