"""Plugins of a kind, listed or one in full: what `camctl methods` and `camctl metrics` share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from camctl import registry
from camctl.cli.output.sink import indented, line, stdout, warn
from camctl.registry import discovery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import RenderableType

    from camctl.cli.output.sink import Sink
    from camctl.registry import Loaded

NARROW = 100
"""Width in columns below which the words stand under the names."""

REMARKED = "*"


@dataclass(frozen=True)
class Listing:
    """How the plugins of a kind are shown."""

    kind: discovery.Kind
    does: str
    """Heading of the summaries."""
    cells: Callable[[Any], dict[str, str]]
    """Column of the table -> what stands there of a plugin."""
    words: Callable[[Any], Sequence[str]]
    """The same as words on one line, for a narrow window."""
    facts: Callable[[Any], dict[str, str]]
    """All that there is to know, by label."""
    in_json: Sequence[str]
    """Fields of a plugin that `--json` prints, besides those that all kinds have."""
    example: str
    """A command that uses the plugin."""

    def show(self, name: str | None, sink: Sink) -> None:
        """Print all of them, or the one of this name. Raises as `registry.pick` does."""
        if name is not None:
            loaded = registry.pick(self.kind, name)
            sink.data(self._to_dict(loaded))
            sink.show(*self._portrait(loaded))
            return
        plugins, skipped = registry.load_all(self.kind)
        if sink.json:
            sink.data([self._to_dict(loaded) for loaded in plugins])
        else:
            sink.show(*(self._lines(plugins) if stdout().width < NARROW else [self._table(plugins)]))
        if any(map(_remarks, plugins)):
            sink.show(line((f"{REMARKED} has a remark on its use: camctl {self.kind}s NAME", "dim")))
        warn(line(("skipped: ", "bold yellow"), f"{error.message} ({error.hint})") for error in skipped)

    def _to_dict(self, loaded: Loaded) -> dict[str, Any]:
        plugin, found = loaded.plugin, loaded.found
        return {
            "name": found.name,
            "title": plugin.name,
            "summary": plugin.summary,
            "paper": plugin.paper,
            "formula": plugin.formula,
            "needs": sorted(plugin.needs),
            "cost": plugin.cost.text,
            **{name: getattr(plugin, name) for name in self.in_json},
            "options": {key: _plain(value) for key, value in plugin.options.items()},
            "package": found.distribution,
            "version": found.version,
            "clashes_with": [rival.label for rival in discovery.rivals(found, discovery.find(self.kind))],
        }

    def _table(self, plugins: Sequence[Loaded]) -> Table:
        from rich import box

        headings = (*(self.cells(plugins[0].plugin) if plugins else ()), "package")
        folding = (Column(heading, overflow="fold") for heading in headings)
        # Only the words wrap: a name that is cut in two cannot be copied.
        fixed = (Column(self.kind, no_wrap=True), Column(self.does, ratio=1))
        table = Table(*fixed, *folding, box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
        everything = discovery.find(self.kind)
        for loaded in plugins:
            cells = (Text(text, "yellow" if text == "no" else "") for text in self.cells(loaded.plugin).values())
            table.add_row(Text(title(loaded), "bold cyan"), _summary(loaded), *cells, _package(loaded, everything))
        return table

    def _lines(self, plugins: Sequence[Loaded]) -> Iterator[RenderableType]:
        """Yield the same for a narrow window: the words under the names."""
        everything = discovery.find(self.kind)
        for loaded in plugins:
            words = (f"  {'; '.join(self.words(loaded.plugin))}; ", "dim")
            # Padded, so that a long line is broken between words.
            yield Padding(Text.assemble((title(loaded), "bold cyan"), words, _package(loaded, everything)), 0)
            yield Padding(_summary(loaded), (0, 0, 0, 2))

    def _portrait(self, loaded: Loaded) -> Iterator[RenderableType]:
        plugin, found = loaded.plugin, loaded.found
        options = ", ".join(f"{key}={value}" for key, value in plugin.options.items())
        rows = {
            "paper": plugin.paper,
            "formula": plugin.formula,
            **self.facts(plugin),
            "options": f"{options} (set with --{self.kind}-options KEY=VALUE)" if options else "none",
            "package": f"{found.distribution} {found.version}".strip(),
            "try it": f"camctl {self.example.format(title(loaded))}",
        }
        facts = Table.grid(Column(style="dim", no_wrap=True), Column(overflow="fold"), padding=(0, 2))
        for label, value in rows.items():
            if value:
                facts.add_row(Text(label), Text(value))
        same = discovery.same_name(plugin.name) == discovery.same_name(title(loaded))
        yield Padding(line((title(loaded) if same else plugin.name, "bold cyan"), f"  {plugin.summary}"), (0, 0, 1, 0))
        yield indented(facts)


def title(loaded: Loaded) -> str:
    """Return a method's name as papers spell it, if the user may spell it so; else the entry point's name."""
    known, paper = loaded.found.name, str(loaded.plugin.name)
    return (
        paper if loaded.found.kind == "method" and discovery.same_name(paper) == discovery.same_name(known) else known
    )


def _remarks(loaded: Loaded) -> bool:
    """Whether a plugin has a remark on its use: its summary is marked then."""
    return bool(getattr(loaded.plugin, "remarks", ()))


def _summary(loaded: Loaded) -> Text:
    return line(loaded.plugin.summary, (f" {REMARKED}" if _remarks(loaded) else "", "yellow"))


def _plain(value: object) -> object:
    """Return a default as JSON can hold it."""
    return value if isinstance(value, bool | int | float | str | None) else repr(value)


def _package(loaded: Loaded, everything: Sequence[discovery.Found]) -> Text:
    package = Text(loaded.found.distribution, "dim" if loaded.found.built_in else "")
    if discovery.rivals(loaded.found, everything):
        package.append(f"  ask for it as {loaded.found.label}", "bold yellow")
    return package
