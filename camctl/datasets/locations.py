"""Files of a data set, local or at an address that fsspec reaches: found, expanded from a pattern, read."""

from __future__ import annotations

import glob
import itertools
import os
import posixpath
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from camctl.errors import InputError, one_line
from camctl.paths import check_file, filesystem, is_address

MISSING = "Check the path, and what it is relative to."
_MOST_NAMES = 1_000_000
"""Maximum number of names that braces stand for."""
_BRACES = re.compile(r"\{([^{}]*)\}")
START = "start.json"
"""A file that a results folder has."""
_PART = re.compile(r"(^|/)maps/part-[0-9-]+\.parquet$")
_SPAN = re.compile(r"(\d+)\.\.(\d+)")


def suffix(text: str) -> str:
    """Return the ending of a path or address, lower case, with the dot."""
    return posixpath.splitext(text.rstrip("/"))[1].lower()


def is_folder(text: str) -> bool:
    """Whether a path or address is a folder."""
    if is_address(text):
        with _reaching(text):
            system, path = filesystem(text)
            return bool(system.isdir(path))
    return os.path.isdir(text)  # noqa: PTH112 - it answers for any text


def is_pattern(text: str) -> bool:
    """Whether a text stands for several files: braces, or a glob, where no file has that very name."""
    if not (glob.has_magic(text) or _BRACES.search(text)):
        return False
    return is_address(text) or not os.path.lexists(text)


def expanded(text: str) -> list[str]:
    """Return the files that a text stands for: `{000..012}`, `{train,val}`, `*`, `?`, `**`; itself if no pattern.

    A name that braces give need not exist, so that a missing shard is told and not skipped. Raises `InputError` if
    no file fits a glob.
    """
    if not is_pattern(text):
        return [text]
    names = [match for name in _without_braces(text) for match in (_globbed(name) if glob.has_magic(name) else [name])]
    if not names:
        raise InputError(f"No file fits '{text}'.", hint="Check the pattern; quote it, so that no shell expands it.")
    return names


def _without_braces(text: str) -> list[str]:
    parts = _BRACES.split(text)
    choices = []
    for number, part in enumerate(parts):
        if number % 2 == 0:
            choices.append([part])
        elif span := _SPAN.fullmatch(part):
            first, last = int(span[1]), int(span[2])
            width = len(span[1]) if span[1].startswith("0") or len(span[1]) == len(span[2]) else 0
            if abs(last - first) >= _MOST_NAMES:
                raise InputError(f"'{{{part}}}' stands for too many files.", hint="Check the two numbers.")
            choices.append([f"{value:0{width}d}" for value in range(first, last + 1)])
        else:
            choices.append(part.split(","))
    return ["".join(choice) for choice in itertools.product(*choices)]


def _globbed(text: str) -> list[str]:
    if is_address(text):
        with _reaching(text):
            system, path = filesystem(text)
            return sorted(str(system.unstrip_protocol(name)) for name in system.glob(path) if not system.isdir(name))
    return sorted(name for name in glob.iglob(text, recursive=True) if not os.path.isdir(name))  # noqa: PTH112, PTH207


def full_address(address: str) -> str:
    """Return an address as its file system writes it, as `expanded` returns addresses."""
    system, path = filesystem(address)
    return str(system.unstrip_protocol(path))


def files_below(folder: str) -> Iterator[str]:
    """Yield the files below a folder, relative to it and in no order; hidden ones and results are left out.

    Links to folders are followed, but not in a circle. Raises `InputError` if a folder may not be read.
    """
    if is_address(folder):
        with _reaching(folder):
            system, root = filesystem(folder)
            found = [str(path)[len(root) :].strip("/") for path in system.find(root)]
        names = [name for name in found if not any(part.startswith(".") for part in name.split("/"))]
    else:
        names = list(_walked(folder, "", {os.path.realpath(folder)}))
    results = {posixpath.dirname(name) for name in names if posixpath.basename(name) == START}
    results &= {posixpath.dirname(posixpath.dirname(name)) for name in names if _PART.search(name)}
    for name in names:
        if not results or results.isdisjoint(_folders(name)):
            yield name


