"""Read pictures of every kind as (H, W, 3) pixels, uint8 RGB, upright.

This file finds and opens them and reports errors; `camctl.values.pixels` converts modes, bits and orientations.
"""

from __future__ import annotations

import logging
import threading
import warnings
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from camctl.errors import CamctlError, Hint, InputError
from camctl.values.picture_file import formats, frames_of, head_of, opened, reason, silent_decoder, what_it_is
from camctl.values.reading import AS_FOUND, Reading
from camctl.values.texts import valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from camctl.values.bands import Levels

    AnyPicture: TypeAlias = "Picture | str | Path | Image.Image | NDArray[np.uint8]"
    """Whatever a picture can be read from."""

MOST_PIXELS = 512_000_000
"""Maximum number of pixels: a limit on memory (three bytes per pixel here, and as many to decode)."""

# Pillow logs what it finds odd in a file; without any handler Python prints it.
logging.getLogger("PIL").addHandler(logging.NullHandler())

_header_lock = threading.Lock()


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture and its origin.

    `pixels` is (H, W, 3), uint8 RGB, upright. `path` is as the user wrote it (bytes that are no text as U+FFFD), or
    `<image>` or `<array>` for a picture in memory. `sha256` is the file's, in hexadecimal, or the pixels' if no file
    was read. `numbers` (H, W, bands) are the picture's own if they are more than the pixels show, and `notes` say how
    they are shown.
    """

    path: str
    pixels: NDArray[np.uint8] = field(repr=False)
    sha256: str = ""
    numbers: NDArray[Any] | None = field(default=None, repr=False)
    reading: Reading = AS_FOUND
    notes: tuple[str, ...] = ()

    @classmethod
    def blank(cls, path: str, size: tuple[int, int]) -> Picture:
        """Return a black picture of a height and width that takes no memory: for what needs its size alone."""
        import numpy as np

        return cls(path, np.broadcast_to(np.zeros(3, np.uint8), (*size, 3)))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return int(self.pixels.shape[0]), int(self.pixels.shape[1])

    def bands(self, count: int) -> NDArray[Any]:
        """Return the numbers (H, W, count) for a model of so many bands: within 0..1 if the user gives their range.

        Raises `InputError`: the picture has other bands.
        """
        import numpy as np

        numbers = self.pixels if self.numbers is None else self.numbers
        asked, found = self.reading.bands, numbers.shape[2]
        if len(asked) == count:
            numbers = numbers[..., [band - 1 for band in asked]]
        elif found != count:
            text = f"The model takes pictures of {count} bands, and '{self.path}' has {found}."
            hint = f"Give a TIFF of {count} bands: of one page, or of pages of one size."
            if found > count:
                first = ",".join(str(band + 1) for band in range(count))
                hint = Hint("Name the bands that the model takes, in its order", bands=first)
            raise InputError(text, hint=hint)
        if self.reading.range is None:
            return np.ascontiguousarray(numbers)
        black, white = self.reading.range
        return ((numbers.astype(np.float32) - black) / (white - black)).clip(0, 1)

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
        return replace(self, pixels=np.asarray(small), numbers=None)


def read_picture(image: Picture | str | Path | Image.Image | NDArray[Any], reading: Reading = AS_FOUND) -> Picture:
    """Read a picture from a path, a PIL image, or an array: (H, W, 3) RGB or (H, W) grey, uint8.

    An array of many bands, or of other numbers with a `reading`, is (H, W, bands).

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
        return replace(_read_file(str(image), reading), path=valid(str(image)))

    import numpy as np
    from PIL import Image

    if isinstance(image, Image.Image):
        name = str(getattr(image, "filename", "")) or "<image>"
        return _in_memory(_decode(image, name, reading))
    if isinstance(image, np.ndarray):
        from camctl.values.bands import Levels
        from camctl.values.pixels import array_rgb, holds_bands

        if holds_bands(image, reading):
            levels = Levels(np.array(image if image.ndim == 3 else image[..., None]))  # noqa: PLR2004
            return _in_memory(_shown("<array>", levels, reading))
        return _in_memory(Picture("<array>", array_rgb(image)))
    raise InputError(
        f"A picture cannot be made of a {type(image).__name__}.",
        hint="Give a path, a PIL image, or a NumPy array (height, width, 3) of uint8 in RGB order.",
    )


def _in_memory(picture: Picture) -> Picture:
    import hashlib

    import numpy as np

    numbers = picture.pixels if picture.numbers is None else np.ascontiguousarray(picture.numbers)
    return replace(picture, sha256=hashlib.sha256(numbers.data).hexdigest())


