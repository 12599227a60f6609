"""The directories of a TIFF: what each of its pages holds, read without its pixels."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

BIG = 43
"""The version of TIFF for files of more than 4 GB."""

SUBFILE, WIDTH, HEIGHT, BITS, PHOTOMETRIC, TEXT, ORIENTATION, SAMPLES = 254, 256, 257, 258, 262, 270, 274, 277
EXTRA, FORMAT, NODATA = 338, 339, 42113
"""Tags; the last is GDAL's."""

GREYS, COLOURS = {0, 1}, 2
"""Values of PHOTOMETRIC: white or black is zero; red, green and blue."""

REDUCED, MASK = 1, 4
"""Bits of SUBFILE: a smaller copy of another page, and its mask."""

RGB, BYTE = 3, 8

MOST_PAGES = 4096
"""Number of directories that are read at most."""

NARROW = 16
"""Largest width of a page that is a row of pixels, its columns their bands."""


@dataclass(frozen=True)
class Page:
    """What a directory says of its page."""

    size: tuple[int, int]
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


@dataclass(frozen=True)
class Pages:
    """The pages of a file, without smaller copies and masks of them."""

    first: Page
    count: int
    alike: bool
    """Whether all are one band of the same size and kind, such as the bands of one picture."""
    rows: bool
    """Whether each is a row of one picture: tifffile writes an array (H, W, bands) so if it is told no more."""


def pages_of(file: IO[bytes]) -> Pages | None:
    """Return what the directories of a TIFF say; None if the first cannot be read."""
    pages: list[Page] = []
    text = ""
    try:
        for tags in _directories(file):
            if pages and tags.get(SUBFILE, 0) & (REDUCED | MASK):
                continue
            text = text or str(tags.get(TEXT, ""))
            pages.append(_page(tags))
    except Exception:  # noqa: BLE001, S110 (a damaged directory may raise anything: Pillow says what is wrong)
        pass
    finally:
        file.seek(0)
    if not pages:
        return None
    first, count = pages[0], len(pages)
    one_band = first.bands == 1 and not first.alpha and first.bits >= BYTE and first.photometric in GREYS
    alike = count > 1 and one_band and all(page == first for page in pages)
    narrow = alike and first.size[1] <= NARROW < min(count, first.size[0])
    return Pages(first, count, alike, rows=narrow and text.startswith('{"shape":'))


def _page(tags: Mapping[int, Any]) -> Page:
    alpha = any(value in {1, 2} for value in tags.get(EXTRA, ()))
    return Page(
        size=(int(tags.get(HEIGHT, 0)), int(tags[WIDTH])),
        bits=max(tags.get(BITS, (1,))),
        photometric=int(tags.get(PHOTOMETRIC, 1)),
        bands=int(tags.get(SAMPLES, 1)) - alpha,
        alpha=alpha,
        orientation=int(tags.get(ORIENTATION, 1)),
        whole=all(value == 1 for value in tags.get(FORMAT, (1,))),
        nodata=_number(tags.get(NODATA)),
    )


def _directories(file: IO[bytes]) -> Iterator[Mapping[int, Any]]:
    """Yield the tags of each page. Raises what Pillow raises."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    file.seek(0)
    head = file.read(8)
    if BIG in head[2:4]:
        head += file.read(8)
    tags = ImageFileDirectory_v2(head)
    seen: set[int] = set()
    while tags.next and tags.next not in seen and len(seen) < MOST_PAGES:
        seen.add(tags.next)
        file.seek(tags.next)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tags.load(file)
        yield tags


def _number(text: Any) -> float | None:
    try:
        return float(str(text).strip("\0 ")) if text else None
    except ValueError:
        return None
