"""What the shell offers after Tab; none of it imports torch."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import typer  # noqa: TC002 - typer reads the annotations of `listed`

from camctl.demo.photographs import NETWORKS
from camctl.registry.discovery import Kind, find

DEVICES = ("cpu", "cuda", "cuda:0", "mps", "auto")


def names_of(kind: Kind) -> Callable[[str], list[str]]:
    """Return a function that offers the names of a kind of plugin; after a comma, the next one."""

    def names(incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        return [before + comma + name for name in _starting([found.name for found in find(kind)], last)]

    return names


methods, metrics, adapters = names_of("method"), names_of("metric"), names_of("adapter")


def method_sets(incomplete: str) -> list[str]:
    """Names of methods, and of sets of them."""
    return [*_starting(["all", "fast", "seed"], incomplete), *methods(incomplete)]


def listed(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of methods after `camctl methods`, of metrics after `camctl metrics`."""
    return methods(incomplete) if ctx.info_name == "methods" else metrics(incomplete)


def models(incomplete: str) -> list[str]:
    """Config files, models of sources that have few, and the names of other sources with their colon."""
    offered = [*(f"demo:{name}" for name in demo_names()), *NETWORKS]
    offered += [f"{found.name}:" for found in find("source") if found.name not in {"demo", "imagenet"}]
    return [*_starting(offered, incomplete), *_files(incomplete, ".py")]


def demo_names() -> list[str]:
    """Names of the embedded models, from their config files, so that nothing is imported."""
    package = find_spec("camctl")
    folders = package.submodule_search_locations or [] if package else []
    configs = [file for folder in folders for file in (Path(folder) / "demo" / "models").glob("*.py")]
    return sorted(file.stem for file in configs if not file.stem.startswith("_"))


def colormaps(incomplete: str) -> list[str]:
    """Names of colormaps."""
    from camctl.values.look import COLORMAPS

    return _starting(list(COLORMAPS), incomplete)


def devices(incomplete: str) -> list[str]:
    """Kinds of devices."""
    return _starting(list(DEVICES), incomplete)


def _starting(offered: list[str], incomplete: str) -> list[str]:
    """Names that start like the text in any case, spelt like it: shells drop what does not continue the word."""
    begun = incomplete.casefold()
    return [incomplete + name[len(incomplete) :] for name in offered if name.casefold().startswith(begun)]


def _files(incomplete: str, suffix: str) -> list[str]:
    begun = Path(incomplete or ".")
    folder = begun if incomplete.endswith("/") or not incomplete else begun.parent
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return []
    head = incomplete[: len(incomplete) - len("" if incomplete.endswith("/") else begun.name)] if incomplete else ""
    offered = [
        f"{head}{entry.name}{'/' if entry.is_dir() else ''}"
        for entry in entries
        if not entry.name.startswith(".") and (entry.is_dir() or entry.suffix == suffix)
    ]
    return [name for name in offered if name.startswith(incomplete)]
