"""The results folder as a place: names of its files, atomic writing, one writer a shard; local or at an address."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedWriter
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from camctl.errors import CamctlError, InputError, one_line, printable
from camctl.files.atomic import check_folder, write_atomically
from camctl.paths import filesystem, is_address

if TYPE_CHECKING:
    from pyarrow import fs

START = "start.json"
RESULTS = "results.json"
MAPS = "maps"

OURS = ".camctl-"
"""Beginning of the name of a file that only lasts while a writer works."""

_AGAIN = "run the same command again: it continues"

_PART = re.compile(r"part-(\d{5,})-(\d{6,})\.parquet")

_held: set[BufferedWriter] = set()
"""Locks that this process holds."""


def _release_in_child() -> None:
    """Close the locks that a forked process has got from its parent: a worker outlives a parent that is killed."""
    while _held:
        _held.pop().close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_release_in_child)


class Folder:
    """A results folder.

    Parameters
    ----------
    out
        Its path, or an address that fsspec reaches. An address is asked anew for its file system where it is used.
    """

    def __init__(self, out: str | Path) -> None:
        self.name = str(out) or "."
        self.remote = is_address(self.name)
        self._lock: BufferedWriter | None = None

    def path(self, name: str) -> str:
        """Return the path or address of a file in the folder."""
        return f"{self.name.rstrip('/')}/{name}" if self.remote else os.path.join(self.name, name)  # noqa: PTH118

    def contents(self) -> list[str] | None:
        """Return the names in the folder without those of a writer at work; None if there is no folder.

        Raises `InputError` if it may not be read.
        """
        names = self._names("")
        return None if names is None else sorted(name for name in names if not name.startswith(OURS))

    def check_writable(self) -> None:
        """Raise `InputError` if files cannot be written there; nothing is created."""
        try:
            self.name.encode()
        except UnicodeEncodeError:  # Arrow opens no such path
            message = f"'{printable(self.name)}' cannot be a results folder: its name is not UTF-8."
            raise InputError(message, hint="Choose another name.") from None
        if not self.remote:
            check_folder(self.name)

    def parts(self) -> list[str]:
        """Return the names of the complete parts, in the order of shards and numbers."""
        names = self._names(MAPS) or []
        matches = sorted((int(match[1]), int(match[2]), name) for name in names if (match := _PART.fullmatch(name)))
        return [f"{MAPS}/{name}" for _, _, name in matches]

    def _names(self, name: str) -> list[str] | None:
        """Return the names in the folder, or in a folder in it; None if there is none."""
        with suppress(FileNotFoundError, NotADirectoryError), self._reached(name):
            if not self.remote:
                return os.listdir(self.path(name))  # noqa: PTH208
            system, path = filesystem(self.path(name))
            system.invalidate_cache()  # others write too
            return [str(item).rstrip("/").rpartition("/")[2] for item in system.ls(path.rstrip("/"), detail=False)]
        return None

    @contextmanager
    def _reached(self, name: str) -> Iterator[None]:
        """Report what a file system raises, of any package, as an `InputError`, unless nothing is there."""
        try:
            yield
        except (InputError, FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise
        except Exception as error:
            if not self.remote and not isinstance(error, OSError | ValueError):
                raise
            message = f"'{self.path(name)}' cannot be read or removed: {one_line(error)}."
            raise InputError(message, hint="Check its permissions, or choose another folder.") from None

    def next_part(self, shard: int) -> str:
        """Return the name of the part that a shard writes next."""
        matches = [_PART.fullmatch(name.rpartition("/")[2]) for name in self.parts()]
        numbers = [int(match[2]) for match in matches if match and int(match[1]) == shard]
        return f"{MAPS}/part-{shard:05d}-{max(numbers, default=-1) + 1:06d}.parquet"

    def read(self, name: str) -> bytes | None:
        """Return the content of a file; None if there is none."""
        with suppress(FileNotFoundError, IsADirectoryError, NotADirectoryError), self._reached(name):
            if self.remote:
                system, path = filesystem(self.path(name))
                return bytes(system.cat_file(path))
            return Path(self.path(name)).read_bytes()
        return None

    def write(self, name: str, content: Any, *, draft: str = "") -> None:
        """Write a file whole or not at all, and return when it is on the disk.

        Where an address leads, putting an object is atomic. Raises `InputError` or `CamctlError`.
        """
        if self.remote:
            system, path = filesystem(self.path(name))
            try:
                system.makedirs(path.rpartition("/")[0], exist_ok=True)
                system.pipe_file(path, bytes(content))
            except Exception as error:  # noqa: BLE001 - file systems of many packages
                message = f"'{self.path(name)}' was not written: {one_line(error)}."
                raise CamctlError(message, hint=_AGAIN.capitalize() + ".") from None
            return
        target = Path(self.path(name))

        def synced(file: IO[bytes]) -> None:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

        try:
            write_atomically(target, synced, draft=draft)
        except InputError:
            raise
        except CamctlError as error:  # the disk is full, or fails
            raise CamctlError(error.message, hint=f"Make room, then {_AGAIN}.") from None
        _sync_folder(target.parent)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with suppress(FileNotFoundError), self._reached(name):
            if self.remote:
                system, path = filesystem(self.path(name))
                system.rm_file(path)
            else:
                Path(self.path(name)).unlink()

    def remove_drafts(self, shard: int) -> None:
        """Remove what a killed writer of this shard left half-written. Call it with the shard's lock held."""
        if self.remote:
            return
        for folder in (Path(self.name), Path(self.path(MAPS))):
            with suppress(FileNotFoundError, NotADirectoryError):
                folder.joinpath(draft_name(shard)).unlink()

    def remove_leftovers(self) -> None:
        """Remove what killed writers of any shard left. Call it when all rows are there, and nobody writes a part."""
        if not self.remote:
            for file in (*Path(self.path(MAPS)).glob(f"{OURS}*.part"), *Path(self.name).glob(f"{OURS}*.lock")):
                with suppress(OSError):
                    file.unlink()

    def lock(self, shard: int) -> None:
        """Keep other writers away from a shard's files until `unlock`, or until this process ends, however it does.

        Raises `InputError` if another process holds it. Where the system has no such locks there is none.
        """
        if self.remote:
            return
        try:
            import fcntl
        except ImportError:  # Windows
            return
        with suppress(OSError):
            Path(self.name).mkdir(parents=True, exist_ok=True)
        try:
            file = Path(self.path(f"{OURS}{shard:05d}.lock")).open("ab")  # noqa: SIM115 - held
        except OSError:  # what is written next says why
            return
        try:
            # A worker of a killed writer lets go of it as soon as it runs.
            _tried(lambda: fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB))
        except BlockingIOError:
            file.close()
            message = f"Another process writes shard {shard} of the results folder '{self.name}'."
            raise InputError(message, hint="Wait until it has ended, or choose another folder.") from None
        except OSError:  # a disk without locks
            file.close()
            return
        with suppress(FileNotFoundError):
            if os.fstat(file.fileno()).st_ino == Path(file.name).stat().st_ino:
                self._lock = file
                _held.add(file)
                return
        file.close()  # its last holder has just removed it
        self.lock(shard)

    def unlock(self) -> None:
        """Let others write this shard."""
        file, self._lock = self._lock, None
        if file in _held:
            _held.discard(file)
            with suppress(OSError):
                Path(file.name).unlink(missing_ok=True)
            file.close()

    def arrow(self) -> tuple[fs.FileSystem, str]:
        """Return pyarrow's file system, and the folder's path in it."""
        from pyarrow import fs

        if not self.remote:
            return fs.LocalFileSystem(), os.path.abspath(self.name)  # noqa: PTH100
        system, path = filesystem(self.name)
        return fs.PyFileSystem(fs.FSSpecHandler(system)), path.rstrip("/")


def draft_name(shard: int) -> str:
    """Return the name of the file that a shard writes before it gets its own name."""
    return f"{OURS}{shard:05d}.part"


def _sync_folder(folder: Path) -> None:
    """Bring a new name onto the disk; not all systems can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _tried(lock: Callable[[], None]) -> None:
    """Take a lock, for which it waits a second. Raises `BlockingIOError` if somebody holds it."""
    until = time.monotonic() + 1
    while True:
        try:
            return lock()
        except BlockingIOError:
            if time.monotonic() > until:
                raise
        time.sleep(0.02)
