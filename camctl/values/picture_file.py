"""Open the file of a picture; say what is there instead if it is none."""

from __future__ import annotations

import os
import select
import stat
import sys
import threading
import time
from contextlib import contextmanager, suppress
from importlib import import_module
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING

from camctl.errors import LONGEST_QUOTE, InputError
from camctl.paths import alike, check_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import Image

MOST_BYTES = 1 << 33
"""Maximum size of a file: no picture of `MOST_PIXELS` is larger in any format."""

FORMATS = {
    "PNG": "Png",
    "JPEG": "Jpeg",
    "WEBP": "WebP",
    "TIFF": "Tiff",
    "BMP": "Bmp",
    "GIF": "Gif",
    "PPM": "Ppm",
    "JPEG2000": "Jpeg2K",
    "AVIF": "Avif",
    "TGA": "Tga",
    "ICO": "Ico",
}
"""Pillow's name of a format -> its module, without formats that call other programs (EPS) or are rarely photographs."""

_NAMES_LOOKED_AT = 5000
_stderr_lock = threading.Lock()
_PATIENCE, _SILENCE = 2.0, 20.0
"""Seconds that a pipe may have no writer, and that its writer may write nothing."""


@contextmanager
def opened(name: str) -> Iterator[IO[bytes]]:
    """Open the file `name` for reading, seekable; raise `InputError` with the reason if that fails."""
    path = Path(name)
    try:
        kind = path.stat()
        if stat.S_ISDIR(kind.st_mode):
            raise InputError(f"'{name}' is a folder, not a picture.", hint=_something_in(path))
        if stat.S_ISREG(kind.st_mode) and not kind.st_size:
            raise InputError(f"'{name}' is empty (0 bytes).", hint="Copy or download the picture again.")
        if not stat.S_ISFIFO(kind.st_mode):
            check_file(path, "picture", hint="Check the path.", largest=MOST_BYTES)
        file = _piped(path) if stat.S_ISFIFO(kind.st_mode) else path.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"There is no picture '{name}'.", hint=_near(path)) from None
    except PermissionError:
        raise InputError(
            f"'{name}' may not be read.", hint="Check its permissions, and those of its folder, with `ls -l`."
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(
            f"'{name}' cannot be read: {reason(error)}.", hint="Give the path of a picture file."
        ) from None
    with file:
        yield file


def _piped(path: Path) -> IO[bytes]:
    """Return what a pipe holds (`<(command)` in a shell), which can be read only once and may have no writer."""
    content = BytesIO()
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as pipe:
        end = time.monotonic() + _PATIENCE
        while content.tell() <= MOST_BYTES:
            chunk = pipe.read(1 << 20)
            if chunk:
                content.write(chunk)
            elif chunk is None:  # there is a writer, who has written nothing yet
                if not select.select([pipe], [], [], _SILENCE)[0]:
                    message = f"'{path}' is a pipe to which nothing was written for {_SILENCE:.0f} s."
                    raise InputError(message, hint="Give the path of a picture file.")
            elif content.tell() or time.monotonic() > end:
                break
            else:
                time.sleep(0.02)
    if not content.tell():
        message = f"'{path}' is a pipe to which nothing was written."
        raise InputError(message, hint="Give the path of a picture file.")
    content.seek(0)
    return content


def _near(path: Path) -> str:
    """Return what the user may have meant by a path that does not exist."""
    folder = path.parent
    if not folder.is_dir():
        return f"There is no folder '{folder}' either."
    try:
        place = folder.resolve()
    except OSError:  # it may not be read, or was removed while one was in it
        return "Check the path."
    if close := alike(path):
        return f"Did you mean {' or '.join(map(repr, close))}?"
    return f"Nothing in '{place}' has a name like it."


def _something_in(folder: Path) -> str:
    suffixes = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"}
    try:
        inside = [path for path in islice(folder.iterdir(), _NAMES_LOOKED_AT) if path.suffix.lower() in suffixes]
    except OSError:
        inside = []
    return f"Name one picture in it, such as '{min(inside)}'." if inside else "Name a picture file."


def formats() -> list[str]:
    """Return those of `FORMATS` that this Pillow has; importing all of Pillow's takes ten times as long."""
    from PIL import Image

    for module in FORMATS.values():
        with suppress(ImportError):
            import_module(f"PIL.{module}ImagePlugin")
    return [name for name in FORMATS if name in Image.OPEN]


def picture_suffixes() -> frozenset[str]:
    """Return the endings of files that can be read as pictures: lower case, with the dot."""
    from PIL import Image

    known = set(formats())
    return frozenset(suffix for suffix, name in Image.registered_extensions().items() if name in known)


def head_of(file: IO[bytes]) -> bytes:
    """Return the first bytes of a file."""
    file.seek(0)
    return file.read(512)


def frames_of(image: Image.Image | None) -> int:
    """Return the number of pictures of an animation; 1 for all others."""
    if image is None or image.format not in {"GIF", "WEBP", "PNG"}:
        return 1
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # noqa: BLE001 (it is cut short: its first picture may be sound)
        return 1


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


@contextmanager
def silent_decoder() -> Iterator[None]:
    """Discard what the TIFF library writes past Python to the process's stderr while it decodes."""
    if sys.stderr is None:
        yield
        return
    with _stderr_lock, open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device
        try:
            stderr = os.dup(2)
        except OSError:  # closed
            yield
            return
        try:
            os.dup2(nowhere.fileno(), 2)
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def reason(error: Exception) -> str:
    """Return an exception's message on one short line, without control characters, which a file may have put there."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    line = " ".join(str(text).split()).rstrip(".")
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in line)[:LONGEST_QUOTE]
