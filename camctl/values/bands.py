"""Read a picture's own numbers (H, W, bands): more than 8 bits, floats, or other bands than red, green and blue.

Pillow keeps 8 bits of a colour picture, and opens no TIFF of many bands. OpenCV reads colours of any depth, and
tifffile any number of bands.
"""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, Any

from camctl.errors import InputError
from camctl.values.picture_file import silent_decoder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

PNG = b"\x89PNG\r\n\x1a\n"
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

WIDTH, BITS, PHOTOMETRIC, ORIENTATION, SAMPLES, EXTRA, FORMAT, NODATA = 256, 258, 262, 274, 277, 338, 339, 42113
"""Tags of TIFF; the last is GDAL's."""

RGB = 3

GREYS, COLOURS = {0, 1}, 2
"""Values of PHOTOMETRIC: white or black is zero; red, green and blue."""

BIG = 43
"""The version of TIFF for files of more than 4 GB."""

BYTE, MOST_NUMBERS = 8, 1_500_000_000
"""Bits of an ordinary picture, and the largest count of numbers that is read: a limit on memory."""

CODECS = "Install its compression (pip install imagecodecs), or save it anew with none"


@dataclass(frozen=True, eq=False)
class Levels:
    """A picture's own numbers (H, W, bands). `alpha` (H, W), 0..1, is its opacity, and `nodata` marks empty pixels."""

    numbers: NDArray[Any]
    alpha: NDArray[np.float32] | None = None
    nodata: float | None = None

    def turned(self, orientation: int) -> Levels:
        """Return them upright, by an EXIF orientation (1..8) of the file."""
        alpha = self.alpha if self.alpha is None else turned_upright(self.alpha, orientation)
        return replace(self, numbers=turned_upright(self.numbers, orientation), alpha=alpha)


@dataclass(frozen=True)
class _Kind:
    """What the first directory of a TIFF says."""

    bits: int
    photometric: int
    bands: int
    """Without the opacity."""
    alpha: bool
    orientation: int
    whole: bool
    """Whether its numbers are whole and have no sign."""
    nodata: float | None

    @property
    def ordinary(self) -> bool:
        """Whether Pillow reads all that is in it."""
        if self.photometric not in GREYS | {COLOURS}:
            return True
        return self.bits <= BYTE and self.whole and self.bands == (3 if self.photometric == COLOURS else 1)


def read_levels(file: IO[bytes], name: str, orientation: int | None) -> Levels | None:
    """Return the numbers of a picture that Pillow cannot read as they are; None for all others.

    `orientation` (1..8) is EXIF's, or None if Pillow cannot open the file. Raises `InputError` for a TIFF that nothing
    here reads.
    """
    file.seek(0)
    head = file.read(32)
    file.seek(0)
    if head.startswith(PNG):
        deep_colour = head[24:25] == b"\x10" and head[25:26] in {b"\x02", b"\x04", b"\x06"}
        levels = _by_opencv(file) if deep_colour else None
        return levels.turned(orientation or 1) if levels is not None else None
    if not head.startswith(TIFF):
        return None
    kind = _kind(file)
    if kind is None or (orientation and (kind.ordinary or kind.bands + kind.alpha == 1)):
        return None
    # OpenCV has every compression, and tifffile few without a package of its own.
    colours = _by_opencv(file) if kind.photometric == COLOURS and kind.bands == RGB else None
    if colours is not None and colours.numbers.shape[2] == RGB:
        return colours
    if find_spec("tifffile") is None:
        text = f"'{name}' is a TIFF of {kind.bands} bands of {kind.bits} bits, which needs the package tifffile."
        raise InputError(text, hint="Install it: pip install tifffile")
    return _by_tifffile(file, name, kind)


def _kind(file: IO[bytes]) -> _Kind | None:
    """Return what the first directory says; None if it cannot be read."""
    try:
        tags = _directory(file)
        extra = tags.get(EXTRA, ())
        alpha = any(value in {1, 2} for value in extra)
        return _Kind(
            bits=max(tags.get(BITS, (1,))),
            photometric=int(tags.get(PHOTOMETRIC, 1)),
            bands=int(tags.get(SAMPLES, 1)) - alpha,
            alpha=alpha,
            orientation=int(tags.get(ORIENTATION, 1)),
            whole=all(value == 1 for value in tags.get(FORMAT, (1,))),
            nodata=_number(tags.get(NODATA)),
        )
    except Exception:  # noqa: BLE001 (a damaged directory may raise anything: Pillow says what is wrong)
        return None
    finally:
        file.seek(0)


def _directory(file: IO[bytes]) -> Mapping[int, Any]:
    """Return the tags of the first page. Raises `ValueError` if there are none, and what Pillow raises."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    head = file.read(8)
    if BIG in head[2:4]:
        head += file.read(8)
    tags = ImageFileDirectory_v2(head)
    file.seek(tags.next)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tags.load(file)
    if WIDTH not in tags:
        raise ValueError
    return tags


def _number(text: Any) -> float | None:
    try:
        return float(str(text).strip("\0 ")) if text else None
    except ValueError:
        return None


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


def _by_tifffile(file: IO[bytes], name: str, kind: _Kind) -> Levels:
    import numpy as np

    try:
        axes, array = _first_page(file)
    except MemoryError:
        text = f"'{name}' does not fit into memory."
        raise InputError(text, hint="Cut out a part of it, or scale it down first.") from None
    except Exception as error:  # noqa: BLE001 (decoders raise anything on damaged files)
        reason = " ".join(str(error).split()).rstrip(".")
        text = f"'{name}' is a TIFF of {kind.bands} bands of {kind.bits} bits that cannot be read: {reason}."
        hint = "Copy or download it again, or save it anew with another program."
        raise InputError(text, hint=CODECS if "imagecodecs" in reason else hint) from None
    if axes == "YX":
        array = array[..., None]
    elif axes == "SYX":
        array = np.moveaxis(array, 0, 2)
    elif axes != "YXS":
        text = f"'{name}' is a TIFF with the axes {axes}, and a picture has rows, columns and bands."
        raise InputError(text, hint="Save one plane of it as a picture.")
    return _split(turned_upright(array, kind.orientation), alpha=kind.alpha, nodata=kind.nodata)


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
