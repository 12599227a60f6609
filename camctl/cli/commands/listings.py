"""`camctl methods` and `camctl metrics`: every plugin of a kind, or all about one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from camctl import registry
from camctl.cli.output.sink import NARROW, Parts, Sink, indented, line, ruled_table, stdout, warn
from camctl.cli.parsing import completion
from camctl.cli.parsing.groups import argument, switch
from camctl.plugin import Metric
from camctl.registry import discovery

if TYPE_CHECKING:
    from camctl.registry import Loaded

REMARKED = "*"

DEFAULT, SEED = "default", "seed"

TAGS = {"camctl[gradcam]": DEFAULT, "camctl[gradcamelementwise]": DEFAULT} | dict.fromkeys(
    (f"camctl[{name}]" for name in ("gradcam++", "xgradcam", "eigencam", "eigengradcam", "layercam")), SEED
)
"""Method -> why it stands out."""

TAGGED = (
    f"{DEFAULT}: what auto takes, GradCAMElementWise if a class token alone is read; {SEED}: with GradCAM the six of "
    "mmpretrain's tool"
)

WIDTHS = {"cost": 26, "package": 8}
"""Heading -> width that its column may take in any window; in a wide one, a quarter of it."""

GUTTER = 3
"""Spaces between two columns."""

GROUPS = {
    "gradients": "by gradients: one backward pass a class",
    "activations": "by activations alone",
    "replay": "by replay: what follows the target layer runs many times",
    "rescoring": "by the whole model, run again: perturbation, attention, noise",
    "baseline": "baselines, which the others must beat",
}
"""Kind of method -> the words above its methods in the listing."""


@dataclass(frozen=True, kw_only=True)
class ListingOptions:
    """Which plugins are listed, and how."""

    name: str | None = argument("NAME", None, help="Show all about this one.", autocompletion=completion.listed)
    json: bool = switch(help="Print JSON on stdout.")


HEADING = {"method": "what it does", "metric": "what it measures"}
"""Kind -> heading of the summaries."""

IN_JSON = {"method": ("reduction", "discriminative", "signed", "remarks"), "metric": ("better", "rewards")}
"""Kind -> fields that `--json` prints besides those that all kinds have."""

EXAMPLE = {
    "method": "camctl run photo.jpg demo:vit --method {}",
    "metric": "camctl compare photo.jpg demo:vit --metrics {} --baselines",
}


def methods(options: ListingOptions) -> None:
    """List the methods, built-in and of plugins; with NAME, show its paper, formula and options."""
    show("method", options)


def metrics(options: ListingOptions) -> None:
    """List the metrics of compare; with NAME, show its paper, formula and options."""
    show("metric", options)


def show(kind: discovery.Kind, options: ListingOptions) -> None:
    """Print all plugins of a kind, or the one named. Raises as `registry.pick` does."""
    sink = Sink(json=options.json)
    if options.name is not None:
        loaded = registry.pick(kind, options.name)
        sink.data(_to_dict(loaded))
        sink.show(*_portrait(loaded))
        return
    plugins, skipped = registry.load_all(kind)
    if sink.json:
        sink.data([_to_dict(loaded) for loaded in plugins])
    else:
        sink.show(*(_lines(plugins) if stdout().width < NARROW else _tables(kind, plugins)))
        if kind == "method":
            sink.show(Padding(line((TAGGED, "dim")), 0))  # so that it is broken between words
    if any(map(_mark, plugins)):
        sink.show(line((f"{REMARKED} has a remark on its use: camctl {kind}s NAME", "dim")))
    warn(line(("skipped: ", "bold yellow"), f"{error.message} ({error.hint})") for error in skipped)


def _cells(plugin: Any) -> dict[str, str]:
    """Return what stands in the table: column -> cell."""
    needs = ", ".join(sorted(plugin.needs - {"activations"}))
    if isinstance(plugin, Metric):
        return {"better": plugin.better, "needs": needs or "the map", "cost": plugin.cost.text}
    return {"cost": plugin.cost.text, "by class": "yes" if plugin.discriminative else "no"}


def _words(plugin: Any) -> str:
    """Return the same as words."""
    cells = _cells(plugin)
    if "better" not in cells:
        cells = {"needs": ", ".join(sorted(plugin.needs - {"activations"})) or "activations", **cells}
    if "better" in cells:
        cells["better"] = "describes the map" if plugin.better == "neither" else f"{plugin.better} is better"
    else:
        cells["by class"] = "by class" if plugin.discriminative else "same for every class"
    return "; ".join(cells.values())


def _facts(plugin: Any) -> dict[str, str]:
    """Return what there is to know of one plugin, by label."""
    if isinstance(plugin, Metric):
        return _cells(plugin) | {"cost": f"{plugin.cost.text}, for each map", "rewards": plugin.rewards}
    return {
        "needs": ", ".join(sorted(plugin.needs)),
        "cost": f"{plugin.cost.text}, besides the shared forward pass",
        "by class": "yes" if plugin.discriminative else "no: the map is the same for every class",
        "activations": "of both signs" if plugin.signed else "of one sign: by default the activated ones",
        "remarks": "\n".join(plugin.remarks),
    }


def _to_dict(loaded: "Loaded") -> dict[str, Any]:
    plugin, found = loaded.plugin, loaded.found
    plain = bool | int | float | str | None
    return {
        "name": found.name,
        "title": plugin.name,
        "summary": plugin.summary,
        "paper": plugin.paper,
        "formula": plugin.formula,
        "needs": sorted(plugin.needs),
        "cost": plugin.cost.text,
        **{name: getattr(plugin, name) for name in IN_JSON[found.kind]},
        "options": {key: value if isinstance(value, plain) else repr(value) for key, value in plugin.options.items()},
        "package": found.distribution,
        "version": found.version,
        "clashes_with": [rival.label for rival in discovery.rivals(found)],
    }


def _tables(kind: discovery.Kind, plugins: "Sequence[Loaded]") -> Parts:
    """Yield a table for each group, under its name; the columns of all have one width."""
    widths = _widths(kind, plugins)
    for group, members in _groups(plugins).items():
        headings = (*_cells(members[0].plugin), "package")
        folding = (Column(heading, overflow="fold", width=widths[heading]) for heading in headings)
        # Only the words wrap: a name that is cut in two cannot be copied.
        fixed = [Column(kind, no_wrap=True, width=widths[kind]), Column(HEADING[kind], width=widths[HEADING[kind]])]
        if group:
            yield Text(f" {GROUPS[group]}", "bold")
            fixed.insert(1, Column("", no_wrap=True, width=len(DEFAULT)))
        table = ruled_table(*fixed, *folding, header_style="bold")
        table.show_header = group in {"", next(iter(GROUPS))}
        for loaded in members:
            cells = [Text(text, "yellow" if text == "no" else "") for text in _cells(loaded.plugin).values()]
            tag = [Text(TAGS.get(loaded.found.label, ""), "green")] if group else []
            name = line((_title(loaded), "bold cyan"))
            table.add_row(name, *tag, _summary(loaded), *cells, _package(loaded))
        yield table


def _widths(kind: discovery.Kind, plugins: "Sequence[Loaded]") -> dict[str, int]:
    """Return the width of each column of all tables, by its heading; the summaries get what the others leave."""
    room, last = stdout().width, HEADING[kind]
    cells = [{**_cells(loaded.plugin), "package": _package(loaded).plain} for loaded in plugins]
    widths = {
        heading: max(len(heading), min(max(len(row[heading]) for row in cells), max(WIDTHS.get(heading, 0), room // 4)))
        for heading in cells[0]
    }
    widths[kind] = max(len(kind), *(len(_title(loaded)) for loaded in plugins))
    tagged = len(DEFAULT) + GUTTER if _group(plugins[0].plugin) else 0
    left = room - sum(widths.values()) - GUTTER * (len(widths) + 1) - tagged
    return widths | {last: max(len(last), min(max(len(_summary(loaded)) for loaded in plugins), left))}


def _groups(plugins: "Sequence[Loaded]") -> "dict[str, list[Loaded]]":
    """Return the methods by what they need, in the order of `GROUPS`; metrics in one group without a name."""
    groups: dict[str, list[Loaded]] = {name: [] for name in ("", *GROUPS)}
    for loaded in plugins:
        groups[_group(loaded.plugin)].append(loaded)
    return {name: members for name, members in groups.items() if members}


def _group(plugin: Any) -> str:
    if isinstance(plugin, Metric):
        return ""
    if plugin.baseline:
        return "baseline"
    return next(need for need in ("replay", "rescoring", "gradients", "activations") if need in plugin.needs)


def _lines(plugins: "Sequence[Loaded]") -> Parts:
    """Yield the same for a narrow window: the words under the names."""
    for group, members in _groups(plugins).items():
        if group:
            yield Padding(Text(GROUPS[group], "bold"), 0)
        for loaded in members:
            tag = TAGS.get(loaded.found.label, "")
            words = line(
                (_title(loaded), "bold cyan"),
                (f"  {tag}" if tag else "", "green"),
                (f"  {_words(loaded.plugin)}; ", "dim"),
                _package(loaded),
            )
            yield Padding(words, 0)  # so that a long line is broken between words
            yield indented(_summary(loaded))


def _portrait(loaded: "Loaded") -> Parts:
    plugin, found, title = loaded.plugin, loaded.found, _title(loaded)
    options = ", ".join(f"{key}={value}" for key, value in plugin.options.items())
    rows = {
        "paper": plugin.paper,
        "formula": plugin.formula,
        **_facts(plugin),
        "options": f"{options} (set with --{found.kind}-options KEY=VALUE)" if options else "none",
        "package": f"{found.distribution} {found.version}".strip(),
        "try it": EXAMPLE[found.kind].format(title),
    }
    facts = Table.grid(Column(style="dim", no_wrap=True), Column(overflow="fold"), padding=(0, 2))
    for label, value in rows.items():
        if value:
            facts.add_row(Text(label), Text(value))
    same = discovery.same_name(plugin.name) == discovery.same_name(title)
    yield Padding(line((title if same else plugin.name, "bold cyan"), f"  {plugin.summary}"), (0, 0, 1, 0))
    yield indented(facts)


def _title(loaded: "Loaded") -> str:
    """Return a method's name as papers spell it, if the user may spell it so; else the entry point's name."""
    known, paper = loaded.found.name, str(loaded.plugin.name)
    same = discovery.same_name(paper) == discovery.same_name(known)
    return paper if same and loaded.found.kind == "method" else known


def _mark(loaded: "Loaded") -> str:
    return f" {REMARKED}" if getattr(loaded.plugin, "remarks", ()) else ""


def _summary(loaded: "Loaded") -> Text:
    return line(loaded.plugin.summary, (_mark(loaded), "yellow"))


def _package(loaded: "Loaded") -> Text:
    found = loaded.found
    package = Text(found.distribution, "dim" if found.built_in else "")
    if discovery.rivals(found):
        package.append(f"  ask for it as {found.label}", "bold yellow")
    return package
