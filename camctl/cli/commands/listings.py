"""`camctl methods` and `camctl metrics`: every plugin of a kind, or all about one."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich import box
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from camctl import registry
from camctl.cli.output.sink import Sink, indented, line, stdout, warn
from camctl.cli.parsing import completion
from camctl.cli.parsing.groups import argument, switch
from camctl.registry import discovery

if TYPE_CHECKING:
    from rich.console import RenderableType

    from camctl.registry import Loaded

NARROW = 100
"""Width in columns below which the words stand under the names."""

REMARKED = "*"


@dataclass(frozen=True, kw_only=True)
class ListingOptions:
    """Which plugins are listed, and how."""

    name: str | None = argument("NAME", None, help="Show all about this one.", autocompletion=completion.listed)
    json: bool = switch(help="Print JSON on stdout.")


@dataclass(frozen=True)
class Listing:
    """How the plugins of a kind are shown."""

    kind: discovery.Kind
    does: str
    """Heading of the summaries."""
    cells: Callable[[Any], dict[str, str]]
    """Column of the table -> what stands there of a plugin."""
    words: Callable[[Any], tuple[str, ...]]
    """The same as words on one line, for a narrow window."""
    facts: Callable[[Any], dict[str, str]]
    """What to know of one plugin, by label."""
    in_json: tuple[str, ...]
    """Fields that `--json` prints besides those that all kinds have."""
    example: str


def methods(options: ListingOptions) -> None:
    """List the methods, built-in and of plugins; with NAME, show its paper, formula and options."""
    show(METHODS, options)


def metrics(options: ListingOptions) -> None:
    """List the metrics of compare; with NAME, show its paper, formula and options."""
    show(METRICS, options)


def _method_needs(method: Any) -> str:
    """Return what a method needs besides the activations, which all do."""
    return ", ".join(sorted(method.needs - {"activations"})) or "activations"


def _metric_needs(metric: Any) -> str:
    return ", ".join(sorted(metric.needs)) or "the map"


METHODS = Listing(
    kind="method",
    does="what it does",
    cells=lambda method: {
        "needs": _method_needs(method),
        "cost": method.cost.text,
        "by class": "yes" if method.discriminative else "no",
    },
    words=lambda method: (
        _method_needs(method),
        method.cost.text,
        "by class" if method.discriminative else "same for every class",
    ),
    facts=lambda method: {
        "needs": ", ".join(sorted(method.needs)),
        "cost": f"{method.cost.text}, besides the shared forward pass",
        "by class": "yes" if method.discriminative else "no: the map is the same for every class",
        "activations": "of both signs" if method.signed else "of one sign: by default the activated ones",
        "remarks": "\n".join(method.remarks),
    },
    in_json=("reduction", "discriminative", "signed", "remarks"),
    example="run photo.jpg demo:vit --method {}",
)

METRICS = Listing(
    kind="metric",
    does="what it measures",
    cells=lambda metric: {"better": metric.better, "needs": _metric_needs(metric), "cost": metric.cost.text},
    words=lambda metric: (
        "describes the map" if metric.better == "neither" else f"{metric.better} is better",
        _metric_needs(metric),
        metric.cost.text,
    ),
    facts=lambda metric: {
        "better": metric.better,
        "needs": _metric_needs(metric),
        "cost": f"{metric.cost.text}, for each map",
        "rewards": metric.rewards,
    },
    in_json=("better", "rewards"),
    example="compare photo.jpg demo:vit --metrics {} --baselines",
)


def show(listing: Listing, options: ListingOptions) -> None:
    """Print all plugins of a kind, or the one named. Raises as `registry.pick` does."""
    sink = Sink(json=options.json)
    if options.name is not None:
        loaded = registry.pick(listing.kind, options.name)
        sink.data(_to_dict(listing, loaded))
        sink.show(*_portrait(listing, loaded))
        return
    plugins, skipped = registry.load_all(listing.kind)
    if sink.json:
        sink.data([_to_dict(listing, loaded) for loaded in plugins])
    else:
        sink.show(*(_lines(listing, plugins) if stdout().width < NARROW else [_table(listing, plugins)]))
    if any(map(_mark, plugins)):
        sink.show(line((f"{REMARKED} has a remark on its use: camctl {listing.kind}s NAME", "dim")))
    warn(line(("skipped: ", "bold yellow"), f"{error.message} ({error.hint})") for error in skipped)


def _to_dict(listing: Listing, loaded: "Loaded") -> dict[str, Any]:
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
        **{name: getattr(plugin, name) for name in listing.in_json},
        "options": {key: value if isinstance(value, plain) else repr(value) for key, value in plugin.options.items()},
        "package": found.distribution,
        "version": found.version,
        "clashes_with": [rival.label for rival in discovery.rivals(found, discovery.find(found.kind))],
    }


def _table(listing: Listing, plugins: "Sequence[Loaded]") -> Table:
    headings = (*(listing.cells(plugins[0].plugin) if plugins else ()), "package")
    # Only the words wrap: a name that is cut in two cannot be copied.
    columns = (Column(listing.kind, no_wrap=True), Column(listing.does, ratio=1))
    columns += tuple(Column(heading, overflow="fold") for heading in headings)
    table = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for loaded in plugins:
        cells = (Text(text, "yellow" if text == "no" else "") for text in listing.cells(loaded.plugin).values())
        table.add_row(Text(_title(loaded), "bold cyan"), _summary(loaded), *cells, _package(loaded))
    return table


def _lines(listing: Listing, plugins: "Sequence[Loaded]") -> "Iterator[RenderableType]":
    """Yield the same for a narrow window: the words under the names."""
    for loaded in plugins:
        words = (f"  {'; '.join(listing.words(loaded.plugin))}; ", "dim")
        # Padded, so that a long line is broken between words.
        yield Padding(line((_title(loaded), "bold cyan"), words, _package(loaded)), 0)
        yield indented(_summary(loaded))


def _portrait(listing: Listing, loaded: "Loaded") -> "Iterator[RenderableType]":
    plugin, found, title = loaded.plugin, loaded.found, _title(loaded)
    options = ", ".join(f"{key}={value}" for key, value in plugin.options.items())
    rows = {
        "paper": plugin.paper,
        "formula": plugin.formula,
        **listing.facts(plugin),
        "options": f"{options} (set with --{listing.kind}-options KEY=VALUE)" if options else "none",
        "package": f"{found.distribution} {found.version}".strip(),
        "try it": f"camctl {listing.example.format(title)}",
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
    if discovery.rivals(found, discovery.find(found.kind)):
        package.append(f"  ask for it as {found.label}", "bold yellow")
    return package
