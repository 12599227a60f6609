"""What `camctl layers` prints: the tree of layers, or the report of `--check`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import accumulate, groupby
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from rich.table import Column, Table
from rich.text import Text

from camctl.cli.output.sink import Parts, line, note, plain_table
from camctl.errors import Hint, InputError
from camctl.pipeline.layer_names import pattern
from camctl.values.texts import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from camctl.values.check import Check
    from camctl.values.layer_map import LayerMap, LayerRecord
    from camctl.values.output import Output

MARKS = {"ok": ("✓", "green"), "limited": ("○", "yellow"), "failed": ("✗", "bold red")}

SHOWN_LEVELS = 2
"""Levels of a tree whose branches are shown, whatever stands next to them."""

SHORTEST_RUN = 3
"""Fewest equal leaves in a row that are folded; of blocks with children, two are enough."""


def layer_table(
    model: str,
    layers: LayerMap,
    *,
    depth: int | None = None,
    only: str | None = None,
    usable: bool = False,
    whole: bool = True,
) -> Table:
    """Return the tree of a model's layers, or of some: names with guides, then what is known of each module.

    Unless it is `whole`, stages and blocks are left, and the default target layers.

    Equal blocks in a row are folded, unless `only` names them. Raises `InputError` if no layer is left.
    """
    branches = grow(layers)
    if only is not None:
        branches = prune(branches, lambda record: selects(only, record.name))
        if not branches:
            raise InputError(f"No layer matches '{only}'.", hint=Hint("See the names", "layers", all=True))
    if usable:
        branches = prune(branches, lambda record: record.usable)
        if not branches:
            message = f"No layer of {model} has a spatial grid that the class score depends on."
            raise InputError(message, hint=Hint("See the output of each layer", "layers", all=True))
    if not whole:
        named = {*layers.default, *layers.pre_activation}
        branches = outline(branches, named) or branches
    height, width = layers.input_size
    title = line((f"{PurePath(model).name} ({height} x {width})", "bold not dim"))
    table = plain_table(Column(title, no_wrap=True), "", "grid", "gradient", "type", "output")
    for row in _rows(branches, "", depth, fold=only is None):
        table.add_row(*row)
    return table


def legend(layers: LayerMap) -> Parts:
    """Yield what the marks of the tree mean, and why the default is the default."""
    if not layers.default:
        text = "none has a spatial grid that the class score depends on."
        yield line(("No layer is usable: ", "bold yellow"), text)
        return
    tokens = any(record.extra_tokens for record in layers.records if record.name in layers.default)
    why = "what feeds the class token's last attention" if tokens else "the tensor that the head reads"
    yield line(("● ", "bold green"), f"the default, {', '.join(layers.default)}: {why}, by {layers.chosen_by}")
    if layers.pre_activation:
        yield line("  GradCAM takes ", ", ".join(layers.pre_activation), ": the norm before the activation")
    yield line(("○ ", "green"), "usable: give its name to --target-layers")


def layers_to_dict(model: str, layers: LayerMap) -> dict[str, Any]:
    """Return what `--json` prints: every module, in the order they finished."""
    return {
        "model": model,
        "input_size": list(layers.input_size),
        "default": list(layers.default),
        "chosen_by": layers.chosen_by,
        "pre_activation": list(layers.pre_activation),
        "rectified": layers.rectified,
        "output": layers.output.to_dict() if layers.output else None,
        "layers": [
            {name: value for name, value in asdict(record).items() if name not in {"channels", "same_as"}}
            | {"default": record.name in layers.default}
            for record in layers.records
        ],
    }


def output_parts(output: Output | None) -> Parts:
    """Yield what the output is, who says so, its heads, and what the user should know about it."""
    if output is not None:
        yield line(("output ", "bold"), output.title)
        for text in output.notes:
            yield note(text)


def check_notes(check: Check) -> Parts:
    """Yield what the user should know about how the model was loaded."""
    for repair in check.repairs:
        yield note(repair, "repaired")
    for text in check.notes:
        yield note(text)
    if check.random_weights:
        yield note("The weights are random: layer and grid do not depend on them, the verdict may.")


def check_report(check: Check) -> Parts:
    """Yield the report of a check."""
    height, width = check.input_size
    yield line((check.model, "bold"), f" on {check.image}, {height} x {width}")
    table = Table.grid("", Column(style="dim", no_wrap=True), Column(overflow="fold"), padding=(0, 1))
    mark = "ok" if check.verdict == "ok" else "failed"
    _add(table, mark, "verdict", line((check.verdict, MARKS[mark][1]), f" {check.reason}"), check.hint)
    if check.layers:
        _add(table, "", "target layer", line((", ".join(check.layers), "bold"), f", by {check.chosen_by}"))
    if check.grid:
        tokens = f" after {counted(check.extra_tokens, 'extra token')}" if check.extra_tokens else ""
        cost = f"made in {check.seconds:.2f} s"
        if check.finding_passes:
            cost += f"; finding its layer took as long as {check.finding_passes:.0f} forward passes, once a model"
        _add(table, "", "map", Text(f"{check.grid[0]} x {check.grid[1]}{tokens}, {cost}"))
    if check.output:
        _add(table, "", "output", Text(check.output.title))
    for finding in check.findings:
        _add(table, finding.mark, finding.name, line(finding.text), finding.hint)
    yield table


def _add(table: Table, mark: str, name: str, text: Text, hint: str = "") -> None:
    table.add_row(Text(*MARKS.get(mark, ("", ""))), line(name), text)
    if hint:
        table.add_row("", "", line((f"→ {hint}", "cyan")))


# -------------------------------------------------------------------------------------------- tree


@dataclass(frozen=True, eq=False)
class Branch:
    """A module and its children, in the order they began to run."""

    record: LayerRecord
    default: bool
    children: tuple[Branch, ...]

    @property
    def last_part(self) -> str:
        """Part of the name after the last dot."""
        return self.record.name.rpartition(".")[2]

    @property
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
    start: dict[str, int] = {}
    inside: dict[str, list[LayerRecord]] = {}
    for index, record in enumerate(layers.records):
        for name in accumulate(record.name.split("."), "{}.{}".format):
            start.setdefault(name, index)
        inside.setdefault(record.name.rpartition(".")[0], []).append(record)

    def below(name: str) -> tuple[Branch, ...]:
        records = sorted(inside.get(name, ()), key=lambda record: start[record.name])
        return tuple(Branch(record, record.name in layers.default, below(record.name)) for record in records)

    return below("")


def prune(branches: Sequence[Branch], keep: Callable[[LayerRecord], bool]) -> tuple[Branch, ...]:
    """Return only the branches to keep, and their parents."""
    pruned = (replace(branch, children=prune(branch.children, keep)) for branch in branches)
    return tuple(branch for branch in pruned if branch.children or keep(branch.record))


def outline(branches: Sequence[Branch], named: Collection[str], level: int = 1) -> tuple[Branch, ...]:
    """Return the branches that hold others, the outer two levels of them and blocks, and the layers that are named.

    A block's own parts, such as its shortcut, are left out: they stand next to layers that hold nothing.
    """
    parts = level > SHOWN_LEVELS and any(not branch.children for branch in branches)
    shown = (replace(branch, children=outline(branch.children, named, level + 1)) for branch in branches)
    held = {branch.record.name for branch in branches if branch.children and not parts}
    return tuple(branch for branch in shown if branch.children or branch.record.name in {*held, *named})


def runs(branches: Sequence[Branch]) -> Iterator[tuple[Branch, ...]]:
    """Yield branches in their order; equal ones in a row come together if that is shorter."""
    for _, group in groupby(branches, lambda branch: branch.alike):
        run = tuple(group)
        folded = len(run) >= SHORTEST_RUN or (len(run) > 1 and run[0].children)
        yield from [run] if folded else ((branch,) for branch in run)


def selects(text: str, name: str) -> bool:
    """Return whether the pattern of `--filter`, as in `--target-layers`, selects a layer.

    A pattern without a dot may also stand for the end of a name, so that `*norm*` selects every norm.
    """
    forms = (text,) if "." in text else (text, f"**.{text}")
    return any(pattern(form).fullmatch(name) for form in forms)


def _rows(branches: Sequence[Branch], guides: str, depth: int | None, *, fold: bool) -> Iterator[tuple[Text, ...]]:
    groups = list(runs(branches)) if fold else [(branch,) for branch in branches]
    for number, (first, *rest) in enumerate(groups, 1):
        last = number == len(groups)
        name = _name(guides, first.record.name, "bold green" if first.default else "", last=last and not rest)
        if depth == 1 and first.size:
            name.append(f"  ({first.size} inside)", "dim")
        yield name, *_cells(first)
        if depth != 1:
            below = guides + ("    " if last and not rest else "│   ")
            yield from _rows(first.children, below, depth and depth - 1, fold=fold)
        if rest:
            names = rest[0].record.name + (f" … {rest[-1].last_part}" if len(rest) > 1 else "")
            yield (line(_name(guides, names, "dim", last=last), (f"  ({len(rest)} like {first.last_part})", "dim")),)


def _name(guides: str, name: str, style: str, *, last: bool) -> Text:
    parents, dot, own = name.rpartition(".")
    return line((guides + ("└── " if last else "├── "), "dim"), (parents + dot, "dim"), (own, style))


def _cells(branch: Branch) -> Iterator[Text]:
    record = branch.record
    if branch.default:
        yield Text("● default", "bold green")
    elif record.usable:
        yield Text("○ usable", "green")
    else:
        yield Text("" if branch.holds_only else record.why_not, "dim")
    tokens = f" + {record.extra_tokens}" if record.extra_tokens else ""
    yield Text("x".join(map(str, record.grid or ())) + tokens)
    # A gradient too small for its positions counts as none: the probe calls it `zero-gradient`.
    yield Text("" if record.gradient is None else "none" if record.why_not == "zero-gradient" else "reached")
    yield line(record.type)
    yield Text("x".join(map(str, record.shape or ())), "dim")
