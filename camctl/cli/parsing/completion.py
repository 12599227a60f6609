"""What the shell offers after Tab; none of it imports torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from glob import escape, glob
from importlib.resources import files
from pathlib import Path

import typer  # noqa: TC002 - typer reads the annotations of `listed`

from camctl.demo.photographs import NETWORKS
from camctl.registry.discovery import Kind, find
from camctl.render.colormaps import COLORMAPS

Offer = Callable[[str], list[str]]


def words(*offered: str) -> Offer:
    """Return a function that offers these words."""
    return lambda incomplete: _starting(offered, incomplete)


def names_of(kind: Kind) -> Offer:
    """Return a function that offers the names of a kind of plugin; after a comma, the next one."""

    def names(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        return [before + comma + name for name in _starting((found.name for found in find(kind)), last)]

    return names


methods, metrics, adapters = names_of("method"), names_of("metric"), names_of("adapter")
colormaps, devices = words(*COLORMAPS), words("cpu", "cuda", "cuda:0", "mps", "auto")


def method_sets(incomplete: str) -> list[str]:
    """Names of methods, and of sets of them."""
    return [*_starting(("all", "fast", "seed"), incomplete), *methods(incomplete)]


def listed(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of methods after `camctl methods`, of metrics after `camctl metrics`."""
    return methods(incomplete) if ctx.info_name == "methods" else metrics(incomplete)


def models(incomplete: str) -> list[str]:
    """Models of sources that have few, the names of other sources with their colon, and config files."""
    # The demo's models are config files; nothing is imported to name them.
    configs = sorted(file.name for file in (files("camctl.demo") / "models").iterdir())
    demo = (f"demo:{name.removesuffix('.py')}" for name in configs if name.endswith(".py") and name[0] != "_")
    sources = (f"{found.name}:" for found in find("source") if found.name not in {"demo", "imagenet"})
    folders = [f"{path}/" for path in _paths(incomplete) if Path(path).is_dir()]
    scripts = [path for path in _paths(incomplete) if path.endswith(".py") and Path(path).is_file()]
    return [*_starting([*demo, *NETWORKS, *sources], incomplete), *sorted(folders + scripts)]


def _paths(incomplete: str) -> list[str]:
    return glob(f"{escape(incomplete)}*")  # noqa: PTH207 - keeps the path as it is spelt


def _starting(offered: Iterable[str], incomplete: str) -> list[str]:
    """Names that start like the text in any case, spelt like it: shells drop what does not continue the word."""
    begun = incomplete.casefold()
    return [incomplete + name[len(incomplete) :] for name in offered if name.casefold().startswith(begun)]
