"""`camctl plugins`: list installed and broken plugins; `check` tries one against the contract."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import typer
from rich.table import Column, Table
from rich.text import Text

from camctl import registry
from camctl.cli.output.sink import NARROW, Parts, Sink, hint, indented, line, ruled_table, stdout, warn
from camctl.cli.parsing.groups import argument, option, switch
from camctl.errors import ExitCode, InputError, PluginError
from camctl.registry import discovery

if TYPE_CHECKING:
    from camctl.testing import Finding

Kind = Literal["method", "metric", "adapter", "source", "runner"]

KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, kw_only=True)
class PluginsOptions:
    """How plugins are listed."""

    json: bool = switch(help="Print JSON on stdout.")


@dataclass(frozen=True, kw_only=True)
class CheckOptions(PluginsOptions):
    """Which plugins are checked, and how."""

    name: str | None = argument("NAME", None, help="Plugin; by default all of other packages.")
    kind: Kind | None = option(None, help="Kind, if one name stands for several.")
    model: list[str] | None = option("MODEL...", help="Models that an adapter knows, or that a source can load.")


def plugins(ctx: typer.Context, options: PluginsOptions) -> None:
    """List the plugins with their packages, and which are broken and why. See also: check, new.

    camctl plugins check softcam

    camctl plugins new camctl-softcam --kind method
    """
    if ctx.invoked_subcommand is not None:
        return
    rows = [_row(found) for kind in KINDS for found in discovery.find(kind)]
    sink = Sink(json=options.json)
    sink.data(rows)
    sink.show(*(_lines(rows) if stdout().width < NARROW else [_table(rows)]))
    if any(row["error"] for row in rows):
        warn([hint("Broken plugins are ignored unless they are named.")])


def _row(found: discovery.Found) -> dict[str, Any]:
    row = {
        "kind": found.kind,
        "name": found.name,
        "package": found.distribution,
        "version": found.version,
        "clashes_with": [rival.label for rival in discovery.rivals(found)],
        "summary": "",
        "error": "",
        "hint": "",
    }
    try:
        row["summary"] = str(registry.load(found).plugin.summary)
    except PluginError as error:
        row |= {"error": error.message, "hint": error.hint}
    return row


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    fixed = (Column("name", no_wrap=True), Column("package", no_wrap=True), Column("summary", ratio=1))
    table = ruled_table("kind", *fixed, header_style="bold")
    for row in rows:
        table.add_row(Text(row["kind"], "dim"), line((row["name"], "bold cyan")), _package(row), _words(row))
    return table


def _lines(rows: Sequence[dict[str, Any]]) -> Parts:
    """Yield the same for a narrow window: the words under the names."""
    for row in rows:
        yield line((row["name"], "bold cyan"), (f"  {row['kind']}  ", "dim"), _package(row))
        yield indented(_words(row))


def _package(row: dict[str, Any]) -> Text:
    return line((f"{row['package']} {row['version']}".strip(), "dim" if row["package"] == discovery.BUILT_IN else ""))


def _words(row: dict[str, Any]) -> Text:
    words = line(row["summary"])
    if row["error"]:
        words = line((f"broken: {row['error']} ({row['hint']})", "bold yellow"))
    if row["clashes_with"]:
        words.append(f" Clashes with {', '.join(row['clashes_with'])}.", "bold yellow")
    return words


def check(options: CheckOptions) -> ExitCode:
    """Try a plugin against the contract, on real networks. Failures say what to do; exit code 3 if there are any.

    camctl plugins check softcam

    camctl plugins check ours --kind source --model ours:tiny
    """
    sink, results, code = Sink(json=options.json), [], ExitCode.DONE
    for found in _named(options.name, options.kind):
        findings = _findings(found, options.model or (), sink)
        results.append({"kind": found.kind, "name": found.label, "findings": [vars(finding) for finding in findings]})
        sink.show(*_finding_lines(found, findings))
        if not all(finding.ok for finding in findings):
            code = ExitCode.PLUGIN
    sink.data(results)
    if not results:
        command = ("camctl plugins new DIR --kind method", "bold")
        sink.tell([line("No other package offers a plugin. Start one: ", command)])
    return code


def _findings(found: discovery.Found, models: Sequence[str], sink: Sink) -> "Sequence[Finding]":
    from camctl.testing import Finding
    from camctl.testing import check as findings_of

    with sink.working() as progress:
        progress.say(f"Trying {found.label}")
        try:
            return findings_of(found.kind, found.label, models)
        except PluginError as error:
            return (Finding("can be tried", ok=False, todo=f"{error.message} ({error.hint})"),)


def _named(name: str | None, kind: Kind | None) -> list[discovery.Found]:
    """Return the plugins of this name, by default all of other packages.

    Raises `InputError` if there is none, or if the name stands for several kinds.
    """
    plugins = [found for every in ([kind] if kind else KINDS) for found in discovery.find(every)]
    if name is None:
        return [found for found in plugins if not found.built_in]
    wanted = discovery.same_name(name)
    kinds = {found.kind for found in plugins if wanted in map(discovery.same_name, (found.name, found.label))}
    if not kinds:
        advice = "See them with: camctl plugins. A plugin of your own must be installed: pip install -e ."
        raise InputError(f"There is no plugin named '{name}'.", hint=advice)
    first, *others = (kind for kind in KINDS if kind in kinds)
    if others:
        message = f"'{name}' names several plugins: {', '.join([first, *others])}."
        raise InputError(message, hint=f"Name the kind: camctl plugins check {name} --kind {first}")
    return [registry.locate(first, name)]


def _finding_lines(found: discovery.Found, findings: "Sequence[Finding]") -> Parts:
    yield line((found.label, "bold cyan"), f"  {found.kind}")
    for finding in findings:
        yield line(("  ok  ", "green") if finding.ok else ("  NO  ", "bold red"), finding.promise)
        if finding.todo:
            yield line("      ", (finding.todo, "yellow"))
