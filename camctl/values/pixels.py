"""Convert pixels of every kind to (H, W, 3), uint8 RGB, upright.

- The EXIF orientation is applied. Colour profiles are ignored, as in the preprocessing of classifiers.
- Transparency is shown on white, as in browsers.
- Grey of 16 bits keeps its whole range (65535 is white). Grey of 32 bits or of floats has no white of its own: the
  largest value decides whether black to white is 0..1 (floats only), 0..255 or 0..65535; anything else is stretched
  from its smallest to its largest value. Values that are not finite are black.
- The first picture of an animation, or of a file of several pages, is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from camctl.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

AT_ONCE = 1 << 22
"""Number of pixels converted at a time: a huge picture is in memory twice (Pillow's and ours), never more often."""

BYTES, WORDS = 255, 65535
RGB = 3

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
    grey = _deep_grey(image)
    if grey is not None:
        stored[:] = grey[:, :, None]
        return upright
    rows = max(1, AT_ONCE // width)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        band = image.crop((0, top, width, bottom)) if rows < height else image
        stored[top:bottom] = np.asarray(_rgb(band))
    return upright


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


def _deep_grey(image: Image.Image) -> NDArray[np.uint8] | None:
    """Return grey of more than 8 bits scaled to 0..255, (H, W); None for all other kinds."""
    if image.mode.startswith("I;16"):
        # By its type, not by its content: two pictures of one camera stay comparable.
        return _to_bytes(np.asarray(image), 0, WORDS)
    if image.mode not in {"I", "F"}:
        return None
    levels = np.nan_to_num(np.asarray(image), nan=0, posinf=0, neginf=0)
    low, high = float(levels.min()), float(levels.max())
    if low < 0 or high > WORDS:
        return _to_bytes(levels, low, high)
    if image.mode == "F" and high <= 1:
        return _to_bytes(levels, 0, 1)
    return _to_bytes(levels, 0, BYTES if high <= BYTES else WORDS)


def _to_bytes(levels: NDArray[Any], black: float, white: float) -> NDArray[np.uint8]:
    scaled = np.empty(levels.shape, np.uint8)
    span = (white - black) or 1
    rows = max(1, AT_ONCE // levels.shape[1])
    for top in range(0, len(levels), rows):
        band = levels[top : top + rows].astype(np.float64)
        scaled[top : top + rows] = np.round((band - black) * (BYTES / span))
    return scaled
