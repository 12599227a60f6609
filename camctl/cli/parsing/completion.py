"""What the shell offers after Tab; none of it imports torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from glob import escape, glob
from pathlib import Path

import typer  # noqa: TC002 - typer reads the annotations of `listed`

from camctl.cli import model_cache
from camctl.errors import CamctlError
from camctl.registry import load
from camctl.registry.discovery import Found, Kind, find, same_name
from camctl.registry.loading import DEFAULT_SOURCE
from camctl.render.colormaps import COLORMAPS

Offer = Callable[[str], list[str]]

LISTED = ("demo", "imagenet")
"""Sources whose models are few enough to be offered before a letter is typed."""


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
    """Models of the source that is typed, of mmpretrain's index, those used before, other sources, config files."""
    typed, colon, _ = incomplete.partition(":")
    offered = [name for name in model_cache.models() if ":" in name and not os.path.isabs(name)]  # noqa: PTH117
    for found in find("source"):
        named = same_name(found.name) == same_name(typed)
        if found.name == DEFAULT_SOURCE:
            # All of them would be asked back about: "Display all 560 possibilities?"
            offered += _models_of(found) if typed and not colon else []
        elif named if colon else found.name in LISTED:
            offered += [f"{found.name}:{name}" for name in _models_of(found)]
        if not colon and found.name not in LISTED:
            offered.append(f"{found.name}:")
    folders = [f"{path}/" for path in _paths(incomplete) if Path(path).is_dir()]
    scripts = [path for path in _paths(incomplete) if path.endswith(".py") and Path(path).is_file()]
    return [*dict.fromkeys(_starting(offered, incomplete)), *sorted(folders + scripts)]


def layers(ctx: typer.Context, incomplete: str) -> list[str]:
    """Layers of the model that is typed already, if a command loaded it before."""
    return _starting((name for model in _typed(ctx) for name in model_cache.names_of(model).layers), incomplete)


def classes(ctx: typer.Context, incomplete: str) -> list[str]:
    """Classes of the model that is typed already, if a command loaded it before."""
    return _starting((name for model in _typed(ctx) for name in model_cache.names_of(model).classes), incomplete)


def _typed(ctx: typer.Context) -> list[str]:
    """Words before the cursor that may be models."""
    # Arguments are not told apart yet where the option under the cursor lacks its value.
    named = [*ctx.args, ctx.params.get("first_model"), ctx.params.get("model")]
    words = [each for name in named for each in (name if isinstance(name, list | tuple) else [name])]
    return [word for word in words if isinstance(word, str)]


def _models_of(found: Found) -> list[str]:
    """Names of a source's models; none if it fails, since nobody waits for an error after Tab."""
    try:
        return list(load(found).plugin.names())
    except CamctlError:
        return []


def _paths(incomplete: str) -> list[str]:
    return glob(f"{escape(incomplete)}*")  # noqa: PTH207 - keeps the path as it is spelt


def _starting(offered: Iterable[str], incomplete: str) -> list[str]:
    """Names that start like the text in any case, spelt like it: shells drop what does not continue the word."""
    begun = incomplete.casefold()
    return [incomplete + name[len(incomplete) :] for name in offered if name.casefold().startswith(begun)]
