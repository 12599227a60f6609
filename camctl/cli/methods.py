"""`camctl methods`: every method there is, or all about one."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from camctl import discovery, registry
from camctl.cli import completion
from camctl.cli.screen import out, print_json, say

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

Name = Annotated[
    str | None,
    typer.Argument(
        metavar="NAME",
        help="A method, for all there is to know about it.",
        autocompletion=completion.methods,
        show_default=False,
    ),
]
NARROW = 100
"""Columns below which the words stand under the names."""

JsonMethods = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]


def methods(name: Name = None, *, json: JsonMethods = False) -> None:
    """List the methods, built-in and plugins' alike; with NAME, its paper, formula and options."""
    if name is not None:
        one = registry.pick("method", name)
        if json:
            print_json(as_json(one))
        else:
            out().print(_portrait(one))
        return
    loaded, skipped = registry.load_all("method")
    if json:
        print_json([as_json(one) for one in loaded])
    else:
        console = out()
        console.print(_list(loaded) if console.width < NARROW else _table(loaded))
    for error in skipped:
        say(("skipped: ", "bold yellow"), f"{error.message} {error.hint}")


def as_json(one: registry.Loaded) -> dict[str, Any]:
    """A method as `--json` prints it."""
    method = one.plugin
    return {
        "name": one.found.name,
        "title": method.name,
        "summary": method.summary,
        "paper": method.paper,
        "formula": method.formula,
        "needs": sorted(method.needs),
        "cost": method.cost.text,
        "reduction": method.reduction,
        "discriminative": method.discriminative,
        "options": {key: _plain(value) for key, value in method.options.items()},
        "package": one.found.distribution,
        "version": one.found.version,
        "clashes_with": [other.label for other in discovery.rivals(one.found, discovery.find("method"))],
    }


def _plain(value: object) -> object:
    """A default as JSON can hold it."""
    return value if isinstance(value, bool | int | float | str | None) else repr(value)


def _table(loaded: list[registry.Loaded]) -> "RenderableType":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    # Only the words wrap: a name that is cut in two cannot be copied.
    table.add_column("method", no_wrap=True)
    table.add_column("what it does", ratio=1)
    table.add_column("needs", overflow="fold")
    table.add_column("cost")
    table.add_column("by class", justify="center")
    table.add_column("package", overflow="fold")
    everything = discovery.find("method")
    for one in loaded:
        method = one.plugin
        table.add_row(
            Text(_title(one), "bold cyan"),
            Text(method.summary),
            Text(_needs(one)),
            Text(method.cost.text),
            Text("yes" if method.discriminative else "no", "" if method.discriminative else "yellow"),
            _package(one, everything),
        )
    return table


def _list(loaded: list[registry.Loaded]) -> "RenderableType":
    """The same for a narrow window: the words under the names."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    everything = discovery.find("method")
    lines: list[RenderableType] = []
    for one in loaded:
        method = one.plugin
        by_class = "by class" if method.discriminative else "knows no class"
        facts = f"  {_needs(one)}; {method.cost.text}; {by_class}; "
        lines.append(Text.assemble((_title(one), "bold cyan"), (facts, "dim"), _package(one, everything)))
        lines.append(Padding(Text(method.summary), (0, 0, 0, 2)))
    return Group(*lines)


def _needs(one: registry.Loaded) -> str:
    """What a method needs beside the activations, which all do."""
    return ", ".join(sorted(one.plugin.needs - {"activations"})) or "activations"


def _package(one: registry.Loaded, everything: list[discovery.Found]) -> "Text":
    from rich.text import Text

    package = Text(one.found.distribution, "dim" if one.found.built_in else "")
    if discovery.rivals(one.found, everything):
        package.append(f"  ask for it as {one.found.label}", "bold yellow")
    return package


def _title(one: registry.Loaded) -> str:
    """As papers spell it, where the user may spell it so; else the entry point's name."""
    title: str = one.plugin.name
    return title if registry.same_name(title) == registry.same_name(one.found.name) else one.found.name


def _portrait(one: registry.Loaded) -> "RenderableType":
    from rich.console import Group
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    method, found = one.plugin, one.found
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    settings = ", ".join(f"{key}={value}" for key, value in method.options.items())
    by_class = "yes" if method.discriminative else "no: the map is the same for every class"
    rows = (
        ("paper", method.paper),
        ("formula", method.formula),
        ("needs", ", ".join(sorted(method.needs))),
        ("cost", f"{method.cost.text}, beside the shared forward pass"),
        ("by class", by_class),
        ("options", f"{settings} (set with --method-options KEY=VALUE)" if settings else "none"),
        ("package", f"{found.distribution} {found.version}".strip()),
        ("try it", f"camctl run photo.jpg demo:vit --method {_title(one)}"),
    )
    for label, value in rows:
        if value:
            facts.add_row(Text(label), Text(value))
    heading = Text.assemble((_title(one), "bold cyan"), f"  {method.summary}")
    return Group(heading, Padding(facts, (1, 0, 0, 2)))
