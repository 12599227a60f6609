"""Open a picture's file, and say what is wrong with a path or a file that is no picture."""

from __future__ import annotations

import stat
from contextlib import contextmanager
from difflib import get_close_matches
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING

from camctl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMES_LOOKED_AT = 5000


@contextmanager
def opened_file(name: str) -> Iterator[IO[bytes]]:
    """Open the file `name` for reading, seekable; raise `InputError` with the reason if that fails."""
    path = Path(name)
    try:
        kind = path.stat()
        if stat.S_ISDIR(kind.st_mode):
            raise InputError(f"'{name}' is a folder, not a picture.", hint=something_in(path))
        if stat.S_ISREG(kind.st_mode) and not kind.st_size:
            raise InputError(f"'{name}' is empty (0 bytes).", hint="Copy or download the picture again.")
        file = path.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"There is no picture '{name}'.", hint=near(path)) from None
    except PermissionError:
        raise InputError(
            f"'{name}' may not be read.", hint="Check its permissions, and those of its folder, with `ls -l`."
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(
            f"'{name}' cannot be read: {reason(error)}.", hint="Give the path of a picture file."
        ) from None
    with file:
        # A pipe (`<(command)` in a shell) can be read only once.
        yield file if file.seekable() else BytesIO(file.read())


def near(path: Path) -> str:
    """Return what the user may have meant by a path that does not exist."""
    folder = path.parent
    if not folder.is_dir():
        return f"There is no folder '{folder}' either."
    try:
        names = {path.name.casefold(): path.name for path in islice(folder.iterdir(), _NAMES_LOOKED_AT)}
    except OSError:
        return "Check the path."
    close = get_close_matches(path.name.casefold(), names, n=3, cutoff=0.6)
    if close:
        return f"Did you mean {' or '.join(repr(str(folder / names[name])) for name in close)}?"
    return f"Nothing in '{folder.resolve()}' has a name like it."


def something_in(folder: Path) -> str:
    """Return what picture in a folder the user may have meant."""
    suffixes = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"}
    try:
        inside = [path for path in islice(folder.iterdir(), _NAMES_LOOKED_AT) if path.suffix.lower() in suffixes]
    except OSError:
        inside = []
    return f"Name one picture in it, such as '{min(inside)}'." if inside else "Name a picture file."


def what_it_is(head: bytes) -> str:
    """Guess from its first bytes what a file holds that is not a picture."""
    if head.startswith(b"version https://git-lfs"):
        return "It is a pointer of Git LFS: fetch the picture itself with `git lfs pull`."
    if head[:64].lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return "It is a web page: the download brought a page instead of the picture."
    if b"<svg" in head:
        return "It is an SVG drawing: export it as PNG first."
    if head[4:12] in {b"ftypheic", b"ftypheix", b"ftypmif1"}:
        return "It is an HEIC photo: convert it to JPEG or PNG first."
    if head and all(byte >= ord(" ") or byte in b"\t\r\n" for byte in head):
        return "It holds text. Give a PNG, JPEG, WebP, TIFF, BMP or GIF file."
    return "Give a PNG, JPEG, WebP, TIFF, BMP or GIF file."


def reason(error: Exception) -> str:
    """Return what an exception of a decoder or of the system says, on one line."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split()).rstrip(".")
