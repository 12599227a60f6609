"""Lines along which a map has one value, as on a map of mountains."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from camctl.render.marks import DARK, LIGHT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FINEST = 120
"""Pixels of a picture's shorter side for each pixel of the line's width."""

FLAT = 1e-6
"""Change of a map from pixel to pixel below which no line runs through it."""


def draw_contours(picture: NDArray[np.uint8], heat: NDArray[np.float32], levels: Sequence[float], side: int) -> None:
    """Draw the lines of these values of a map (h, w) on a picture (h, w, 3), in place.

    A light line has a dark border on both sides, so that it is seen on any picture. Its width fits the whole
    picture, whose shorter side has `side` pixels; `picture` may be a part of it.
    """
    line = max(1.0, side / FINEST)
    if min(heat.shape) < 2:  # noqa: PLR2004 (no line runs through one row of pixels)
        return
    down, across = np.gradient(heat)
    steepness = np.hypot(down, across)
    for level in levels:
        # The distance to the line in pixels, near it.
        distance = np.where(steepness > FLAT, np.abs(heat - level) / np.maximum(steepness, FLAT), np.inf)
        for colour, reach in ((DARK, line), (LIGHT, line / 2)):
            cover = np.clip(reach + 0.5 - distance, 0, 1)
            near = cover > 0
            there = picture[near].astype(np.float32)
            picture[near] = np.round(there + (np.array(colour) - there) * cover[near][:, None])
