"""`camctl plugins`: list installed and broken plugins; `check` tries one against the contract, `new` starts one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from camctl import registry
from camctl.cli.output.progress import working
from camctl.cli.output.screen import out, print_json, say
from camctl.cli.parsing.lists import ListCommand
from camctl.cli.parsing.params import PlainGroup
from camctl.errors import InputError, PluginError
from camctl.plugin import GROUPS
from camctl.registry import discovery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camctl.testing import Finding

KINDS: "tuple[discovery.Kind, ...]" = ("method", "metric", "adapter", "source")

Kind = Literal["method", "metric", "adapter", "source"]

KindOption = Annotated[Kind | None, typer.Option(help="Kind, if one name stands for several.", show_default=False)]
Name = Annotated[
    str | None, typer.Argument(metavar="NAME", help="Plugin; by default all of other packages.", show_default=False)
]
Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        metavar="MODEL...",
        help="Models that an adapter knows, or that a source can load.",
        show_default=False,
    ),
]
Folder = Annotated[
    Path, typer.Argument(metavar="DIR", help="New folder; the package is named after it.", show_default=False)
]
NewKind = Annotated[Kind, typer.Option("--kind", help="Kind of the plugin.")]
JsonPlugins = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]

app = typer.Typer(name="plugins", cls=PlainGroup, invoke_without_command=True, rich_markup_mode="rich")


@app.callback()
def plugins(ctx: typer.Context, *, json: JsonPlugins = False) -> None:
    """List the plugins with their packages, and which are broken and why. See also: check, new.

    camctl plugins check softcam

    camctl plugins new camctl-softcam --kind method
    """
    if ctx.invoked_subcommand is not None:
        return
    rows = [_row(found) for kind in KINDS for found in discovery.find(kind)]
    if json:
        print_json(rows)
    else:
        out().print(_table(rows))
    if any(row["error"] for row in rows):
        say(("hint: ", "bold cyan"), "Broken plugins are ignored unless they are named.")


def _row(found: discovery.Found) -> dict[str, Any]:
    row = {
        "kind": found.kind,
        "name": found.name,
        "package": found.distribution,
        "version": found.version,
        "clashes_with": [rival.label for rival in discovery.rivals(found, discovery.find(found.kind))],
        "summary": "",
        "error": "",
        "hint": "",
    }
    try:
        row["summary"] = registry.load(found).plugin.summary
    except PluginError as error:
        row |= {"error": error.message, "hint": error.hint}
    return row


def _table(rows: "Sequence[dict[str, Any]]") -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("kind")
    table.add_column("name", no_wrap=True)
    table.add_column("package", no_wrap=True)
    table.add_column("summary", ratio=1)
    for row in rows:
        text = Text(row["summary"])
        if row["error"]:
            text = Text(f"broken: {row['error']} ({row['hint']})", "bold yellow")
        if row["clashes_with"]:
            text.append(f" Clashes with {', '.join(row['clashes_with'])}.", "bold yellow")
        package = Text(f"{row['package']} {row['version']}", "dim" if row["package"] == discovery.BUILT_IN else "")
        table.add_row(Text(row["kind"], "dim"), Text(row["name"], "bold cyan"), package, text)
    return table


@app.command(cls=ListCommand)
def check(name: Name = None, *, kind: KindOption = None, model: Models = None, json: JsonPlugins = False) -> None:
    """Try a plugin against the contract, on real networks. Failures say what to do; exit code 3 if there are any.

    camctl plugins check softcam

    camctl plugins check ours --kind source --model ours:tiny
    """
    from camctl.testing import Finding
    from camctl.testing import check as findings_of

    plugins = _named(name, kind)
    failed, rows = False, []
    for found in plugins:
        with working(quiet=json) as work:
            work.say(f"Trying {found.label}")
            try:
                findings = findings_of(found.kind, found.label, model or ())
            except PluginError as error:
                findings = (Finding("can be tried", ok=False, todo=f"{error.message} ({error.hint})"),)
        failed |= not all(finding.ok for finding in findings)
        rows.append({"kind": found.kind, "name": found.label, "findings": [vars(finding) for finding in findings]})
        if not json:
            _print(found, findings)
    if json:
        print_json(rows)
    elif not plugins:
        say("No other package offers a plugin. Start one: ", ("camctl plugins new DIR --kind method", "bold"))
    if failed:
        raise typer.Exit(PluginError.exit_code)


def _named(name: str | None, kind: "discovery.Kind | None") -> list[discovery.Found]:
    """Plugins of this name, by default all of other packages.

    Raises `InputError` if there is none, or if the name stands for several kinds.
    """
    plugins = [found for each in ([kind] if kind else KINDS) for found in discovery.find(each)]
    if name is None:
        return [found for found in plugins if not found.built_in]
    wanted = discovery.same_name(name)
    kinds = {found.kind for found in plugins if wanted in map(discovery.same_name, (found.name, found.label))}
    if not kinds:
        hint = "See them with: camctl plugins. A plugin of your own must be installed: pip install -e ."
        raise InputError(f"There is no plugin named '{name}'.", hint=hint)
    first, *others = (kind for kind in KINDS if kind in kinds)
    if others:
        message = f"'{name}' names several plugins: {', '.join([first, *others])}."
        raise InputError(message, hint=f"Name the kind: camctl plugins check {name} --kind {first}")
    return [registry.locate(first, name)]


def _print(found: discovery.Found, findings: "Sequence[Finding]") -> None:
    from rich.text import Text

    console = out()
    console.print(Text.assemble((found.label, "bold cyan"), f"  {found.kind}"), soft_wrap=True)
    for finding in findings:
        mark = ("  ok  ", "green") if finding.ok else ("  NO  ", "bold red")
        console.print(Text.assemble(mark, finding.promise), soft_wrap=True)
        if finding.todo:
            console.print(Text.assemble("      ", (finding.todo, "yellow")), soft_wrap=True)


@app.command(cls=ListCommand)
def new(folder: Folder, *, kind: NewKind = "method") -> None:
    """Start a plugin: a package that installs, runs and passes the check unchanged.

    camctl plugins new camctl-softcam --kind method
    """
    from datetime import UTC, datetime

    from camctl.cli.commands.new_plugin import files_of, name_of, with_article
    from camctl.files.atomic import check_folder, write_atomically

    files = files_of(kind, folder.absolute(), datetime.now(UTC).year)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"'{folder}' exists already.", hint="Name a new or an empty folder.")
    check_folder(folder)
    for path, text in files.items():
        write_atomically(folder / path, text.encode())
    say(("made: ", "green"), f"{with_article(kind)} in {folder}, for the entry-point group {GROUPS[kind]}")
    command = f"pip install -e {folder} && camctl plugins check {name_of(folder.absolute())}"
    say("next: ", (command, "bold"))
