"""Files that a command reads and may not write to."""

from __future__ import annotations

import re
import stat
import sys
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from camctl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CONFIGS = {".py", ".json", ".yaml", ".yml"}
"""Endings of configs, which name other files."""

LARGEST_CONFIG = 1 << 20
"""Most bytes of a config that are searched for names of files."""

_NAMED = re.compile(r"[^\s'\"\[\](){},=]+\.\w+")
_IMPORTED = re.compile(r"^\s*from\s+(\.+)([\w.]*)\s+import\b", re.MULTILINE)


@dataclass(frozen=True)
class Inputs:
    """Files by device and inode: another spelling of a path, a link or a hard link is the same file."""

    names: dict[tuple[int, int], str] = field(default_factory=dict)
    """(device, inode) -> what the file is for the command."""

    def add(self, paths: Iterable[str | Path | None], what: str) -> None:
        """Add files; what is no path of a file is passed over, as it is reported where it is read."""
        for path in paths:
            if path and (key := _file(path)):
                self.names.setdefault(key, what)

    def add_models(self, models: Iterable[tuple[str, str | None]]) -> None:
        """Add configs with the files that they name, modules of `python:`, and checkpoints."""
        for model, checkpoint in models:
            self.add([checkpoint], "the checkpoint")
            for path in _sources(model):
                self.add([path], "the model's own file")
            self.add(_named_in(Path(model), set()), "a file that the model's config names")

    def check(self, path: Path, flag: str) -> None:
        """Raise `InputError` if writing to `path` would replace an input."""
        if what := self.names.get(_file(path) or (0, 0)):
            name = path.with_name(f"{path.stem}_cam{path.suffix}")
            message = f"'{path}' is {what}, which would be lost."
            raise InputError(message, hint=f"Choose another name: {flag} {quote(str(name))}")


def _file(path: str | Path) -> tuple[int, int] | None:
    """Return device and inode of an existing file; None for anything else, such as a device or a pipe."""
    for place in dict.fromkeys((str(path), str(_expanded(path)))):
        try:
            status = Path(place).stat()
        except (OSError, ValueError):
            continue
        if stat.S_ISREG(status.st_mode):
            return status.st_dev, status.st_ino
    return None


def _expanded(path: str | Path) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:  # nobody of that name has a home here
        return Path(path)


def _sources(model: str) -> Iterator[str]:
    """Yield every path that a model's text may name: of a config, of a reference, of a Python module."""
    yield model
    for part in model.split(":")[1:]:
        yield part
        names = part.split(".")
        for folder in dict.fromkeys(("", *sys.path)):
            for depth in range(1, len(names) + 1):
                yield f"{Path(folder, *names[:depth])}.py"
                yield str(Path(folder, *names[:depth], "__init__.py"))


def _named_in(config: Path, seen: set[tuple[int, int]]) -> Iterator[Path]:
    """Yield the files that a config names relative to its folder, such as `_base_`, and those that they name."""
    key = _file(config)
    if config.suffix.lower() not in CONFIGS or key is None or key in seen or config.stat().st_size > LARGEST_CONFIG:
        return
    seen.add(key)
    try:
        text = config.read_text(encoding="utf-8", errors="replace")
    except OSError:  # reported where it is read
        return
    files = [config.parent / name for name in _NAMED.findall(text)]
    for dots, module in _IMPORTED.findall(text):
        place = config.parent.joinpath(*[".."] * (len(dots) - 1), *module.split("."))
        files.append(place.with_name(f"{place.name}.py"))
    for file in files:
        yield file
        yield from _named_in(file, seen)
