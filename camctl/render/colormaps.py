"""Colour maps: from values 0..1 to pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from camctl.values.look import DEFAULT_COLORMAP, known_colormap

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVELS = 256


def colours(colormap: str) -> NDArray[np.uint8]:
    """Colours of the values 0, 1/255, ..., 1: (256, 3), uint8 RGB. Raises `UnknownNameError`."""
    name = known_colormap(colormap)
    steps = np.arange(LEVELS, dtype=np.uint8)
    if name == "grey":
        return np.repeat(steps[:, None], 3, axis=1)

    import cv2

    # OpenCV gives blue, green, red.
    blue_first = cv2.applyColorMap(steps[:, None], getattr(cv2, f"COLORMAP_{name.upper()}"))
    return np.ascontiguousarray(blue_first[:, 0, ::-1], dtype=np.uint8)


def levels(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Values 0..1 of any shape as levels 0..255; values beyond the ends are clipped, and NaN is 0."""
    finite = np.nan_to_num(np.asarray(values, dtype=np.float32), nan=0.0, posinf=1.0, neginf=0.0)
    return np.round(np.clip(finite, 0, 1) * (LEVELS - 1)).astype(np.uint8)


def ramp(colormap: str, width: int, height: int) -> NDArray[np.uint8]:
    """The colours of 0 to 1 from left to right, (height, width, 3), uint8 RGB."""
    return np.repeat(heatmap(np.linspace(0, 1, width, dtype=np.float32)[None], colormap), height, axis=0)


def heatmap(values: NDArray[Any], colormap: str = DEFAULT_COLORMAP) -> NDArray[np.uint8]:
    """The coloured CAM alone: values (h, w) in 0..1 -> (h, w, 3), uint8 RGB."""
    return colours(colormap)[levels(values)]