def read_content(content: bytes, name: str, reading: Reading = AS_FOUND) -> Picture:
    """Read a picture from the content of its file; `name` is what it is called. Raises as `read_picture` does."""
    from io import BytesIO

    return _read_open(BytesIO(content), name, reading)


def _read_file(name: str, reading: Reading) -> Picture:
    """Return the picture in a file, with the SHA-256 of the file."""
    if not name:
        raise InputError("No picture was named.", hint="Give the path of a picture file.")
    if "://" in name:
        raise InputError(f"'{name}' is an address, not a file.", hint="Download the picture and give its path.")
    with opened(name) as file:
        return _read_open(file, name, reading)


def _read_open(file: IO[bytes], name: str, reading: Reading) -> Picture:
    """Return the picture in an open file, with the SHA-256 of the file."""
    import hashlib

    from PIL import Image, UnidentifiedImageError

    from camctl.values.bands import read_levels
    from camctl.values.tiff import TIFF, pages_of

    header: Image.Image | None = None
    try:
        with _header_lock, _quiet_and_unlimited():
            header = Image.open(file, formats=formats())
    except UnidentifiedImageError:
        pass
    except MemoryError:
        raise _too_big(name) from None
    except Exception as error:  # noqa: BLE001 (decoders raise anything on damaged files)
        raise _damaged(name, error) from None
    with header or nullcontext() as image:
        if image is not None:
            _check_size(*image.size, name)
        pages = pages_of(file) if head_of(file).startswith(TIFF) else None
        levels = read_levels(file, name, _orientation(image) if image is not None else None, pages)
        if levels is not None:
            picture = _shown(name, levels, reading)
        elif image is not None:
            picture = _decode(image, name, reading)
        else:
            raise _not_a_picture(name, file)
        count = pages.count if pages else frames_of(image)
        if count > 1 and not (pages and pages.alike and levels):
            what = "pages" if pages else "frames"
            picture = replace(picture, notes=(*picture.notes, f"'{name}' has {count} {what}: the first is read."))
        file.seek(0)
        return replace(picture, sha256=hashlib.file_digest(file, "sha256").hexdigest())  # type: ignore[arg-type]  # it is open


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
    head = head_of(file)
    if head.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"II*\0", b"MM\0*")):
        return _damaged(name, EOFError("little more than its beginning is there"))
    return InputError(f"'{name}' is not a picture.", hint=what_it_is(head))


def _damaged(name: str, error: Exception) -> InputError:
    return InputError(f"'{name}' is damaged or cut short: {reason(error)}.", hint="Copy or download the picture again.")


def _too_big(name: str) -> CamctlError:
    return CamctlError(f"'{name}' does not fit into memory.", hint="Scale the picture down first.")


def _check_size(width: int, height: int, name: str) -> None:
    if width * height > MOST_PIXELS:
        raise InputError(
            f"'{name}' is {width} x {height}, more than {MOST_PIXELS // 1_000_000} million pixels.",
            hint="Scale the picture down first.",
        )
    if not width * height:
        raise InputError(f"'{name}' has no pixels ({width} x {height}).", hint="Give another picture.")


def _decode(image: Image.Image, name: str, reading: Reading) -> Picture:
    """Return the upright picture of a PIL image."""
    import numpy as np

    from camctl.values.bands import Levels, turned_upright
    from camctl.values.pixels import is_deep, upright_rgb

    _check_size(*image.size, name)
    try:
        orientation = _orientation(image)
        if is_deep(image):
            levels = Levels(turned_upright(np.asarray(image)[..., None], orientation))
        else:
            with silent_decoder() if image.format == "TIFF" else nullcontext():
                pixels = upright_rgb(image, orientation)
            if reading == AS_FOUND:
                return Picture(name, pixels)
            levels = Levels(pixels)
    except MemoryError:
        raise _too_big(name) from None
    except Exception as error:  # noqa: BLE001 (decoders raise anything on damaged files)
        raise _damaged(name, error) from None
    return _shown(name, levels, reading)


def _shown(name: str, levels: Levels, reading: Reading) -> Picture:
    """Return a picture of numbers (H, W, bands)."""
    from camctl.values.pixels import shown

    try:
        view = shown(levels, reading, name)
    except MemoryError:
        raise _too_big(name) from None
    return Picture(name, view.pixels, numbers=levels.numbers, reading=reading, notes=view.notes)


def _orientation(image: Image.Image) -> int:
    """Return the orientation (1..8) from EXIF; 1 if it has none that can be read."""
    from PIL import ExifTags

    with _header_lock, _quiet_and_unlimited():
        try:
            return int(image.getexif().get(ExifTags.Base.Orientation, 1))
        except Exception:  # noqa: BLE001 (the block of EXIF may be broken where the picture is sound)
            return 1
