"""Read pictures of every kind as (H, W, 3) pixels, uint8 RGB, upright.

This file finds and opens them and reports errors; `camctl.values.pixels` converts modes, bits and orientations.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import warnings
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from camctl.errors import CamctlError, InputError
from camctl.values.picture_file import opened, reason, what_it_is
from camctl.values.texts import valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    AnyPicture: TypeAlias = "Picture | str | Path | Image.Image | NDArray[np.uint8]"
    """Whatever a picture can be read from."""

MOST_PIXELS = 512_000_000
"""Maximum number of pixels: a limit on memory (three bytes per pixel here, and as many to decode)."""

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

# Pillow logs what it finds odd in a file; without any handler Python prints it.
logging.getLogger("PIL").addHandler(logging.NullHandler())

_header_lock = threading.Lock()
_stderr_lock = threading.Lock()


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture and its origin.

    `pixels` is (H, W, 3), uint8 RGB, upright. `path` is as the user wrote it (bytes that are no text as U+FFFD), or
    `<image>` or `<array>` for a picture in memory. `sha256` is the file's, in hexadecimal, or the pixels' if no file
    was read.
    """

    path: str
    pixels: NDArray[np.uint8] = field(repr=False)
    sha256: str = ""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return int(self.pixels.shape[0]), int(self.pixels.shape[1])

    def at_most(self, side: int) -> Picture:
        """Return the same picture scaled down to at most `side` pixels in both directions."""
        import numpy as np
        from PIL import Image

        height, width = self.size
        scale = side / max(height, width)
        if scale >= 1:
            return self
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = Image.fromarray(self.pixels).resize(size, Image.Resampling.LANCZOS)
        return Picture(self.path, np.asarray(small), self.sha256)


def read_picture(image: Picture | str | Path | Image.Image | NDArray[Any]) -> Picture:
    """Read a picture from a path, a PIL image, or an array: (H, W, 3) RGB or (H, W) grey, uint8.

    Raises
    ------
    InputError
        There is no picture, or it cannot be read.
    CamctlError
        It does not fit into memory.
    """
    if isinstance(image, Picture):
        return image
    if isinstance(image, str | Path):
        return Picture(valid(str(image)), *_read_file(str(image)))

    import numpy as np
    from PIL import Image

    if isinstance(image, Image.Image):
        name = str(getattr(image, "filename", "")) or "<image>"
        return _in_memory(name, _decode(image, name))
    if isinstance(image, np.ndarray):
        from camctl.values.pixels import array_rgb

        return _in_memory("<array>", array_rgb(image))
    raise InputError(
        f"A picture cannot be made of a {type(image).__name__}.",
        hint="Give a path, a PIL image, or a NumPy array (height, width, 3) of uint8 in RGB order.",
    )


def _in_memory(name: str, pixels: NDArray[np.uint8]) -> Picture:
    import hashlib

    return Picture(name, pixels, hashlib.sha256(pixels.data).hexdigest())


def _read_file(name: str) -> tuple[NDArray[np.uint8], str]:
    """Return the pixels, and the SHA-256 of the file."""
    import hashlib

    from PIL import Image, UnidentifiedImageError

    if not name:
        raise InputError("No picture was named.", hint="Give the path of a picture file.")
    if "://" in name:
        raise InputError(f"'{name}' is an address, not a file.", hint="Download the picture and give its path.")
    with opened(name) as file:
        try:
            with _header_lock, _quiet_and_unlimited():
                image = Image.open(file, formats=_formats())
        except UnidentifiedImageError:
            raise _not_a_picture(name, file) from None
        except MemoryError:
            raise _too_big(name) from None
        except Exception as error:  # noqa: BLE001 (decoders raise anything on damaged files)
            raise _damaged(name, error) from None
        with image:
            pixels = _decode(image, name)
            file.seek(0)
            return pixels, hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # it is open


def _formats() -> list[str]:
    """Return those of `FORMATS` that this Pillow has; importing all of Pillow's takes ten times as long."""
    from PIL import Image

    for module in FORMATS.values():
        with suppress(ImportError):
            import_module(f"PIL.{module}ImagePlugin")
    return [name for name in FORMATS if name in Image.OPEN]


@contextmanager
def _quiet_and_unlimited() -> Iterator[None]:
    """Disable Pillow's own limit on size, and its warnings on odd metadata, while a header is read.

    Both are settings of the whole process and restored at once; call it with `_header_lock` held.
    """
    from PIL import Image

    limit = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def _not_a_picture(name: str, file: IO[bytes]) -> InputError:
    file.seek(0)
    head = file.read(512)
    if head.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF")):
        return _damaged(name, EOFError("little more than its beginning is there"))
    return InputError(f"'{name}' is not a picture.", hint=what_it_is(head))


def _damaged(name: str, error: Exception) -> InputError:
    return InputError(f"'{name}' is damaged or cut short: {reason(error)}.", hint="Copy or download the picture again.")


def _too_big(name: str) -> CamctlError:
    return CamctlError(f"'{name}' does not fit into memory.", hint="Scale the picture down first.")


def _decode(image: Image.Image, name: str) -> NDArray[np.uint8]:
    """Return the pixels (H, W, 3) of a PIL image, uint8 RGB, upright."""
    from camctl.values.pixels import upright_rgb

    width, height = image.size
    if width * height > MOST_PIXELS:
        raise InputError(
            f"'{name}' is {width} x {height}, more than {MOST_PIXELS // 1_000_000} million pixels.",
            hint="Scale the picture down first.",
        )
    if not width * height:
        raise InputError(f"'{name}' has no pixels ({width} x {height}).", hint="Give another picture.")
    try:
        orientation = _orientation(image)
        with _silent(image):
            return upright_rgb(image, orientation)
    except MemoryError:
        raise _too_big(name) from None
    except Exception as error:  # noqa: BLE001 (decoders raise anything on damaged files)
        raise _damaged(name, error) from None


@contextmanager
def _silent(image: Image.Image) -> Iterator[None]:
    """Discard what the TIFF library writes past Python to the process's stderr while it decodes."""
    if image.format != "TIFF" or sys.stderr is None:
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


def _orientation(image: Image.Image) -> int:
    """Return the orientation (1..8) from EXIF; 1 if it has none that can be read."""
    from PIL import ExifTags

    with _header_lock, _quiet_and_unlimited():
        try:
            return int(image.getexif().get(ExifTags.Base.Orientation, 1))
        except Exception:  # noqa: BLE001 (the block of EXIF may be broken where the picture is sound)
            return 1
