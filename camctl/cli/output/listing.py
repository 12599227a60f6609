"""Plugins that are functions, listed or one by one: what `camctl methods` and `camctl metrics` share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from camctl import registry
from camctl.cli.output.screen import out, print_json, say
from camctl.registry import discovery

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import RenderableType
    from rich.text import Text

NARROW = 100
"""Columns below which the words stand under the names."""

REMARKED = " *"


@dataclass(frozen=True)
class Listing:
    """How the plugins of a kind are shown.

    `columns` are headings (after the name and the summary), `row` gives a plugin's words under each, `facts` the same
    on one line for a narrow window, `portrait` all there is to know as (label, words), `as_json` the same for programs.
    """

    kind: discovery.Kind
    does: str
    """Heading of the summaries."""
    columns: Sequence[str]
    row: Callable[[registry.Loaded], Sequence[Text]]
    facts: Callable[[registry.Loaded], str]
    portrait: Callable[[registry.Loaded], Sequence[tuple[str, str]]]
    as_json: Callable[[registry.Loaded], dict[str, Any]]
    remarked: Callable[[registry.Loaded], bool] = lambda _one: False
    """Whether a plugin's portrait has a remark on its use: its summary is marked then."""

    def show(self, name: str | None, *, json: bool) -> None:
        """All of them, or the one called `name`. Raises as `registry.pick` does."""
        if name is not None:
            one = registry.pick(self.kind, name)
            if json:
                print_json(self._json(one))
            else:
                out().print(self._portrait(one))
            return
        loaded, skipped = registry.load_all(self.kind)
        if json:
            print_json([self._json(one) for one in loaded])
        else:
            console = out()
            console.print(self._list(loaded) if console.width < NARROW else self._table(loaded))
            if any(map(self.remarked, loaded)):
                console.print(f"{REMARKED.strip()} has a remark on its use: camctl {self.kind}s NAME", style="dim")
        for error in skipped:
            say(("skipped: ", "bold yellow"), f"{error.message} ({error.hint})")

    def _json(self, one: registry.Loaded) -> dict[str, Any]:
        plugin, found = one.plugin, one.found
        return {
            "name": found.name,
            "title": plugin.name,
            "summary": plugin.summary,
            "paper": plugin.paper,
            "formula": plugin.formula,
            "needs": sorted(plugin.needs),
            "cost": plugin.cost.text,
            **self.as_json(one),
            "options": {key: _plain(value) for key, value in plugin.options.items()},
            "package": found.distribution,
            "version": found.version,
            "clashes_with": [other.label for other in discovery.rivals(found, discovery.find(self.kind))],
        }

    def _table(self, loaded: Sequence[registry.Loaded]) -> RenderableType:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
        # Only the words wrap: a name that is cut in two cannot be copied.
        table.add_column(self.kind, no_wrap=True)
        table.add_column(self.does, ratio=1)
        for heading in self.columns:
            table.add_column(heading, overflow="fold")
        table.add_column("package", overflow="fold")
        everything = discovery.find(self.kind)
        for one in loaded:
            words = (Text(title(one), "bold cyan"), self._summary(one), *self.row(one))
            table.add_row(*words, _package(one, everything))
        return table

    def _list(self, loaded: Sequence[registry.Loaded]) -> RenderableType:
        """The same for a narrow window: the words under the names."""
        from rich.console import Group
        from rich.padding import Padding
        from rich.text import Text

        everything = discovery.find(self.kind)
        lines: list[RenderableType] = []
        for one in loaded:
            facts = (f"  {self.facts(one)}; ", "dim")
            lines.append(Text.assemble((title(one), "bold cyan"), facts, _package(one, everything)))
            lines.append(Padding(self._summary(one), (0, 0, 0, 2)))
        return Group(*lines)

    def _summary(self, one: registry.Loaded) -> Text:
        from rich.text import Text

        return Text.assemble(one.plugin.summary, (REMARKED, "yellow") if self.remarked(one) else "")

    def _portrait(self, one: registry.Loaded) -> RenderableType:
        from rich.console import Group
        from rich.padding import Padding
        from rich.table import Table
        from rich.text import Text

        plugin, found = one.plugin, one.found
        facts = Table.grid(padding=(0, 2))
        facts.add_column(style="dim", no_wrap=True)
        facts.add_column(overflow="fold")
        settings = ", ".join(f"{key}={value}" for key, value in plugin.options.items())
        rows = (
            ("paper", plugin.paper),
            ("formula", plugin.formula),
            *self.portrait(one),
            ("options", f"{settings} (set with --{self.kind}-options KEY=VALUE)" if settings else "none"),
            ("package", f"{found.distribution} {found.version}".strip()),
            ("try it", f"camctl {TRY[self.kind].format(title(one))}"),
        )
        for label, value in rows:
            if value:
                facts.add_row(Text(label), Text(value))
        name = title(one) if discovery.same_name(plugin.name) == discovery.same_name(title(one)) else plugin.name
        heading = Text.assemble((name, "bold cyan"), f"  {plugin.summary}")
        return Group(heading, Padding(facts, (1, 0, 0, 2)))


TRY = {
    "method": "run photo.jpg demo:vit --method {}",
    "metric": "compare photo.jpg demo:vit --metrics {} --baselines",
}


def title(one: registry.Loaded) -> str:
    """A method as papers spell it, where the user may spell it so; else the entry point's name."""
    if one.found.kind == "metric":
        return one.found.name
    name: str = one.plugin.name
    return name if discovery.same_name(name) == discovery.same_name(one.found.name) else one.found.name


def _plain(value: object) -> object:
    """A default as JSON can hold it."""
    return value if isinstance(value, bool | int | float | str | None) else repr(value)


def _package(one: registry.Loaded, everything: list[discovery.Found]) -> Text:
    from rich.text import Text

    package = Text(one.found.distribution, "dim" if one.found.built_in else "")
    if discovery.rivals(one.found, everything):
        package.append(f"  ask for it as {one.found.label}", "bold yellow")
    return package
