"""Convert pixels of every kind to (H, W, 3), uint8 RGB, upright.

- The EXIF orientation is applied. Colour profiles are ignored, as in the preprocessing of classifiers.
- Transparency is shown on white, as in browsers.
- Numbers of more than 8 bits have no white of their own: white is the largest number of 8, 10, 12, 14 or 16 bits, the
  fewest that hold the picture, and for floats 1 if none is above. Anything else is stretched from its smallest to its
  largest number. The user's range goes before. Numbers that are not finite are black.
- Of many bands three are shown, the first ones or those that the user names.
- The first picture of an animation, or of a file of several pages, is used; pages of one band each are bands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from camctl.errors import Hint, InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from camctl.values.bands import Levels
    from camctl.values.reading import Reading

AT_ONCE = 1 << 22
"""Number of pixels converted at a time: a huge picture is in memory twice (Pillow's and ours), never more often."""

BYTES, WORDS = 255, 65535
RGB = 3

DEPTHS = (8, 10, 12, 14, 16)
"""Bits of cameras, scanners and satellites."""

MOST_BANDS = 64
"""Largest number of bands that an array in memory may have without being told."""

EXPECTED = "Give (height, width, 3) in RGB order, or (height, width) grey, of uint8."


def upright_rgb(image: Image.Image, orientation: int) -> NDArray[np.uint8]:
    """Return the pixels (H, W, 3), uint8 RGB, of a PIL image with an EXIF orientation (1..8).

    Raises whatever Pillow raises if the file is damaged.
    """
    image.load()
    width, height = image.size
    turned = orientation in {5, 6, 7, 8}
    upright = np.empty((width, height, RGB) if turned else (height, width, RGB), np.uint8)
    # The same memory in the order of the file's rows and columns: what is written there is upright.
    stored = np.swapaxes(upright, 0, 1) if turned else upright
    if orientation in {3, 4, 6, 7}:
        stored = stored[::-1]
    if orientation in {2, 3, 7, 8}:
        stored = stored[:, ::-1]
    rows = max(1, AT_ONCE // width)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        band = image.crop((0, top, width, bottom)) if rows < height else image
        stored[top:bottom] = np.asarray(_rgb(band))
    return upright


def holds_bands(array: NDArray[Any], reading: Reading) -> bool:
    """Return whether an array is (H, W, bands) or (H, W) of a picture's own numbers, rather than RGB or grey pixels."""
    if not array.size or array.dtype.kind not in "iufb" or array.ndim not in {2, RGB}:
        return False
    asked = bool(reading.bands or reading.range)
    return asked or (array.ndim == RGB and RGB + 1 < array.shape[2] <= min(MOST_BANDS, *array.shape[:2]))


def array_rgb(array: NDArray[Any]) -> NDArray[np.uint8]:
    """Return a copy of `array` as (H, W, 3), uint8 RGB. Raises `InputError` for an ambiguous type or shape."""
    if array.dtype != np.uint8:
        hint = "Scale it to 0..255 and convert it with `.astype(np.uint8)`."
        raise InputError(f"An array of {array.dtype} is not a picture: uint8 is needed.", hint=hint)
    shape = " x ".join(str(length) for length in array.shape) or "no"
    if not array.size:
        raise InputError(f"An array of {shape} values holds no pixels.", hint=EXPECTED)
    if array.ndim == 2:  # noqa: PLR2004 (grey)
        return np.repeat(array[:, :, None], RGB, axis=2)
    if array.ndim != RGB or array.shape[2] != RGB:
        hint = EXPECTED
        if array.ndim == RGB and array.shape[0] == RGB:
            hint = "Its channels come first: put them last with `.transpose(1, 2, 0)`."
        elif array.ndim == RGB and array.shape[2] == 4:  # noqa: PLR2004 (RGBA)
            hint = "Leave out its fourth channel with `[..., :3]`."
        elif array.ndim == 4 and array.shape[0] == 1:  # noqa: PLR2004 (a batch)
            hint = "Take the picture out of its batch with `[0]`."
        raise InputError(f"An array of {shape} values is not a picture.", hint=hint)
    return np.array(array, order="C")


def _rgb(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    layer = image if image.mode == "RGBA" else image.convert("RGBA")
    paper = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(paper, layer).convert("RGB")


def is_deep(image: Image.Image) -> bool:
    """Return whether a PIL image is grey of more than 8 bits."""
    return image.mode.startswith("I;16") or image.mode in {"I", "F"}


@dataclass(frozen=True, eq=False)
class Shown:
    """A picture's numbers as they are shown: `pixels` (H, W, 3), uint8 RGB, and a line on every choice made."""

    pixels: NDArray[np.uint8]
    notes: tuple[str, ...]


def shown(levels: Levels, reading: Reading, name: str) -> Shown:
    """Return how numbers (H, W, bands) are shown. Raises `InputError` for bands that the picture does not have."""
    count = levels.numbers.shape[2]
    bands = reading.bands or tuple(range(1, count + 1))
    if max(bands) > count:
        text = f"'{name}' has {count} band{'' if count == 1 else 's'}, and band {max(bands)} is asked for."
        raise InputError(text, hint=Hint("Name other bands", bands=",".join(map(str, range(1, min(count, RGB) + 1)))))
    apart = levels.pages and count != RGB and not reading.bands
    visible = bands[:RGB] if len(bands) >= RGB and not apart else bands[:1]
    black, white, note = _range(levels, reading, name)
    pixels = np.empty((*levels.numbers.shape[:2], RGB), np.uint8)
    for channel in range(RGB):
        band = levels.numbers[..., visible[channel % len(visible)] - 1]
        pixels[..., channel] = _to_bytes(band, black, white)
    if levels.alpha is not None:
        opaque = levels.alpha[..., None]
        pixels = np.round(pixels * opaque + BYTES * (1 - opaque)).astype(np.uint8)
    told = "" if reading.bands else _bands_note(name, count, pages=levels.pages)
    return Shown(pixels, tuple(line for line in (told, note) if line))


def _bands_note(name: str, count: int, *, pages: bool) -> str:
    """Return a line on which bands are shown; empty if nobody chose."""
    if pages and count == RGB:
        text = f"'{name}' has {count} pages of one band, read as red, green and blue. To read the first alone"
        return Hint(text, bands="1")
    if pages:
        text = f"'{name}' has {count} pages of one band: the first is shown, and a model of {count} bands sees all"
        return Hint(f"{text}. To show others", bands="2")
    if count in {1, RGB}:
        return ""
    colours = "1, 2 and 3 are shown as red, green and blue" if count > RGB else "the first is shown, as grey"
    return Hint(f"'{name}' has {count} bands: {colours}. To show others", bands="3,2,1" if count > RGB else "2")


def _range(levels: Levels, reading: Reading, name: str) -> tuple[float, float, str]:
    """Return the numbers that are black and white, and a note if that is a guess or changes numbers."""
    numbers = levels.numbers
    if reading.range is not None:
        return (*reading.range, _clipped(levels, reading.range, name))
    if numbers.dtype.kind == "b":
        return 0, 1, ""
    if numbers.dtype == np.uint8:
        return 0, BYTES, ""
    black, white = usual_range(numbers, levels.nodata)
    floats = numbers.dtype.kind == "f"
    if (black, white) == (0, 1 if floats else WORDS):
        return black, white, ""
    kind = "floats" if floats else f"{numbers.dtype.itemsize * 8} bits"
    count, own = numbers.shape[2], ""
    if count not in {1, RGB}:
        own = f" (a model of {count} bands with a mean above 1 or a preprocess gets them as they are)"
    text = f"'{name}' holds numbers of {kind} without a white of their own{own}: for you and the model, "
    text += f"black is {black:g}, white {white:g}. To set them"
    return black, white, Hint(text, range=f"0:{1 if floats else WORDS}")


def _clipped(levels: Levels, limits: tuple[float, float], name: str) -> str:
    """Return a line on the numbers that lie outside of the user's range; empty if none does."""
    black, white = limits
    sound = _sound(levels.numbers, levels.nodata)
    outside = np.count_nonzero(sound < black) + np.count_nonzero(sound > white)
    if not outside:
        return ""
    share = f"{max(outside / sound.size, 0.001):.1%}"
    return f"{share} of the numbers of '{name}' lie outside {black:g} to {white:g} and are clipped, for the model too."


def usual_range(numbers: NDArray[Any], nodata: float | None = None) -> tuple[float, float]:
    """Return the numbers that stand for black and white in a picture of such numbers."""
    sound = _sound(numbers, nodata)
    low, high = (float(sound.min()), float(sound.max())) if sound.size else (0.0, 0.0)
    tops = [1] if numbers.dtype.kind == "f" else []
    tops += [2**bits - 1 for bits in DEPTHS]
    top = next((top for top in tops if high <= top), None)
    return (low, high) if low < 0 or top is None else (0, top)


def _sound(numbers: NDArray[Any], nodata: float | None) -> NDArray[Any]:
    """Return the numbers that say something."""
    sound = numbers[np.isfinite(numbers)] if numbers.dtype.kind == "f" else numbers
    return sound if nodata is None else sound[sound != nodata]


def _to_bytes(levels: NDArray[Any], black: float, white: float) -> NDArray[np.uint8]:
    scaled = np.empty(levels.shape, np.uint8)
    span = (white - black) or 1
    rows = max(1, AT_ONCE // levels.shape[1])
    for top in range(0, len(levels), rows):
        band = np.nan_to_num(levels[top : top + rows].astype(np.float64), nan=black, posinf=black, neginf=black)
        scaled[top : top + rows] = np.round((band - black) * (BYTES / span)).clip(0, BYTES)
    return scaled
