"""`camctl plugins`: what is installed and what is broken; `check` holds one to the contract, `new` begins one."""

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

KindOption = Annotated[Kind | None, typer.Option(help="Where one name stands for several kinds.", show_default=False)]
Name = Annotated[
    str | None, typer.Argument(metavar="NAME", help="A plugin; without it all of other packages.", show_default=False)
]
Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        metavar="MODEL...",
        help="For an adapter a model that it knows, for a source one of its own.",
        show_default=False,
    ),
]
Folder = Annotated[
    Path, typer.Argument(metavar="DIR", help="Folder to make; the package is named after it.", show_default=False)
]
NewKind = Annotated[Kind, typer.Option("--kind", help="What it is to be.")]
JsonPlugins = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]

app = typer.Typer(name="plugins", cls=PlainGroup, invoke_without_command=True, rich_markup_mode="rich")


@app.callback()
def plugins(ctx: typer.Context, *, json: JsonPlugins = False) -> None:
    """List the plugins: from which package, and what is broken and why. See also: check, new.

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
        say(("hint: ", "bold cyan"), "A broken plugin is left out wherever it is not asked for by name.")


def _row(found: discovery.Found) -> dict[str, Any]:
    row = {
        "kind": found.kind,
        "name": found.name,
        "package": found.distribution,
        "version": found.version,
        "clashes_with": [one.label for one in discovery.rivals(found, discovery.find(found.kind))],
        "summary": "",
        "error": "",
        "hint": "",
    }
    try:
        row["summary"] = str(registry.load(found).plugin.summary)
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
    table.add_column("what it is", ratio=1)
    for row in rows:
        own = row["package"] == discovery.BUILT_IN
        words = Text(row["summary"])
        if row["error"]:
            words = Text(f"broken: {row['error']} ({row['hint']})", "bold yellow")
        if row["clashes_with"]:
            words.append(f" Clashes with {', '.join(row['clashes_with'])}.", "bold yellow")
        package = Text(f"{row['package']} {row['version']}".strip(), "dim" if own else "")
        table.add_row(Text(row["kind"], "dim"), Text(row["name"], "bold cyan"), package, words)
    return table


@app.command(cls=ListCommand)
def check(name: Name = None, *, kind: KindOption = None, model: Models = None, json: JsonPlugins = False) -> None:
    """Hold a plugin to the contract, on real networks; each failure says what to do. Exit code 3 where one fails.

    camctl plugins check softcam

    camctl plugins check ours --kind source --model ours:tiny
    """
    from camctl.testing import Finding
    from camctl.testing import check as findings_of

    wanted = _wanted(name, kind)
    failed, told = 0, []
    for one in wanted:
        with working(quiet=json) as work:
            work.say(f"Trying {one.label}")
            try:
                findings = findings_of(one.kind, one.label, model or ())
            except PluginError as error:
                findings = (Finding("can be tried", ok=False, todo=f"{error.message} ({error.hint})"),)
        failed += sum(not finding.ok for finding in findings)
        told.append({"kind": one.kind, "name": one.label, "findings": [vars(finding) for finding in findings]})
        if not json:
            _tell(one, findings)
    if json:
        print_json(told)
    elif not wanted:
        say("No other package offers a plugin. ", ("camctl plugins new DIR --kind method", "bold"), " begins one.")
    if failed:
        raise typer.Exit(PluginError.exit_code)


def _wanted(name: str | None, kind: "discovery.Kind | None") -> list[discovery.Found]:
    """The plugins meant. Raises `InputError` where there is none, or the name stands for several kinds."""
    kinds = [kind] if kind is not None else KINDS
    if name is None:
        return [found for each in kinds for found in discovery.find(each) if not found.built_in]
    found = [each for each in kinds if any(_same(one, name) for one in discovery.find(each))]
    if len(found) > 1:
        message = f"'{name}' names several plugins: {', '.join(found)}."
        raise InputError(message, hint=f"Say which: camctl plugins check {name} --kind {found[0]}")
    if not found:
        hint = "See them with: camctl plugins. One of your own has to be installed: pip install -e ."
        raise InputError(f"There is no plugin named '{name}'.", hint=hint)
    return [registry.locate(found[0], name)]


def _same(found: discovery.Found, name: str) -> bool:
    return discovery.same_name(name) in {discovery.same_name(found.name), discovery.same_name(found.label)}


def _tell(one: discovery.Found, findings: "Sequence[Finding]") -> None:
    from rich.text import Text

    console = out()
    console.print(Text.assemble((one.label, "bold cyan"), f"  {one.kind}"), soft_wrap=True)
    for finding in findings:
        mark = ("  ok  ", "green") if finding.ok else ("  NO  ", "bold red")
        console.print(Text.assemble(mark, finding.promise), soft_wrap=True)
        if finding.todo:
            console.print(Text.assemble(("      ", ""), (finding.todo, "yellow")), soft_wrap=True)


@app.command(cls=ListCommand)
def new(folder: Folder, *, kind: NewKind = "method") -> None:
    """Begin a plugin: a package that installs, runs and passes the check as it is.

    camctl plugins new camctl-softcam --kind method
    """
    from datetime import UTC, datetime

    from camctl.cli.commands.new_plugin import files_of, with_article
    from camctl.files.atomic import check_folder, write_atomically

    files = files_of(kind, folder.absolute(), datetime.now(UTC).year)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"'{folder}' is there already.", hint="Name a folder that is new, or empty.")
    check_folder(folder)
    for path, text in files.items():
        write_atomically(folder / path, text.encode())
    say(("made: ", "green"), f"{with_article(kind)} in {folder}, for the entry-point group {GROUPS[kind]}")
    say("next: ", (f"pip install -e {folder} && camctl plugins check {_name(files)}", "bold"))


def _name(files: dict[str, str]) -> str:
    """The plugin's name, as its package announces it."""
    module = next(path for path in files if path.endswith(".py") and "/" not in path)
    return module.removesuffix(".py").removeprefix("camctl_")
