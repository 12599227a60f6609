"""Files that are written whole or not at all, and checks that they can be written, before any work is done."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

from camctl.errors import CamctlError, InputError

if TYPE_CHECKING:
    from collections.abc import Collection

PICTURES = (".png", ".jpg", ".jpeg", ".webp")
"""Endings of pictures that can be written."""

ACCESS_LIST = "system.posix_acl_access"
"""Attribute in which Linux keeps a file's access list."""

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
        # A link is followed: the file is written in the folder that it leads to.
        check_folder(Path(os.path.realpath(path)).parent if path.is_symlink() else path.parent)
    return path


def check_folder(folder: str | Path) -> Path:
    """Check that files can be written in `folder`, or that it can be created. Raises `InputError`."""
    folder = Path(folder)
    _check_name(folder)
    hint = "Choose another folder to save to."
    try:
        for parent in folder.parents:
            # Written without them, `x/../y` may be another file than the one that the checks of inputs looked for.
            if ".." in folder.parts[len(parent.parts) :] and not parent.is_dir():
                raise InputError(f"'{folder}' leads through '{parent}', which is no folder.", hint=hint)
        parents = (folder, *folder.absolute().parents)
        existing = next(parent for parent in parents if parent.exists() or parent.is_symlink())
        if not existing.is_dir():
            raise InputError(f"'{existing}' is not a folder.", hint=hint)
        if not os.access(existing, os.W_OK | os.X_OK):
            raise InputError(f"The folder '{existing}' is not writable.", hint=hint)
    except OSError as error:
        raise _write_error(folder, error) from None
    return folder


def write_atomically(path: str | Path, content: Content, *, draft: str = "") -> Path:
    """Write a file, creating its folders, in one step: afterwards it is the whole new file or the old one.

    `draft` is the name of the file beside it that is written first; without one it is a random name. Links are
    followed; devices and pipes are written to directly. A file that is replaced leaves its mode, owner and access list
    to the new one. Raises `InputError` if the path is at fault, `CamctlError` if the disk is full or fails.
    """
    path = Path(path)
    try:
        target = Path(os.path.realpath(path))
        old = _status(target)
        if old is None:
            target.parent.mkdir(parents=True, exist_ok=True)
        elif stat.S_ISDIR(old.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        elif not stat.S_ISREG(old.st_mode):
            with _stream(target, old) as file:
                _fill(file, content)
            return path
        _replace(target, old, content, draft or f".camctl-{secrets.token_hex(6)}.part")
    except OSError as error:
        raise _write_error(path, error) from None
    return path


def _replace(target: Path, old: os.stat_result | None, content: Content, name: str) -> None:
    """Write a draft next to the target, and give it the target's name and rights."""
    # In the same folder, as a file can only be renamed within one disk; hidden, in case it is left behind.
    draft = target.with_name(name)
    try:
        # Until it has the rights of the old file, nobody else may read it.
        with open(draft, "xb", opener=partial(os.open, mode=0o666 if old is None else 0o600)) as file:
            _fill(file, content)
        if old is not None:
            _keep_rights(target, old, draft)
        draft.replace(target)
    finally:  # also after Ctrl-C
        draft.unlink(missing_ok=True)


def _keep_rights(target: Path, old: os.stat_result, draft: Path) -> None:
    """Give the draft the owner, the mode and the access list of the file that it replaces, as far as we may."""
    mode, new = stat.S_IMODE(old.st_mode), draft.stat()
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        with suppress(OSError):
            os.chown(draft, -1, old.st_gid)
        with suppress(OSError):
            os.chown(draft, old.st_uid, -1)
        if draft.stat().st_gid != old.st_gid:  # another group gets what everybody gets
            mode = mode & ~stat.S_IRWXG | (mode & stat.S_IRWXO) << 3
    draft.chmod(mode)
    if hasattr(os, "getxattr"):  # Linux; a file without a list has no such attribute
        with suppress(OSError):
            os.setxattr(draft, ACCESS_LIST, os.getxattr(target, ACCESS_LIST))


def _stream(target: Path, old: os.stat_result) -> IO[bytes]:
    """Open a device or a pipe. A pipe that nobody reads would wait for ever: it is an error."""
    flags = os.O_WRONLY | (os.O_NONBLOCK if stat.S_ISFIFO(old.st_mode) else 0)
    descriptor = os.open(target, flags)
    os.set_blocking(descriptor, True)
    return open(descriptor, "wb")  # noqa: PTH123 - no path


def _status(path: Path) -> os.stat_result | None:
    """What the system says about a path, links followed; None if nothing is there. Raises `OSError`."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None


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
    errno.ELOOP: ("is a link that leads to itself", "Remove the link, or choose another name."),
    errno.ENXIO: ("is a pipe or device that nobody reads", "Start its reader first, or name a file."),
}
"""Error number -> what is wrong with the path, and what to do."""


def _check_name(path: Path) -> None:
    if "\0" in str(path):
        raise InputError(f"{str(path)!r} cannot be the name of a file.", hint="Choose another name.")
    try:
        _status(path)
    except NotADirectoryError:  # the folder's check says which part is a file
        pass
    except OSError as error:
        raise _write_error(path, error) from None


def _write_error(path: Path, error: OSError) -> CamctlError:
    """An error of the operating system in the words of someone who wants a file at `path`."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        message = f"'{path}' was not written: the disk is full."
        return CamctlError(message, hint="Free some space, or save to another disk.")
    if error.errno == errno.EFBIG:
        message = f"'{path}' was not written: it is larger than a file may be here."
        return CamctlError(message, hint="Raise the limit (ulimit -f), or save to another disk.")
    if error.errno == errno.EPIPE:
        return CamctlError(f"'{path}' was not written: its reader has ended.", hint="Save to a file instead.")
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return InputError(f"'{path}' cannot be written: its folder is not writable.", hint="Choose another path.")
    if fault := _FAULTS.get(error.errno or 0):
        return InputError(f"'{path}' {fault[0]}.", hint=fault[1])
    reason = error.strerror or str(error) or type(error).__name__
    return CamctlError(f"'{path}' was not written: {reason}.", hint="Try again, or choose another path.")


def _either(items: Collection[str]) -> str:
    *most, last = items
    return f"{', '.join(most)} or {last}" if most else last
