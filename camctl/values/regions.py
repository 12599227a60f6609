"""Regions of a picture: boxes and masks, and the pixels of a model's input that lie on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from camctl.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from camctl.values.picture import AnyPicture
    from camctl.values.view import View

    Bools: TypeAlias = "NDArray[np.bool_]"
    Box: TypeAlias = tuple[float, float, float, float]
    """Left, top, right and lower edge in pixels of the picture."""
    AnyRegion: TypeAlias = "Box | Bools"
    """A box; or a mask (H, W), of the picture's size."""
    Where: TypeAlias = "AnyPicture | Box"
    """A box, a mask as a picture, or the word `predicted`."""

PREDICTED = "predicted"
"""The pixels that a dense output gives to the class itself."""


def region_words(where: Where | AnyRegion) -> str:
    """Return a region as people read it.

    Examples
    --------
    >>> region_words((0, 1.5, 10, 20)), region_words("masks/road.png")
    ('0,1.5,10,20', 'road.png')
    """
    if isinstance(where, tuple | list):
        return ",".join(f"{side:.6g}" for side in where)
    path = getattr(where, "path", None) or getattr(where, "filename", None) or where
    named = isinstance(path, str) or hasattr(path, "__fspath__")
    return str(path).replace("\\", "/").rpartition("/")[2] if named else "mask"


def is_predicted(where: Where) -> bool:
    """Return whether a region is where the class is predicted."""
    return isinstance(where, str) and where.strip().casefold() == PREDICTED


def region_of(where: Where) -> AnyRegion:
    """Return a region that is not `predicted`, its mask read. Raises `InputError`."""
    if isinstance(where, tuple | list):
        left, top, right, bottom = map(float, where)
        return left, top, right, bottom
    return read_mask(where)


def read_mask(mask: AnyPicture) -> Bools:
    """Return where a picture is not black, (H, W). Raises `InputError`."""
    import numpy as np

    from camctl.values.picture import read_picture

    if isinstance(mask, np.ndarray) and mask.dtype == bool:
        mask = mask.astype(np.uint8)
    picture = read_picture(mask)
    shown: Bools = np.any(picture.pixels, axis=-1)
    if not shown.any():
        message = f"The mask {picture.path} is black: it shows no object."
        raise InputError(message, hint="Paint the object white on black.")
    return shown


def check_region(region: AnyRegion, size: tuple[int, int]) -> None:
    """Raise `InputError` if a box or mask does not fit a picture of this size (height, width)."""
    import numpy as np

    height, width = size
    if isinstance(region, np.ndarray):
        if region.shape != size:
            message = f"The mask is {region.shape[1]} x {region.shape[0]} pixels, the picture {width} x {height}."
            raise InputError(message, hint="Give a mask of the picture's size.")
    elif region[0] >= width or region[1] >= height or region[2] <= 0 or region[3] <= 0:
        message = f"The box {','.join(f'{side:g}' for side in region)} lies outside the picture."
        raise InputError(message, hint=f"The picture is {width} pixels wide and {height} high.")


def seen(region: AnyRegion, view: View) -> Bools:
    """Return the pixels (h, w) of the model's input whose centre lies on the object."""
    import numpy as np

    (height, width), (x0, y0, x1, y1) = view.size, view.box
    x = x0 + (np.arange(width) + 0.5) * ((x1 - x0) / width)
    y = y0 + (np.arange(height) + 0.5) * ((y1 - y0) / height)
    if not isinstance(region, np.ndarray):
        left, top, right, bottom = region
        inside: Bools = ((y >= top) & (y <= bottom))[:, None] & ((x >= left) & (x <= right))[None, :]
        return inside
    mask = np.pad(region, 1)  # padding of the input is not an object
    rows = np.clip(np.floor(y).astype(int) + 1, 0, mask.shape[0] - 1)
    columns = np.clip(np.floor(x).astype(int) + 1, 0, mask.shape[1] - 1)
    marked: Bools = mask[rows[:, None], columns[None, :]]
    return marked


def laid_on(mask: Bools, view: View, canvas: View) -> Bools:
    """Return where the pixels of a canvas, a window of the picture, lie on a mask (h, w) of the model's input."""
    import numpy as np

    (height, width), (x0, y0, x1, y1) = canvas.size, canvas.box
    left, top, right, bottom = view.box
    x = x0 + (np.arange(width) + 0.5) * ((x1 - x0) / width)
    y = y0 + (np.arange(height) + 0.5) * ((y1 - y0) / height)
    columns = np.floor((x - left) / (right - left) * mask.shape[1]).astype(int)
    rows = np.floor((y - top) / (bottom - top) * mask.shape[0]).astype(int)
    across, down = (columns >= 0) & (columns < mask.shape[1]), (rows >= 0) & (rows < mask.shape[0])
    held: Bools = mask[np.clip(rows, 0, mask.shape[0] - 1)[:, None], np.clip(columns, 0, mask.shape[1] - 1)[None, :]]
    inside: Bools = held & down[:, None] & across[None, :]
    return inside


def check_seen(region: Bools, view: View) -> None:
    """Raise `InputError` for a region that no pixel of the model's input lies on."""
    if not region.any():
        edges = ", ".join(f"{edge:.0f}" for edge in view.box)
        message = "The object lies outside the part of the picture that the model is given, or between its pixels."
        raise InputError(message, hint=f"Mark it within {edges} (left, top, right, lower side).")


def into_input(box: Box, view: View) -> Box:
    """Return a box of the picture in pixels of the model's input."""
    (height, width), (x0, y0, x1, y1) = view.size, view.box
    across, down = width / (x1 - x0), height / (y1 - y0)
    return (box[0] - x0) * across, (box[1] - y0) * down, (box[2] - x0) * across, (box[3] - y0) * down


def into_picture(box: Box, view: View) -> Box:
    """Return a box of the model's input in pixels of the picture."""
    (height, width), (x0, y0, x1, y1) = view.size, view.box
    across, down = (x1 - x0) / width, (y1 - y0) / height
    return x0 + box[0] * across, y0 + box[1] * down, x0 + box[2] * across, y0 + box[3] * down
