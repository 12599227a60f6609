"""`camctl methods`: every method there is, or all about one."""

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
        help="A method, for all there is to know about it.",
        autocompletion=completion.methods,
        show_default=False,
    ),
]
JsonMethods = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]


def methods(name: Name = None, *, json: JsonMethods = False) -> None:
    """List the methods, built-in and plugins' alike; with NAME, its paper, formula and options."""
    LISTING.show(name, json=json)


def _row(one: registry.Loaded) -> "tuple[Text, ...]":
    from rich.text import Text

    by_class = one.plugin.discriminative
    return (
        Text(_needs(one)),
        Text(one.plugin.cost.text),
        Text("yes" if by_class else "no", "" if by_class else "yellow"),
    )


def _facts(one: registry.Loaded) -> str:
    by_class = "by class" if one.plugin.discriminative else "knows no class"
    return f"{_needs(one)}; {one.plugin.cost.text}; {by_class}"


def _needs(one: registry.Loaded) -> str:
    """What a method needs beside the activations, which all do."""
    return ", ".join(sorted(one.plugin.needs - {"activations"})) or "activations"


def _portrait(one: registry.Loaded) -> list[tuple[str, str]]:
    method = one.plugin
    return [
        ("needs", ", ".join(sorted(method.needs))),
        ("cost", f"{method.cost.text}, beside the shared forward pass"),
        ("by class", "yes" if method.discriminative else "no: the map is the same for every class"),
        (
            "activations",
            "of both signs" if method.signed else "of one sign: by default the activated ones",
        ),
        ("remarks", "\n".join(method.remarks)),
    ]


def _json(one: registry.Loaded) -> dict[str, Any]:
    return {
        "reduction": one.plugin.reduction,
        "discriminative": one.plugin.discriminative,
        "signed": one.plugin.signed,
        "remarks": list(one.plugin.remarks),
    }


LISTING = Listing(
    kind="method",
    does="what it does",
    columns=("needs", "cost", "by class"),
    row=_row,
    facts=_facts,
    portrait=_portrait,
    as_json=_json,
    remarked=lambda one: bool(one.plugin.remarks),
)
