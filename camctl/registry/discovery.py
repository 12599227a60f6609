"""Find plugins by their entry points, without importing them. The only user of the package `entrypoints`."""

from __future__ import annotations

import configparser
import re
import sys
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import entrypoints

from camctl.errors import one_line
from camctl.plugin import GROUPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Kind = Literal["method", "adapter", "source", "metric"]

BUILT_IN = "camctl"
"""Distribution of the built-in plugins."""


class PluginWarning(UserWarning):
    """A package's plugins are ignored, for the reason given."""


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
        return Path(folder).stat().st_mtime_ns
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


def rivals(found: Found, plugins: Iterable[Found]) -> list[Found]:
    """Plugins of other distributions with the same name, in any spelling."""
    name = same_name(found.name)
    return [other for other in plugins if same_name(other.name) == name and other.distribution != found.distribution]


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
    root = Path(folder)
    for file in sorted((*root.glob("*.dist-info/entry_points.txt"), *root.glob("*.egg-info/entry_points.txt"))):
        distribution = entrypoints.Distribution.from_name_version(file.parent.stem)
        parser = entrypoints.CaseSensitiveConfigParser(delimiters=("=",))
        try:
            parser.read([file], encoding="utf-8")
            lines = list(parser[group].items()) if group in parser else []
        except (configparser.Error, UnicodeError, OSError) as error:
            warn_once(f"The entry points of the package {canonical(distribution.name)} are ignored: {one_line(error)}")
            continue
        for name, value in lines:
            try:
                yield entrypoints.EntryPoint.from_string(value, name, distribution)
            except entrypoints.BadEntryPoint:
                label = f"{canonical(distribution.name)}[{name}]"
                warn_once(f"The plugin {label} is ignored: '{value}' is not of the form module:object.")


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
