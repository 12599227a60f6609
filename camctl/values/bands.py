"""Read a picture's own numbers (H, W, bands): more than 8 bits, floats, or other bands than red, green and blue.

Pillow keeps 8 bits of a colour picture, and opens no TIFF of many bands. OpenCV reads colours of any depth and all
pages of a file, and tifffile any number of bands.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, Any

from camctl.errors import InputError
from camctl.values.picture_file import silent_decoder
from camctl.values.tiff import COLOURS, RGB, Page, Pages

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

PNG = b"\x89PNG\r\n\x1a\n"

MOST_NUMBERS = 1_500_000_000
"""The largest count of numbers that is read: a limit on memory."""

CODECS = "Install its compression (pip install imagecodecs), or save it anew with none"


@dataclass(frozen=True, eq=False)
class Levels:
    """A picture's own numbers (H, W, bands).

    `alpha` (H, W), 0..1, is its opacity, `nodata` marks empty pixels, and `pages` says that each band is a page.
    """

    numbers: NDArray[Any]
    alpha: NDArray[np.float32] | None = None
    nodata: float | None = None
    pages: bool = False

    def turned(self, orientation: int) -> Levels:
        """Return them upright, by an EXIF orientation (1..8) of the file."""
        alpha = self.alpha if self.alpha is None else turned_upright(self.alpha, orientation)
        return replace(self, numbers=turned_upright(self.numbers, orientation), alpha=alpha)


def read_levels(file: IO[bytes], name: str, orientation: int | None, pages: Pages | None) -> Levels | None:
    """Return the numbers of a picture that Pillow cannot read as they are; None for all others.

    `orientation` (1..8) is EXIF's, or None if Pillow cannot open the file, and `pages` are those of a TIFF. Raises
    `InputError` for a TIFF that nothing here reads.
    """
    file.seek(0)
    head = file.read(32)
    file.seek(0)
    if head.startswith(PNG):
        deep_colour = head[24:25] == b"\x10" and head[25:26] in {b"\x02", b"\x04", b"\x06"}
        levels = _by_opencv(file) if deep_colour else None
        return levels.turned(orientation or 1) if levels is not None else None
    if pages is None:
        return None
    page = pages.first
    stack = _stack(file, pages) if pages.alike else None
    if stack is not None:
        return stack
    if orientation and (page.ordinary or page.bands + page.alpha == 1):
        return None
    # OpenCV has every compression, and tifffile few without a package of its own.
    colours = _by_opencv(file) if page.photometric == COLOURS and page.bands == RGB else None
    if colours is not None and colours.numbers.shape[2] == RGB:
        return colours
    if find_spec("tifffile") is None:
        text = f"'{name}' is a TIFF of {page.bands} bands of {page.bits} bits, which needs the package tifffile."
        raise InputError(text, hint="Install it: pip install 'camctl[bands]'")
    return _by_tifffile(file, name, page)


def _stack(file: IO[bytes], pages: Pages) -> Levels | None:
    """Return the pages of one band as the bands of one picture; None if OpenCV cannot read them all."""
    import cv2
    import numpy as np

    if pages.count * int(np.prod(pages.first.size, dtype=np.int64)) > MOST_NUMBERS:
        return None
    with _without_words(), silent_decoder():
        sound, found = cv2.imdecodemulti(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_UNCHANGED)
    file.seek(0)
    # OpenCV turns them upright.
    size = pages.first.size[::-1] if pages.first.orientation in {5, 6, 7, 8} else pages.first.size
    if not sound or len(found) != pages.count or any(array.shape != size for array in found):
        return None
    if pages.rows:
        return Levels(np.stack(found), nodata=pages.first.nodata)
    return Levels(np.stack(found, 2), nodata=pages.first.nodata, pages=True)


def _by_opencv(file: IO[bytes]) -> Levels | None:
    """Read one or three bands of any depth, with or without opacity; None if OpenCV cannot."""
    import cv2
    import numpy as np

    with _without_words(), silent_decoder():
        found = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_UNCHANGED)
    file.seek(0)
    if found is None:
        return None
    array = np.atleast_3d(np.asarray(found))
    if array.shape[2] >= RGB:
        array = array[..., [2, 1, 0, *range(RGB, array.shape[2])]]
    return _split(array, alpha=array.shape[2] in {2, 4})


def _by_tifffile(file: IO[bytes], name: str, page: Page) -> Levels:
    import numpy as np

    try:
        axes, array = _first_page(file)
    except MemoryError:
        text = f"'{name}' does not fit into memory."
        raise InputError(text, hint="Cut out a part of it, or scale it down first.") from None
    except Exception as error:  # noqa: BLE001 (decoders raise anything on damaged files)
        reason = " ".join(str(error).split()).rstrip(".")
        text = f"'{name}' is a TIFF of {page.bands} bands of {page.bits} bits that cannot be read: {reason}."
        hint = "Copy or download it again, or save it anew with another program."
        raise InputError(text, hint=CODECS if "imagecodecs" in reason else hint) from None
    if axes == "YX":
        array = array[..., None]
    elif axes == "SYX":
        array = np.moveaxis(array, 0, 2)
    elif axes != "YXS":
        text = f"'{name}' is a TIFF with the axes {axes}, and a picture has rows, columns and bands."
        raise InputError(text, hint="Save one plane of it as a picture.")
    return _split(turned_upright(array, page.orientation), alpha=page.alpha, nodata=page.nodata)


def _first_page(file: IO[bytes]) -> tuple[str, NDArray[Any]]:
    """Return the first page of a TIFF and its axes, Y rows, X columns and S bands. Raises what tifffile raises."""
    import numpy as np
    import tifffile

    with _silent("tifffile"), tifffile.TiffFile(file) as tiff:
        page = tiff.pages.first
        if int(np.prod(page.shape, dtype=np.int64)) > MOST_NUMBERS:
            raise MemoryError
        return str(page.axes), np.asarray(page.asarray())


def _split(array: NDArray[Any], *, alpha: bool, nodata: float | None = None) -> Levels:
    """Split the opacity, the last band, from the others."""
    import numpy as np

    if not alpha:
        return Levels(array, nodata=nodata)
    full = np.iinfo(array.dtype).max if array.dtype.kind in "iu" else 1
    return Levels(array[..., :-1], (array[..., -1] / full).astype(np.float32).clip(0, 1), nodata)


@contextmanager
def _silent(logger: str) -> Iterator[None]:
    """Keep a library's remarks on odd tags from stderr."""
    log = logging.getLogger(logger)
    disabled, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = disabled


@contextmanager
def _without_words() -> Iterator[None]:
    """Keep OpenCV's remarks on files that it cannot read from stderr."""
    from cv2.utils import logging as log

    level = log.getLogLevel()
    log.setLogLevel(log.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        log.setLogLevel(level)


def turned_upright(stored: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn rows and columns as a file stores them by an EXIF orientation (1..8)."""
    if orientation in {2, 3, 7, 8}:
        stored = stored[:, ::-1]
    if orientation in {3, 4, 6, 7}:
        stored = stored[::-1]
    return stored.swapaxes(0, 1) if orientation in {5, 6, 7, 8} else stored
