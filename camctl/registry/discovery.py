"""Find plugins by their entry points; nothing of theirs is imported. The only user of the package `entrypoints`."""

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

from camctl.plugin import GROUPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Kind = Literal["method", "adapter", "source", "metric"]

BUILT_IN = "camctl"
"""The distribution that the built-in plugins belong to."""

_LONGEST_QUOTE = 200


class PluginWarning(UserWarning):
    """A package's plugins are left out, for a reason that its user should know."""


@dataclass(frozen=True)
class Found:
    """A plugin as its entry point announces it; nothing is imported yet."""

    kind: Kind
    name: str
    distribution: str
    version: str
    entry_point: entrypoints.EntryPoint

    @property
    def label(self) -> str:
        """`package[name]`, as every message names it."""
        return f"{self.distribution}[{self.name}]"

    @property
    def built_in(self) -> bool:
        """Whether it is camctl's own."""
        return self.distribution == BUILT_IN


def find(kind: Kind) -> list[Found]:
    """All plugins of a kind, sorted by name, then by distribution.

    A package whose entry points cannot be read costs a `PluginWarning`, once a process, and nothing else.
    """
    return list(_found(kind, path_state()))


def path_state() -> tuple[tuple[str, int], ...]:
    """The folders of `sys.path` and when each last changed: what is installed depends on nothing else."""
    return tuple((folder, _changed(folder)) for folder in dict.fromkeys(sys.path))


def _changed(folder: str) -> int:
    try:
        return Path(folder).stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=16)
def _found(kind: Kind, _path: tuple[tuple[str, int], ...]) -> tuple[Found, ...]:
    # Reading every package's entry points takes some 30 ms, and one picture asks a dozen times.
    found = [
        Found(kind, entry.name, canonical(entry.distro.name), entry.distro.version or "", entry)
        for entry in _entry_points(GROUPS[kind])
    ]
    return tuple(sorted(found, key=lambda one: (one.name.casefold(), one.distribution)))


def rivals(found: Found, among: Iterable[Found]) -> list[Found]:
    """Plugins of other distributions that go by the same name, in whatever spelling."""
    mine = same_name(found.name)
    return [one for one in among if same_name(one.name) == mine and one.distribution != found.distribution]


def same_name(name: str) -> str:
    """What two spellings of a name have in common: no case, no `-`, `_` or space; `+` reads as `plus`.

    So `GradCAM++`, `grad-cam-plus-plus` and `gradcam++` are one name, and `gradcam` is another.
    """
    return re.sub(r"[-_\s]", "", name.casefold().replace("+", "plus"))


def _entry_points(group: str) -> Iterator[entrypoints.EntryPoint]:
    """Entry points of a group; of a distribution that is on the path twice, those that would be imported."""
    seen: dict[str, str] = {}
    for folder in dict.fromkeys(sys.path):
        for entry in _in_folder(group, folder):
            name = canonical(entry.distro.name)
            if seen.setdefault(name, folder) == folder:
                yield entry


def _in_folder(group: str, folder: str) -> list[entrypoints.EntryPoint]:
    try:
        with warnings.catch_warnings():
            # A value that cannot be parsed is a warning there, without the name of its package.
            warnings.simplefilter("error")
            return list(entrypoints.get_group_all(group, path=[folder]))
    except Exception:  # noqa: BLE001 - whatever a stranger's file provokes; the slow way says which file it is
        return list(_file_by_file(group, folder))


def _file_by_file(group: str, folder: str) -> Iterator[entrypoints.EntryPoint]:
    """The same, one file at a time, so that a malformed one spoils nothing but itself."""
    root = Path(folder)
    for file in sorted((*root.glob("*.dist-info/entry_points.txt"), *root.glob("*.egg-info/entry_points.txt"))):
        distribution = entrypoints.Distribution.from_name_version(file.parent.stem)
        parser = entrypoints.CaseSensitiveConfigParser(delimiters=("=",))
        try:
            parser.read([file], encoding="utf-8")
            lines = list(parser[group].items()) if group in parser else []
        except (configparser.Error, UnicodeError, OSError) as error:
            warn_once(f"The entry points of the package {canonical(distribution.name)} are left out: {quote(error)}")
            continue
        for name, value in lines:
            try:
                yield entrypoints.EntryPoint.from_string(value, name, distribution)
            except entrypoints.BadEntryPoint:
                label = f"{canonical(distribution.name)}[{name}]"
                warn_once(f"The plugin {label} is left out: '{value}' is not of the form module:object.")


_warned: set[str] = set()


def warn_once(message: str) -> None:
    """A `PluginWarning`, the first time a process comes upon it."""
    # Python's own memory of warnings goes by the place in the code, and one command asks for several kinds.
    if message not in _warned:
        _warned.add(message)
        warnings.warn(message, PluginWarning, stacklevel=2)


def canonical(distribution: str) -> str:
    """As package indexes spell it: `camctl_timm` and `Camctl.Timm` are one package."""
    return re.sub(r"[-_.]+", "-", distribution).casefold()


def quote(error: BaseException) -> str:
    """An exception's own text, on one line."""
    try:
        text = " ".join(str(error).split()) or "it says no more."
    except Exception:  # noqa: BLE001 - a stranger's exception may fail to say what is wrong
        text = "it says no more."
    return text if len(text) <= _LONGEST_QUOTE else f"{text[: _LONGEST_QUOTE - 1]}…"
