"""What the model was given of a picture, measured by sending pictures of coordinates through its preprocessing.

No pipeline is parsed: any source's preprocessing that resizes, crops and pads, in whatever words, is
understood alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from camctl.results import View

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from torch import Tensor

    Preprocess = Callable[[NDArray[np.uint8]], Tensor]

Floats = "NDArray[np.float64]"

MOST_ERROR = 2.0
"""Largest mean distance, in grey levels of 255 over the picture, that rounding and resampling explain."""


def measure_view(preprocess: Preprocess, shape: tuple[int, int]) -> View:
    """The view of any picture of `shape` (height, width), in pixels.

    Black and white pictures tell how values are scaled and where padding is; two ramps tell which
    column and row of the picture every pixel of the input came from.
    """
    height, width = shape
    black, white = (_run(preprocess, np.full((height, width, 3), level, np.uint8)) for level in (0, 255))
    span = white - black
    inside = np.abs(span) > 0.5 * np.abs(span).max()
    size = (span.shape[0], span.shape[1])
    stretched = View(size=size, box=(0.0, 0.0, float(width), float(height)), exact=False)
    if not inside.any():
        return stretched
    x = np.broadcast_to(_ramp(width)[None, :, None], (height, width, 3))
    y = np.broadcast_to(_ramp(height)[:, None, None], (height, width, 3))
    box = []
    for axis, (ramp, length) in enumerate(((x, width), (y, height))):
        seen = _run(preprocess, np.ascontiguousarray(ramp))
        level = np.where(inside, (seen - black) / np.where(inside, span, 1), 0)
        line = _fit(level, inside, axis=1 - axis)
        if line is None:
            return stretched
        slope, offset = line
        # The ramp holds (column + 0.5) / length; edges of the input lie half a pixel beyond its outer centres.
        start = (offset - 0.5 * slope) * length
        box.append((start, start + slope * length * size[1 - axis]))
    (x0, x1), (y0, y1) = box
    if not (x1 > x0 and y1 > y0):
        return stretched
    return View(size=size, box=(x0, y0, x1, y1))


def _ramp(length: int) -> NDArray[np.uint8]:
    return np.round((np.arange(length) + 0.5) / length * 255).astype(np.uint8)


def _run(preprocess: Preprocess, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The mean over channels, (h, w), float64: every channel carries the same picture."""
    result: NDArray[np.float64] = preprocess(pixels).double().numpy().mean(0)
    return result


def _fit(level: NDArray[np.float64], inside: NDArray[np.bool_], axis: int) -> tuple[float, float] | None:
    """Slope and offset of `level` along `axis` (1: columns, 0: rows) by least squares; None where no line fits."""
    places = np.broadcast_to(
        np.arange(level.shape[axis])[None, :] if axis == 1 else np.arange(level.shape[axis])[:, None], level.shape
    )
    at, values = places[inside].astype(np.float64), level[inside]
    if np.ptp(at) == 0:
        # One column or row only: it shows the whole picture's middle.
        return (1.0, float(values.mean()) - float(at[0])) if level.shape[axis] == 1 else None
    # Clipped resampling bends the ramp at the picture's border: the middle of the values fits best.
    keep = (values > 0.02) & (values < 0.98)  # noqa: PLR2004
    if keep.sum() > 2 and np.ptp(at[keep]) > 0:  # noqa: PLR2004
        at, values = at[keep], values[keep]
    slope, offset = np.polyfit(at, values, 1)
    error = float(np.abs(slope * at + offset - values).mean()) * 255
    return (float(slope), float(offset)) if error <= MOST_ERROR else None
