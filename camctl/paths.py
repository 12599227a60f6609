"""What a path that the user named leads to, found without opening it: a pipe that nobody feeds would wait for ever."""

from __future__ import annotations

import os
import stat
from difflib import SequenceMatcher
from itertools import islice
from pathlib import Path
from typing import Any

from camctl.errors import InputError, one_line

LONGEST = 200
"""Maximum length of a path in a message."""

_KINDS = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


LIKENESS = 0.7
"""Likeness of two names without their endings at which one may be meant by the other."""

LOOKED_AT = 5000
"""Number of files in a folder whose names are compared."""

LIKEST = 3
"""Largest number of names that a hint lists."""


def alike(path: Path) -> list[str]:
    """Return what lies in a path's folder under a name like its own, with another ending if none has its own."""
    matcher = SequenceMatcher()

    def likeness(one: str, other: str) -> float:
        matcher.set_seqs(one.casefold(), other.casefold())
        return matcher.ratio()

    try:
        others = list(islice(path.parent.iterdir(), LOOKED_AT))
    except (OSError, ValueError):  # it may not be read, or no folder can have such a name
        return []
    ranked = [(likeness(path.stem, other.stem), likeness(path.name, other.name), str(other)) for other in others]
    names = [name for stem, _, name in sorted(ranked, reverse=True) if stem >= LIKENESS]
    return ([name for name in names if name.endswith(path.suffix)] or names)[:LIKEST]


def check_file(path: str | Path, noun: str, *, hint: str, largest: int | None = None) -> None:
    """Raise `InputError` unless a path leads to a file; nothing else is raised, and nothing is opened.

    Parameters
    ----------
    path
        The path, of any length and content.
    noun
        What the file should be, such as `checkpoint file`.
    hint
        Hint for a path that leads nowhere.
    largest
        Maximum size in bytes.
    """
    text = str(path)
    name = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    try:
        found = os.stat(path)  # noqa: PTH116 - of a text as well
    except PermissionError:
        hint = "Check its permissions, and those of its folder, with `ls -l`."
        raise InputError(f"'{name}' may not be read.", hint=hint) from None
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"There is no {noun} '{name}'.", hint=hint) from None
    except (OSError, ValueError) as error:  # too long, a link to itself, or with a NUL
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"There is no {noun} '{name}': {reason}.", hint=hint) from None
    if stat.S_ISDIR(found.st_mode):
        raise InputError(f"'{name}' is a folder, not a {noun}.", hint="Give a file in it.")
    if not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "no file")
        raise InputError(f"'{name}' is {kind}, not a {noun}.", hint="Copy what it gives into a file, and name that.")
    if largest is not None and found.st_size > largest:
        message = f"'{name}' is too large for a {noun}: {found.st_size / 1e6:,.0f} MB, more than {largest / 1e6:,.0f}."
        raise InputError(message, hint="Check the path.")


def cache_folder() -> Path:
    """Return the folder for what camctl can do without, as the XDG base directories have it; it may not exist."""
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "camctl")  # noqa: PTH111 - never fails


def is_address(text: str) -> bool:
    """Whether a text names something that fsspec reaches, such as `s3://bucket/pictures`, and no local path."""
    return "://" in text


def filesystem(address: str) -> tuple[Any, str]:
    """Return the fsspec file system of an address, and the path in it.

    Made anew by each process that asks, since most of them do not survive a fork. Raises `InputError` if nothing
    installed reaches the address.
    """
    from fsspec.core import url_to_fs

    try:
        system, path = url_to_fs(address)
    except ImportError as error:
        text = f"'{address}' cannot be reached: {one_line(error)}."
        raise InputError(text, hint="Install the package that it names.") from None
    except Exception as error:  # noqa: BLE001 - file systems of many packages
        text = f"'{address}' cannot be reached: {one_line(error)}."
        raise InputError(text, hint="Check the address, and what its package needs to log in.") from None
    return system, str(path)
