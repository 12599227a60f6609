"""Where the objects are: boxes and masks of the picture as pixels of the model's input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from camctl.errors import InputError
from camctl.values.picture import read_picture

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from camctl.values.picture import AnyPicture
    from camctl.values.request import Box, ClassName
    from camctl.values.view import View

    Bools = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Regions:
    """Objects by class (index or name; None for all others), in pixels of the picture."""

    boxes: Mapping[ClassName, Box] = field(default_factory=dict)
    """Left, top, right and lower edge."""
    masks: Mapping[ClassName, Bools] = field(default_factory=dict)
    """(H, W), of the picture's size."""

    def __bool__(self) -> bool:
        return bool(self.boxes or self.masks)

    def names(self) -> tuple[ClassName, ...]:
        """Return the classes."""
        return (*self.boxes, *self.masks)

    def check(self, size: tuple[int, int]) -> None:
        """Raise `InputError` if a box or mask does not fit a picture of this size (height, width)."""
        height, width = size
        for box in self.boxes.values():
            if box[0] >= width or box[1] >= height or box[2] <= 0 or box[3] <= 0:
                message = f"The box {','.join(f'{side:g}' for side in box)} lies outside the picture."
                raise InputError(message, hint=f"The picture is {width} pixels wide and {height} high.")
        for mask in self.masks.values():
            if mask.shape != size:
                message = f"The mask is {mask.shape[1]} x {mask.shape[0]} pixels, the picture {width} x {height}."
                raise InputError(message, hint="Give a mask of the picture's size.")

    def seen(self, name: ClassName, view: View) -> Bools:
        """Return the pixels (h, w) of the model's input whose centre lies on the object."""
        import numpy as np

        (height, width), (x0, y0, x1, y1) = view.size, view.box
        x = x0 + (np.arange(width) + 0.5) * ((x1 - x0) / width)
        y = y0 + (np.arange(height) + 0.5) * ((y1 - y0) / height)
        if name in self.boxes:
            left, top, right, bottom = self.boxes[name]
            inside: Bools = ((y >= top) & (y <= bottom))[:, None] & ((x >= left) & (x <= right))[None, :]
            return inside
        mask = np.pad(self.masks[name], 1)  # padding of the input is not an object
        rows = np.clip(np.floor(y).astype(int) + 1, 0, mask.shape[0] - 1)
        columns = np.clip(np.floor(x).astype(int) + 1, 0, mask.shape[1] - 1)
        marked: Bools = mask[rows[:, None], columns[None, :]]
        return marked


def regions_of(
    boxes: Mapping[ClassName, Box] | Box | None = None, masks: Mapping[ClassName, AnyPicture] | AnyPicture | None = None
) -> Regions:
    """Read the boxes and masks of an `Evaluation`.

    Raises `InputError`: a mask cannot be read or shows no object, or a class has a box and a mask.
    """
    boxes = boxes if isinstance(boxes, Mapping) else {None: boxes} if boxes else {}
    masks = masks if isinstance(masks, Mapping) else {} if masks is None else {None: masks}
    regions = Regions(boxes=boxes, masks={name: _mask(mask) for name, mask in masks.items()})
    for name in regions.boxes.keys() & regions.masks.keys():
        of = "every class" if name is None else f"the class '{name}'"
        raise InputError(f"There are a box and a mask for {of}.", hint="Leave out one of them, or name its class.")
    return regions


def _mask(mask: AnyPicture) -> Bools:
    """Return where a picture is not black, (H, W)."""
    import numpy as np

    if isinstance(mask, np.ndarray) and mask.dtype == bool:
        mask = mask.astype(np.uint8)
    picture = read_picture(mask)
    shown: Bools = np.any(picture.pixels, axis=-1)
    if not shown.any():
        message = f"The mask {picture.path} is black: it shows no object."
        raise InputError(message, hint="Paint the object white on black.")
    return shown
