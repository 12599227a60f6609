"""Files that are written whole or not at all, and checks that they can be written, before any work is done."""

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
    """Check that a file can be written at `path`; nothing is created. Empty `endings` allow any.

    Raises `InputError` if the ending is not allowed, the path is a folder, or its folder cannot be written to.
    """
    path = Path(path)
    _check_name(path)
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
    """Check that files can be written in `folder`, or that it can be created. Raises `InputError`."""
    folder = Path(folder)
    _check_name(folder)
    hint = "Choose another folder to save to."
    try:
        parents = (folder, *folder.absolute().parents)
        existing = next(parent for parent in parents if parent.exists() or parent.is_symlink())
        if not existing.is_dir():
            raise InputError(f"'{existing}' is not a folder.", hint=hint)
        if not os.access(existing, os.W_OK | os.X_OK):
            raise InputError(f"The folder '{existing}' is not writable.", hint=hint)
    except OSError as error:
        raise _write_error(folder, error) from None
    return folder


def write_atomically(path: str | Path, content: Content) -> Path:
    """Write a file, creating its folders, in one step: afterwards it is the whole new file or the old one.

    Links are followed; devices and pipes are written to directly. Raises `InputError` if the path is at fault,
    `CamctlError` if the disk is full or fails.
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
        # In the same folder, as a file can only be renamed within one disk; hidden, in case it is left behind.
        draft = target.with_name(f".camctl-{secrets.token_hex(6)}.part")
        try:
            with draft.open("xb") as file:
                _fill(file, content)
            draft.replace(target)
        finally:  # also after Ctrl-C
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise _write_error(path, error) from None
    return path


def _fill(file: IO[bytes], content: Content) -> None:
    if isinstance(content, bytes):
        file.write(content)
    else:
        content(file)


_FAULTS = {
    errno.ENOTDIR: ("cannot be written: part of it is a file", "Choose another path."),
    errno.EEXIST: ("cannot be written: part of it is a file", "Choose another path."),
    errno.EISDIR: ("is a folder", "Name a file in it."),
    errno.ENAMETOOLONG: ("is too long a name", "Choose a shorter one."),
}
"""Error number -> what is wrong with the path, and what to do."""


def _check_name(path: Path) -> None:
    if "\0" in str(path):
        raise InputError(f"{str(path)!r} cannot be the name of a file.", hint="Choose another name.")
    try:
        path.exists()
    except OSError as error:
        raise _write_error(path, error) from None


def _write_error(path: Path, error: OSError) -> CamctlError:
    """An error of the operating system in the words of someone who wants a file at `path`."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        message = f"'{path}' was not written: the disk is full."
        return CamctlError(message, hint="Free some space, or save to another disk.")
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return InputError(f"'{path}' cannot be written: its folder is not writable.", hint="Choose another path.")
    if fault := _FAULTS.get(error.errno or 0):
        return InputError(f"'{path}' {fault[0]}.", hint=fault[1])
    reason = error.strerror or str(error) or type(error).__name__
    return CamctlError(f"'{path}' was not written: {reason}.", hint="Try again, or choose another path.")


def _either(items: Collection[str]) -> str:
    *most, last = items
    return f"{', '.join(most)} or {last}" if most else last