def in_results(path: str, root: str) -> bool:
    """Whether a local file lies in a results folder below a root: its overlays are no pictures of a data set."""
    folders = (os.path.join(root, folder) for folder in _folders(os.path.relpath(path, root or ".")))  # noqa: PTH118
    return any(
        os.path.isfile(os.path.join(folder, START)) and os.path.isdir(os.path.join(folder, "maps"))  # noqa: PTH112, PTH113, PTH118
        for folder in folders
    )


def _folders(name: str) -> Iterator[str]:
    """Yield the folders that a file is in, from the innermost to the root, which is empty."""
    while name:
        name = posixpath.dirname(name)
        yield name


def _walked(root: str, below: str, above: set[str]) -> Iterator[str]:
    try:
        with os.scandir(Path(root, below)) as items:
            found = [(item.name, item.is_dir()) for item in items if not item.name.startswith(".")]
    except OSError as error:
        message = f"The folder '{os.path.join(root, below)}' cannot be read: {error.strerror}."  # noqa: PTH118
        raise InputError(message, hint="Check its permissions with `ls -ld`.") from None
    for name, is_dir in found:
        path = f"{below}{name}"
        place = os.path.realpath(os.path.join(root, path)) if is_dir else ""  # noqa: PTH118
        if not is_dir:
            yield path
        elif place not in above:
            yield from _walked(root, f"{path}/", above | {place})


def joined(folder: str, name: str) -> str:
    """Return the path or address of a file in a folder; an absolute name stays as it is."""
    if is_address(name) or not folder or folder == ".":
        return name
    return posixpath.join(folder, name) if is_address(folder) else os.path.join(folder, name)  # noqa: PTH118


def parent(path: str) -> str:
    """Return the folder of a path or address."""
    return posixpath.dirname(path) if is_address(path) else os.path.dirname(path)  # noqa: PTH120


def common_folder(files: Sequence[str]) -> str:
    """Return the folder that all files are in, with its slash; empty if that is the current one."""
    common = posixpath.commonprefix([f"{parent(file)}/" for file in files])
    return common[: common.rfind("/") + 1] if parent(files[0]) else ""


def opened(path: str, noun: str) -> IO[bytes]:
    """Open a file for reading, seekable. Raises `InputError` if there is none."""
    with _reaching(path, noun):
        if is_address(path):
            system, inner = filesystem(path)
            stream: Any = system.open(inner, "rb")
            return stream  # type: ignore[no-any-return]
        check_file(path, noun, hint=MISSING)
        return Path(path).open("rb")


def content(path: str, noun: str, start: int = 0, size: int = -1) -> bytes:
    """Return what a file holds, or `size` bytes of it. Raises `InputError`."""
    with _reaching(path, noun):
        if is_address(path):
            system, inner = filesystem(path)
            return bytes(system.cat_file(inner, start=start, end=None if size < 0 else start + size))
        with opened(path, noun) as file:
            file.seek(start)
            return file.read(size)


@contextmanager
def _reaching(path: str, noun: str = "data set") -> Iterator[None]:
    """Report whatever a file system of another package raises as an `InputError`."""
    try:
        yield
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"There is no {noun} '{path}'.", hint=MISSING) from None
    except Exception as error:
        if not is_address(path) and not isinstance(error, OSError):
            raise
        raise InputError(f"'{path}' cannot be read: {one_line(error)}.", hint=MISSING) from None


def one_row(error: InputError) -> InputError:
    r"""Return an error of one row on one line: the end of a line in a file's name is shown as `\n`."""
    return InputError(error.message.replace("\r", "\\r").replace("\n", "\\n"), hint=error.hint)


@dataclass(frozen=True)
class Files:
    """Reads pictures that are files of their own."""

    def read(self, index: int, path: str) -> bytes | Path:  # noqa: ARG002 - as all readers
        """Return a local file, or the content of one at an address. Raises `InputError`, in one line."""
        try:
            if is_address(path):
                return content(path, "picture")
            check_file(path, "picture", hint=MISSING)
        except InputError as error:
            raise one_row(error) from None
        return Path(path)
