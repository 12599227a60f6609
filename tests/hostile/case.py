"""A case: words for the command, files in a folder of its own, and what may come of it."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from random import Random
from typing import Literal

CANARY = "CODE-RAN"
"""File in a case's folder that only code out of a data file makes."""

ESCAPE = "\x1b]0;PWNED\x07\x1b[2J\x1b[35;7;5m\x9b5n\x08"
"""Control characters that camctl itself never sends to a terminal: a title, a cleared screen, an odd colour, C1."""

FORGED = "error: FORGED"
"""Line that a text of others adds if its line breaks reach the terminal."""

Expected = Literal["any", "accepted", "refused"]
Streams = Literal[
    "pipe", "pty", "ascii", "closed-out", "closed-err", "closed-both", "closed-in", "full-out", "full-err",
    "broken-out", "broken-err",
]  # fmt: skip


@dataclass(kw_only=True)
class Case:
    """What is run, in the folder that its files were written to.

    `outputs` are patterns of paths, relative to the folder, that may be new or changed afterwards.
    """

    words: list[str]
    outputs: tuple[str, ...] = ("out*", "home/*")
    inputs: tuple[str, ...] = ("scene.png",)
    """Paths that must stay as they are, whatever `outputs` says."""
    environment: dict[str, str] = field(default_factory=dict)
    path: tuple[str, ...] = ()
    """Folders in the case's folder that are added to `sys.path`."""
    streams: Streams = "pipe"
    expected: Expected = "any"
    code_allowed: bool = False
    """Whether the user asked for code to be run: a `.py` config, `python:`, a plugin."""
    secrets: tuple[str, ...] = ()
    """Texts that no output may hold."""
    gone: bool = False
    """Whether the current folder is removed before the command starts."""
    unprivileged: bool = False
    """Whether the right to pass over file modes is given up."""
    cached: dict[str, bytes] | None = None
    """What files in the download cache must hold; anything else there is a poisoned cache. None: not looked at."""
    real: bool = False
    """Whether it runs as a real process, with Python's own start and end."""

    def may_write(self, path: str) -> bool:
        """Whether a path relative to the folder may be new or changed."""
        if path in self.inputs:
            return False
        return any(fnmatch(path, pattern) for pattern in self.outputs) or "__pycache__" in path


@dataclass(frozen=True)
class Lot:
    """What a case is drawn from: its random numbers, its folder, and the folder of sound files."""

    random: Random
    folder: Path
    base: Path
    server: str = ""
    """Address of the local server of downloads."""

    @property
    def canary(self) -> str:
        """Path of the file that shows that code ran."""
        return str(self.folder / CANARY)

    def copy(self, name: str, to: str = "") -> str:
        """Copy a sound file into the folder; returns its name there."""
        shutil.copyfile(self.base / name, self.folder / (to or name))
        return to or name

    def write(self, name: str, content: bytes | str) -> str:
        """Write a file in the folder; returns its name."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content)
        return name

    def sound(self, name: str) -> bytes:
        """The bytes of a sound file."""
        return (self.base / name).read_bytes()


Build = Callable[[Lot], Case]


def run(*words: str, save: str = "out.png") -> list[str]:
    """The words of a quick `camctl run`."""
    return ["run", *words, "--save-path", save, "--quiet"]


def command_line(case: Case, folder: Path) -> str:
    """A shell script that does what the case does, as far as a shell can."""
    places = os.pathsep.join(str(folder / each) for each in case.path)
    pairs = " ".join(f"{key}={shlex.quote(value)}" for key, value in case.environment.items())
    pairs += f' PYTHONPATH={shlex.quote(places)}:"$PYTHONPATH"' if places else ""
    streams = {
        "closed-out": " >&-", "closed-err": " 2>&-", "closed-both": " >&- 2>&-", "closed-in": " <&-",
        "full-out": " >/dev/full", "full-err": " 2>/dev/full", "broken-out": " | true", "broken-err": " 2>&1 | true",
    }.get(case.streams, "")  # fmt: skip
    words = " ".join(shlex.quote(word.replace("\0", "\\0")) for word in case.words)
    first = f"cd {shlex.quote(str(folder))}"
    if case.gone:
        first += " && mkdir gone && cd gone && rmdir ../gone"
    return f"{first}\nHOME=$PWD/home {pairs} {sys.executable} -m camctl {words}{streams}\n"
