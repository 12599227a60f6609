"""What a shell offers for a model that a command loaded before: its layers and classes, a small file for each model."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from camctl.paths import cache_folder

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

KEPT = 100
"""Number of models that are kept, the latest."""

LONGEST = 200
"""Letters of a file's name; models of longer names are not kept."""


@dataclass(frozen=True)
class Names:
    """Names of a model's layers and classes, as far as they are known."""

    layers: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()


def keep(
    model: str,
    *,
    layers: Iterable[str] = (),
    modules: Iterable[tuple[str, object]] = (),
    classes: Iterable[str] | None = None,
) -> None:
    """Keep the names of a model beside those that are kept already. Whatever hinders that is no error.

    `modules` are all that the model has; their names are kept until the usable `layers` are known.
    """
    known, file = names_of(model), _file(model)
    found = tuple(layers) or known.layers or tuple(name for name, _ in modules if name)
    new = {"layers": found, "classes": tuple(classes or ()) or known.classes}
    if len(file.name) > LONGEST or Names(**new) == known:
        return
    from camctl.errors import CamctlError
    from camctl.files.atomic import write_atomically

    with suppress(OSError, CamctlError):
        write_atomically(file, json.dumps(new).encode())
        files = sorted(file.parent.iterdir(), key=lambda other: other.stat().st_mtime)
        for old in files[:-KEPT]:
            old.unlink()


def names_of(model: str) -> Names:
    """Return the names that are kept of a model; none if that fails."""
    try:
        content = json.loads(_file(model).read_text(encoding="utf-8"))
        return Names(*(tuple(map(str, content[key])) for key in ("layers", "classes")))
    except (OSError, ValueError, LookupError, TypeError):
        return Names()


def models() -> list[str]:
    """Return the models that are kept, as they were named."""
    try:
        return sorted(unquote(file) for file in os.listdir(_folder()))  # noqa: PTH208
    except OSError:
        return []


def _folder() -> Path:
    return cache_folder() / "models"


def _file(model: str) -> Path:
    # A path means another model in another folder.
    with suppress(OSError, ValueError):
        model = os.path.abspath(model) if os.path.exists(model) else model  # noqa: PTH100, PTH110 - keeps links
    return _folder() / quote(model, safe="")
