"""Packages of `camctl plugins new`: one plugin each, that installs, runs and passes the check unchanged."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

from camctl.errors import InputError
from camctl.plugin import GROUPS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from camctl.registry.discovery import Kind

COMMANDS: dict[Kind, str] = {
    "method": "camctl run photo.jpg demo:resnet --method {}",
    "metric": "camctl compare photo.jpg demo:resnet --metrics {}",
    "adapter": "camctl layers demo:resnet --adapter {}",
    "source": "camctl run photo.jpg {}:tiny",
}
"""Kind -> a command that uses the new plugin."""

MODELS: dict[Kind, str] = {"adapter": ', ["demo:resnet"]', "source": ', ["{}:tiny"]'}
"""Kind -> the models that the test of a new plugin uses."""


@dataclass(frozen=True)
class NewPackage:
    """A package that is not written yet."""

    name: str
    """Name of the plugin."""
    a_kind: str
    """Kind of the plugin, with its article."""
    files: Mapping[str, str]
    """Path in the folder -> text."""


def new_package(kind: Kind, package: str, year: int) -> NewPackage:
    """Return a package of this name with one plugin. Raises `InputError` for a bad name."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*[A-Za-z0-9]", package):
        message = f"'{package}' cannot be the name of a package."
        raise InputError(message, hint="Use letters, digits and dashes: camctl plugins new camctl-mine")
    name = re.sub(r"[-_.]+", "_", package.lower()).removeprefix("camctl_")
    title = "".join(part.capitalize() for part in name.split("_"))
    a_kind = f"an {kind}" if kind == "adapter" else f"a {kind}"
    words = {
        "package": package,
        "kind": kind,
        "a_kind": a_kind,
        "group": GROUPS[kind],
        "name": name,
        "title": title,
        "module": f"camctl_{name}",
        "attribute": name if kind in {"method", "metric"} else title,
        "models": MODELS.get(kind, "").format(name),
        "note": "    # The list names models that the adapter knows.\n" if kind == "adapter" else "",
        "command": COMMANDS[kind].format(name),
        "year": str(year),
    }
    templates = {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        f"camctl_{name}.py": f"{kind}.py",
        "tests/test_contract.py": "test_contract.py",
    }
    folder = files("camctl.cli").joinpath("templates")
    return NewPackage(
        name=name,
        a_kind=a_kind,
        files={
            path: Template((folder / f"{template}.txt").read_text(encoding="utf-8")).substitute(words)
            for path, template in templates.items()
        },
    )
