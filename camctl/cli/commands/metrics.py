"""`camctl metrics`: every metric there is, or all about one."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from camctl import registry
from camctl.cli.output.listing import Listing
from camctl.cli.parsing import completion

if TYPE_CHECKING:
    from rich.text import Text

Name = Annotated[
    str | None,
    typer.Argument(
        metavar="NAME",
        help="A metric, for all there is to know about it.",
        autocompletion=completion.metrics,
        show_default=False,
    ),
]
JsonMetrics = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]


def metrics(name: Name = None, *, json: JsonMetrics = False) -> None:
    """List the metrics of compare; with NAME, its paper, formula and options."""
    LISTING.show(name, json=json)


def _row(one: registry.Loaded) -> "tuple[Text, ...]":
    from rich.text import Text

    return Text(one.plugin.better), Text(_needs(one)), Text(one.plugin.cost.text)


def _facts(one: registry.Loaded) -> str:
    better = one.plugin.better
    says = "describes the map" if better == "neither" else f"{better} is better"
    return f"{says}; {_needs(one)}; {one.plugin.cost.text}"


def _needs(one: registry.Loaded) -> str:
    return ", ".join(sorted(one.plugin.needs)) or "the map"


def _portrait(one: registry.Loaded) -> list[tuple[str, str]]:
    return [
        ("better", one.plugin.better),
        ("needs", _needs(one)),
        ("cost", f"{one.plugin.cost.text}, for each map"),
        ("rewards", one.plugin.rewards),
    ]


def _json(one: registry.Loaded) -> dict[str, Any]:
    return {"better": one.plugin.better, "rewards": one.plugin.rewards}


LISTING = Listing(
    kind="metric",
    does="what it measures",
    columns=("better", "needs", "cost"),
    row=_row,
    facts=_facts,
    portrait=_portrait,
    as_json=_json,
)
