"""`camctl layers --check`: whether camctl understands a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer
from rich.table import Table
from rich.text import Text

from camctl.cli.output.progress import working
from camctl.cli.output.screen import out, print_json, say
from camctl.cli.parsing.models import named_in_hints
from camctl.errors import ExitCode

if TYPE_CHECKING:
    from camctl.cli.parsing.models import Layout, Loading
    from camctl.values.check import Check
    from camctl.values.picture import Picture

MARKS = {"ok": ("✓", "green"), "limited": ("○", "yellow"), "failed": ("✗", "bold red")}


def check_model(loading: Loading, layout: Layout, picture: Picture | None, *, json: bool) -> None:
    """Load the model, check it and report; ends with exit code 4 unless all is well."""
    with named_in_hints(loading.model), working(quiet=json) as work:
        loaded = loading.load(work)
        work.say("Making a map, and trying what may be wrong with it")
        from camctl.pipeline.check import check as check_

        found = check_(loaded, picture, family=layout.family)
    if json:
        print_json(found.to_dict())
    else:
        report(found)
    if not found.ok:
        raise typer.Exit(ExitCode.NOT_OK)


def report(found: Check) -> None:
    """The report on stdout, and on stderr what should be known of how the model was loaded."""
    for repair in found.repairs:
        say(("repaired: ", "cyan"), repair)
    for note in found.notes:
        say(("note: ", "cyan"), note)
    if found.random_weights:
        say(("note: ", "cyan"), "The weights are random: layer and grid do not depend on them, the verdict may.")
    console = out()
    height, width = found.input_size
    console.print(Text.assemble((found.model, "bold"), f" on {found.image}, {height} x {width}"), soft_wrap=True)
    console.print(_table(found))


def _table(found: Check) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column()
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    mark = "ok" if found.verdict == "ok" else "failed"
    _row(table, mark, "verdict", Text.assemble((found.verdict, MARKS[mark][1]), f" {found.reason}"), found.hint)
    if found.layers:
        _row(table, "", "target layer", Text.assemble((", ".join(found.layers), "bold"), f", by {found.chosen_by}"))
    if found.grid:
        tokens = f" after {found.extra_tokens} extra token{'s'[: found.extra_tokens > 1]}" if found.extra_tokens else ""
        _row(table, "", "map", Text(f"{found.grid[0]} x {found.grid[1]}{tokens}, {_seconds(found)}"))
    for each in found.findings:
        _row(table, each.mark, each.name, Text(each.text), each.hint)
    return table


def _row(table: Table, mark: str, name: str, text: Text, hint: str = "") -> None:
    table.add_row(Text(*MARKS.get(mark, ("", ""))), Text(name), text)
    if hint:
        table.add_row("", "", Text(f"→ {hint}", "cyan"))


def _seconds(found: Check) -> str:
    cost = f"the layer found in {found.finding_passes:.1f} forward passes" if found.finding_passes else "no probe run"
    return f"{found.seconds:.2f} s, {cost}"
