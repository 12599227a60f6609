"""Files written whole or not at all, and one line said where they cannot be written."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING

from camctl.errors import CamctlError, InputError

if TYPE_CHECKING:
    from collections.abc import Collection

PICTURES = (".png", ".jpg", ".jpeg", ".webp")
"""Endings of pictures that can be written."""

Content = bytes | Callable[[IO[bytes]], object]
"""What to write: bytes, or a function that writes into the open file."""


def check_writable(path: str | Path, endings: Collection[str] = PICTURES) -> Path:
    """Make sure, before any work is done, that a file could be written at `path`; nothing is made yet.

    Raises `InputError` where its ending is none of `endings` (none given: any will do), where it is a
    folder, or where its folder neither takes files nor can be made.
    """
    path = Path(path)
    _can_be_a_name(path)
    if not path.name:
        raise InputError(f"'{path}' is not the name of a file.", hint="Add a name, such as 'map.png'.")
    if path.is_dir():
        hint = f"Name a file in it, such as '{path / ('map' + next(iter(endings), ''))}'."
        raise InputError(f"'{path}' is a folder.", hint=hint)
    if endings and path.suffix.lower() not in endings:
        ending = f"the ending '{path.suffix}'" if path.suffix else "no ending"
        hint = f"Choose a name that ends in {_either(endings)}."
        raise InputError(f"'{path}' cannot be written: it has {ending}.", hint=hint)
    if path.exists() and not os.access(path, os.W_OK):
        raise InputError(f"'{path}' is write-protected.", hint="Choose another name.")
    if not path.exists() or path.is_file():
        check_folder(path.parent)
    return path


def check_folder(folder: str | Path) -> Path:
    """Make sure that files can be written in `folder`, or that it can be made; nothing is made yet.

    Raises `InputError` where not.
    """
    folder = Path(folder)
    _can_be_a_name(folder)
    try:
        there = next(each for each in (folder, *folder.absolute().parents) if each.exists() or each.is_symlink())
        if not there.is_dir():
            raise InputError(f"'{there}' is not a folder.", hint="Choose another place to save to.")
        if not os.access(there, os.W_OK | os.X_OK):
            raise InputError(f"The folder '{there}' is not writable.", hint="Choose another place to save to.")
    except OSError as error:
        raise _cannot_write(folder, error) from None
    return folder


def write_atomically(path: str | Path, content: Content) -> Path:
    """Write a file, and the folders it lies in, in one step: afterwards it is the whole new file or what was there.

    A link is followed, and a device or a pipe is written to directly. Raises `InputError` where the place
    is at fault, `CamctlError` where the disk is full or fails.
    """
    path = Path(path)
    try:
        target = path.resolve()
        if target.exists() and not target.is_file() and not target.is_dir():
            with target.open("wb") as file:
                _fill(file, content)
            return path
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        # In the same folder, as a file can only be renamed within one disk; hidden, should it ever stay behind.
        draft = target.with_name(f".camctl-{secrets.token_hex(6)}.part")
        try:
            with draft.open("xb") as file:
                _fill(file, content)
            draft.replace(target)
        finally:  # also after Ctrl-C
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise _cannot_write(path, error) from None
    return path


def _fill(file: IO[bytes], content: Content) -> None:
    if isinstance(content, bytes):
        file.write(content)
    else:
        content(file)


_FAULTS = {
    errno.ENOTDIR: ("cannot be written: part of it is a file", "Choose another place."),
    errno.EEXIST: ("cannot be written: part of it is a file", "Choose another place."),
    errno.EISDIR: ("is a folder", "Name a file in it."),
    errno.ENAMETOOLONG: ("is too long a name", "Choose a shorter one."),
}
"""Error of the system -> what is wrong with the place, and what to do."""


def _can_be_a_name(path: Path) -> None:
    """Raises `InputError` for what no file can be called."""
    if "\0" in str(path):
        raise InputError(f"{str(path)!r} is no name that a file can have.", hint="Choose another name.")
    try:
        path.exists()
    except OSError as error:
        raise _cannot_write(path, error) from None


def _cannot_write(path: Path, error: OSError) -> CamctlError:
    """What an error of the system means to someone who wants a file at `path`."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        message = f"'{path}' was not written: the disk is full."
        return CamctlError(message, hint="Free some space, or save to another disk.")
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return InputError(f"'{path}' cannot be written: its folder is not writable.", hint="Choose another place.")
    if fault := _FAULTS.get(error.errno or 0):
        return InputError(f"'{path}' {fault[0]}.", hint=fault[1])
    reason = error.strerror or str(error) or type(error).__name__
    return CamctlError(f"'{path}' was not written: {reason}.", hint="Try again, or choose another place.")


def _either(items: Collection[str]) -> str:
    *most, last = items
    return f"{', '.join(most)} or {last}" if most else last
