"""From a map to what other tools draw: a box around its largest part, or a map of the whole picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

THRESHOLD = 0.2
"""Share of a map's maximum from which on a pixel lies in its box; as in the metric `iou`."""

_SIDE = 256
"""Pixels of the longer side at which a box is looked for."""


def box_of_map(
    cam: NDArray[np.float32], view: Sequence[float], threshold: float = THRESHOLD
) -> tuple[float, float, float, float] | None:
    """Return the smallest box around the largest connected part of a map above a threshold; None for a blank map.

    Parameters
    ----------
    cam
        (height, width), at any resolution; negative values count as zero.
    view
        The part of the picture that the map covers: left, top, right, bottom, in pixels.
    threshold
        Share of the map's maximum.

    Returns
    -------
    tuple
        Left, top, right, bottom, in the picture's pixels.
    """
    import cv2
    import numpy as np

    if not np.isfinite(cam).all() or cam.max() <= 0:
        return None
    x0, y0, x1, y1 = view
    width, height = _pixels(x1 - x0, y1 - y0, _SIDE)
    large = cv2.resize(cam.clip(0), (width, height), interpolation=cv2.INTER_LINEAR)
    mask = (large >= threshold * large.max()).astype(np.uint8)
    _, _, parts, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    left, top, wide, high, _ = max(parts[1:], key=lambda part: int(part[cv2.CC_STAT_AREA]))
    across, down = (x1 - x0) / width, (y1 - y0) / height
    return (
        float(x0 + left * across),
        float(y0 + top * down),
        float(x0 + (left + wide) * across),
        float(y0 + (top + high) * down),
    )


def whole_map(cam: NDArray[np.float32], view: Sequence[float], size: tuple[int, int]) -> NDArray[np.float32]:
    """Return a map of the whole picture, of width and height `size`: zero where the model did not see it.

    A map that covers the picture is returned as it is.
    """
    import cv2
    import numpy as np

    width, height = size
    x0, y0, x1, y1 = view
    if max(abs(x0), abs(y0), abs(width - x1), abs(height - y1)) < 1:
        return cam
    wide, high = _pixels(width, height, _SIDE)
    across, down = wide / width, high / height
    left, top = round(x0 * across), round(y0 * down)
    right, bottom = max(left + 1, round(x1 * across)), max(top + 1, round(y1 * down))
    seen = cv2.resize(cam, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)
    whole = np.zeros((high, wide), np.float32)
    inside = seen[max(0, -top) : high - top, max(0, -left) : wide - left]  # a view may reach beyond the picture
    whole[max(0, top) : max(0, top) + inside.shape[0], max(0, left) : max(0, left) + inside.shape[1]] = inside
    return whole


def _pixels(width: float, height: float, side: int) -> tuple[int, int]:
    scale = side / max(width, height, 1)
    return max(1, round(width * scale)), max(1, round(height * scale))
