"""`camctl methods` and `camctl metrics`: every plugin of a kind, or all about one."""

from dataclasses import dataclass
from typing import Any

from camctl.cli.output.listing import Listing
from camctl.cli.output.sink import Sink
from camctl.cli.parsing import completion
from camctl.cli.parsing.groups import argument, switch


@dataclass(frozen=True, kw_only=True)
class ListingOptions:
    """Which plugins are listed, and how."""

    name: str | None = argument("NAME", None, help="Show all about this one.", autocompletion=completion.listed)
    json: bool = switch(help="Print JSON on stdout.")


def methods(options: ListingOptions) -> None:
    """List the methods, built-in and of plugins; with NAME, show its paper, formula and options."""
    METHODS.show(options.name, Sink(json=options.json))


def metrics(options: ListingOptions) -> None:
    """List the metrics of compare; with NAME, show its paper, formula and options."""
    METRICS.show(options.name, Sink(json=options.json))


def _method_needs(method: Any) -> str:
    """Return what a method needs besides the activations, which all do."""
    return ", ".join(sorted(method.needs - {"activations"})) or "activations"


def _method_facts(method: Any) -> dict[str, str]:
    by_class = "yes" if method.discriminative else "no: the map is the same for every class"
    signs = "of both signs" if method.signed else "of one sign: by default the activated ones"
    return {
        "needs": ", ".join(sorted(method.needs)),
        "cost": f"{method.cost.text}, besides the shared forward pass",
        "by class": by_class,
        "activations": signs,
        "remarks": "\n".join(method.remarks),
    }


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
    facts=_method_facts,
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
