"""Find plugins by their entry points, without importing them. The only user of the package `entrypoints`."""

from __future__ import annotations

import configparser
import os
import re
import stat
import sys
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import entrypoints

from camctl.errors import PluginWarning, one_line
from camctl.plugin import GROUPS

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind = Literal["method", "adapter", "source", "metric", "runner"]

LARGEST_FILE = 4 << 20
"""Most bytes of a file of entry points; ten thousand of them take a tenth of it."""

LONGEST = 200
"""Most letters of a name or a value in it."""

BUILT_IN = "camctl"
"""Distribution of the built-in plugins."""


@dataclass(frozen=True)
class Found:
    """A plugin's entry point; nothing is imported yet."""

    kind: Kind
    name: str
    distribution: str
    version: str
    entry_point: entrypoints.EntryPoint

    @property
    def label(self) -> str:
        """`package[name]`, the plugin's name in messages."""
        return f"{self.distribution}[{self.name}]"

    @property
    def built_in(self) -> bool:
        """Whether it belongs to camctl."""
        return self.distribution == BUILT_IN


def find(kind: Kind) -> list[Found]:
    """All plugins of a kind, sorted by name, then by distribution.

    A package whose entry points cannot be read is ignored with a `PluginWarning`, once a process.
    """
    return list(_found(kind, path_state()))


def path_state() -> tuple[tuple[str, int], ...]:
    """Folders of `sys.path` with their modification times: a cache key for what is installed."""
    return tuple((folder, _modified(folder)) for folder in dict.fromkeys(sys.path))


def _modified(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns  # noqa: PTH116 - a tenth of the time of a Path, several times a picture
    except OSError:
        return 0


@lru_cache(maxsize=16)
def _found(kind: Kind, _path: tuple[tuple[str, int], ...]) -> tuple[Found, ...]:
    # Reading every package's entry points takes about 30 ms, and one picture needs it a dozen times.
    plugins = [
        Found(kind, entry.name, canonical(entry.distro.name), entry.distro.version or "", entry)
        for entry in _entry_points(GROUPS[kind])
    ]
    return tuple(sorted(plugins, key=lambda found: (found.name.casefold(), found.distribution)))


def alike(kind: Kind, name: str) -> tuple[Found, ...]:
    """Return the plugins of a kind with this name in any spelling, in the order of `find`."""
    return _by_name(kind, path_state()).get(same_name(name), ())


@lru_cache(maxsize=16)
def _by_name(kind: Kind, path: tuple[tuple[str, int], ...]) -> dict[str, tuple[Found, ...]]:
    # A package may bring thousands of names, and a listing asks for each of them.
    index: dict[str, list[Found]] = {}
    for found in _found(kind, path):
        index.setdefault(same_name(found.name), []).append(found)
    return {name: tuple(plugins) for name, plugins in index.items()}


def rivals(found: Found) -> list[Found]:
    """Return the plugins of its kind and name, in any spelling, that other distributions have."""
    return [other for other in alike(found.kind, found.name) if other.distribution != found.distribution]


def same_name(name: str) -> str:
    """Normalise a name: lower case, no `-`, `_` or space, `+` as `plus`.

    So `GradCAM++`, `grad-cam-plus-plus` and `gradcam++` are one name, and `gradcam` is another.
    """
    return re.sub(r"[-_\s]", "", name.casefold().replace("+", "plus"))


def _entry_points(group: str) -> Iterator[entrypoints.EntryPoint]:
    """Entry points of a group; if a distribution is on the path twice, those that would be imported."""
    seen: dict[str, str] = {}
    for folder in dict.fromkeys(sys.path):
        for entry in _in_folder(group, folder):
            name = canonical(entry.distro.name)
            if seen.setdefault(name, folder) == folder:
                yield entry


def _in_folder(group: str, folder: str) -> Iterator[entrypoints.EntryPoint]:
    """Entry points of a group, file by file: a malformed one is ignored with a warning that names its package."""
    try:
        root = Path(folder)
        files = sorted((*root.glob("*.dist-info/entry_points.txt"), *root.glob("*.egg-info/entry_points.txt")))
    except (OSError, ValueError):  # no folder can have such a name
        return
    for file in files:
        known = entrypoints.Distribution.from_name_version(file.parent.stem)
        distribution = entrypoints.Distribution(_shown(known.name), _shown(known.version or ""))
        package = canonical(distribution.name)
        try:
            lines = _lines(file, group)
        except (configparser.Error, UnicodeError, OSError, ValueError) as error:
            warn_once(f"The entry points of the package {package} are ignored: {one_line(error)}")
            continue
        for name, value in lines:
            if not name.isprintable() or not 0 < len(name) <= LONGEST:
                warn_once(f"An entry point of the package {package} is ignored: '{_shown(name)}' is no name.")
                continue
            try:
                if len(value) > LONGEST:
                    raise entrypoints.BadEntryPoint(value)  # noqa: TRY301 - as the parser does
                yield entrypoints.EntryPoint.from_string(value, name, distribution)
            except entrypoints.BadEntryPoint:
                label = f"{package}[{name}]"
                warn_once(f"The plugin {label} is ignored: '{_shown(value)}' is not of the form module:object.")


def _lines(file: Path, group: str) -> list[tuple[str, str]]:
    """Return the names and values of a group in a file of entry points. Raises `OSError` and the parser's errors."""
    state = file.stat()
    if not stat.S_ISREG(state.st_mode):  # a pipe would never end
        message = f"{file.name} is not a regular file"
        raise OSError(message)
    if state.st_size > LARGEST_FILE:
        message = f"{file.name} has more than {LARGEST_FILE >> 20} MiB"
        raise OSError(message)
    parser = entrypoints.CaseSensitiveConfigParser(delimiters=("=",), interpolation=None)
    parser.read_string(file.read_text(encoding="utf-8"), source=file.name)
    return list(parser[group].items()) if group in parser else []


def _shown(text: str) -> str:
    """Return a text of a package's metadata as messages show it: printable, and not long."""
    printable = "".join(letter if letter.isprintable() else "\ufffd" for letter in text[:LONGEST])
    return printable if len(text) <= LONGEST else f"{printable}…"


_warned: set[str] = set()


def warn_once(message: str) -> None:
    """Issue a `PluginWarning` once a process."""
    # Python itself remembers warnings by the line of code, and one command looks for several kinds.
    if message not in _warned:
        _warned.add(message)
        warnings.warn(message, PluginWarning, stacklevel=2)


def canonical(distribution: str) -> str:
    """Normalise a distribution's name as package indexes do: `Camctl.Timm` becomes `camctl-timm`."""
    return re.sub(r"[-_.]+", "-", distribution).casefold()
