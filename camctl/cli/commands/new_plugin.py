"""`camctl plugins new`: a package with one plugin, that installs, runs and passes the check unchanged."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from string import Template

from camctl.cli.commands.plugins import Kind
from camctl.cli.output.sink import line, warn
from camctl.cli.parsing.groups import argument, option
from camctl.errors import InputError
from camctl.plugin import GROUPS

COMMANDS: dict[Kind, str] = {
    "method": "camctl run photo.jpg demo:resnet --method {}",
    "metric": "camctl compare photo.jpg demo:resnet --metrics {}",
    "adapter": "camctl layers demo:resnet --adapter {}",
    "source": "camctl run photo.jpg {}:tiny",
    "runner": "camctl run photos demo:resnet --save-path out --runner {}",
}
"""Kind -> a command that uses the new plugin."""

MODELS: dict[Kind, str] = {"adapter": ', ["demo:resnet"]', "source": ', ["{}:tiny"]'}
"""Kind -> the models that the test of a new plugin uses."""


@dataclass(frozen=True, kw_only=True)
class NewOptions:
    """The plugin to start."""

    folder: Path = argument("DIR", help="New folder; the package is named after it.")
    kind: Kind = option(None, "method", help="Kind of the plugin.")


def new(options: NewOptions) -> None:
    """Start a plugin: a package that installs, runs and passes the check unchanged.

    camctl plugins new camctl-softcam --kind method
    """
    from camctl.files.atomic import check_folder, write_atomically

    folder, kind = options.folder, options.kind
    package = folder.absolute().name
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*[A-Za-z0-9]", package):
        message = f"'{package}' cannot be the name of a package."
        raise InputError(message, hint="Use letters, digits and dashes: camctl plugins new camctl-mine")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"'{folder}' exists already.", hint="Name a new or an empty folder.")
    check_folder(folder)
    words = template_words(kind, package)
    for path, template in {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        f"{words['module']}.py": f"{kind}.py",
        "tests/test_contract.py": "test_contract.py",
    }.items():
        text = (files("camctl.cli") / "templates" / f"{template}.txt").read_text(encoding="utf-8")
        write_atomically(folder / path, Template(text).substitute(words).encode())
    command = f"pip install -e {folder} && camctl plugins check {words['name']}"
    made = f"{words['a_kind']} in {folder}, for the entry-point group {words['group']}"
    warn([line(("made: ", "green"), made), line("next: ", (command, "bold")), line((f"  or: uv {command}", "dim"))])


def template_words(kind: Kind, package: str) -> dict[str, str]:
    """Return the words that the templates leave open."""
    name = re.sub(r"[-_.]+", "_", package.lower()).removeprefix("camctl_")
    title = "".join(part.capitalize() for part in name.split("_"))
    return {
        "package": package,
        "kind": kind,
        "a_kind": f"an {kind}" if kind == "adapter" else f"a {kind}",
        "group": GROUPS[kind],
        "name": name,
        "title": title,
        "module": f"camctl_{name}",
        "attribute": name if kind in {"method", "metric"} else title,
        "models": MODELS.get(kind, "").format(name),
        "note": "    # The list names models that the adapter knows.\n" if kind == "adapter" else "",
        "command": COMMANDS[kind].format(name),
        "year": str(datetime.now(UTC).year),
    }
