"""What `camctl layers` prints: the tree of layers, or the report of `--check`."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from rich.table import Column, Table
from rich.text import Text

from camctl.cli.output.branches import grow, pattern, prune
from camctl.cli.output.layer_tree import tree
from camctl.cli.output.sink import line, note
from camctl.errors import Hint, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from camctl.values.check import Check
    from camctl.values.layer_map import LayerMap

MARKS = {"ok": ("✓", "green"), "limited": ("○", "yellow"), "failed": ("✗", "bold red")}

IN_JSON = (
    "name", "type", "order", "calls", "shape", "layout", "grid", "extra_tokens", "gradient", "negative", "norm",
    "usable", "why_not",
)  # fmt: skip
"""Fields of a layer that `--json` prints."""


def layer_table(
    model: str, layers: LayerMap, *, depth: int | None = None, only: str | None = None, usable: bool = False
) -> Table:
    """Return the tree of a model's layers, or of some of them. Raises `InputError` if none is left."""
    branches = grow(layers)
    if only is not None:
        wanted = pattern(only)
        branches = prune(branches, lambda record: bool(wanted.fullmatch(record.name)))
        if not branches:
            raise InputError(f"No layer matches '{only}'.", hint=Hint("See the names", "layers"))
    if usable:
        branches = prune(branches, lambda record: record.usable)
        if not branches:
            message = f"No layer of {model} has a spatial grid that the class score depends on."
            raise InputError(message, hint=Hint("See the output of each layer", "layers"))
    height, width = layers.input_size
    return tree(f"{PurePath(model).name} ({height} x {width})", branches, depth=depth, fold=only is None)


def legend(layers: LayerMap) -> Text:
    """Return what the marks of the tree mean."""
    if not layers.default:
        text = "none has a spatial grid that the class score depends on."
        return line(("No layer is usable: ", "bold yellow"), text)
    norms = ", ".join(layers.pre_activation)
    norms = f" ({norms}, before the activation, for GradCAM)" if norms else ""
    default = f"the default, chosen by {layers.chosen_by}{norms}   "
    usable = "usable: give its name to --target-layers"
    return line(("● ", "bold green"), default, ("○ ", "green"), usable)


def layers_to_dict(model: str, layers: LayerMap) -> dict[str, Any]:
    """Return what `--json` prints: every module, in the order they finished."""
    return {
        "model": model,
        "input_size": list(layers.input_size),
        "default": list(layers.default),
        "chosen_by": layers.chosen_by,
        "pre_activation": list(layers.pre_activation),
        "rectified": layers.rectified,
        "layers": [
            {name: getattr(record, name) for name in IN_JSON} | {"default": record.name in layers.default}
            for record in layers.records
        ],
    }


def check_notes(check: Check) -> Iterator[Text]:
    """Yield what the user should know about how the model was loaded."""
    for repair in check.repairs:
        yield note(repair, "repaired")
    for text in check.notes:
        yield note(text)
    if check.random_weights:
        yield note("The weights are random: layer and grid do not depend on them, the verdict may.")


def check_report(check: Check) -> Iterator[RenderableType]:
    """Yield the report of a check."""
    height, width = check.input_size
    yield line((check.model, "bold"), f" on {check.image}, {height} x {width}")
    table = Table.grid("", Column(style="dim", no_wrap=True), Column(overflow="fold"), padding=(0, 1))
    mark = "ok" if check.verdict == "ok" else "failed"
    _add(table, mark, "verdict", line((check.verdict, MARKS[mark][1]), f" {check.reason}"), check.hint)
    if check.layers:
        _add(table, "", "target layer", line((", ".join(check.layers), "bold"), f", by {check.chosen_by}"))
    if check.grid:
        plural = "s" if check.extra_tokens > 1 else ""
        tokens = f" after {check.extra_tokens} extra token{plural}" if check.extra_tokens else ""
        passes = f"the layer found in {check.finding_passes:.1f} forward passes"
        cost = f"{check.seconds:.2f} s, {passes if check.finding_passes else 'no probe run'}"
        _add(table, "", "map", Text(f"{check.grid[0]} x {check.grid[1]}{tokens}, {cost}"))
    for finding in check.findings:
        _add(table, finding.mark, finding.name, Text(finding.text), finding.hint)
    yield table


def _add(table: Table, mark: str, name: str, text: Text, hint: str = "") -> None:
    table.add_row(Text(*MARKS.get(mark, ("", ""))), Text(name), text)
    if hint:
        table.add_row("", "", Text(f"→ {hint}", "cyan"))
