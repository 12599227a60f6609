"""Names of colormaps, and the colours that they give to a CAM. The names cost no import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from camctl.errors import UnknownNameError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEVELS = 256

DEFAULT_COLORMAP = "inferno"
"""Brighter means more, for colour-blind readers and in print too, and few photos glow in its colours."""

DEFAULT_OPACITY = 0.65
"""Of the heat at its peak: the object under it can still be made out."""

COLORMAPS = {
    "inferno": "black to pale yellow through red; safe for colour-blind readers",
    "magma": "black to pale pink through purple; safe for colour-blind readers",
    "plasma": "blue to yellow through pink; safe for colour-blind readers",
    "viridis": "violet to yellow through green; safe for colour-blind readers",
    "cividis": "blue to yellow; looks the same to colour-blind readers",
    "turbo": "blue to dark red through green, in smooth steps",
    "jet": "blue to dark red, as in the first papers; its bright bands are no edges of the map",
    "parula": "blue to yellow through green",
    "hot": "black to white through red and yellow",
    "grey": "black to white",
}
"""Name -> what it looks like, from 0 to 1. Cyclic colormaps are left out: their peak looks like their floor."""


def colormap_names() -> tuple[str, ...]:
    """Names that `--colormap` takes, the default first."""
    return tuple(COLORMAPS)


def colours(colormap: str) -> NDArray[np.uint8]:
    """Colours of the values 0, 1/255, ..., 1: (256, 3), uint8 RGB.

    Raises `UnknownNameError` for a colormap that does not exist.
    """
    import numpy as np

    name = colormap.casefold()
    if name == "gray":
        name = "grey"
    if name not in COLORMAPS:
        raise UnknownNameError("colormap", colormap, COLORMAPS)
    ramp = np.arange(LEVELS, dtype=np.uint8)
    if name == "grey":
        return np.repeat(ramp[:, None], 3, axis=1)

    import cv2

    # OpenCV gives blue, green, red.
    blue_first = cv2.applyColorMap(ramp[:, None], getattr(cv2, f"COLORMAP_{name.upper()}"))
    return np.ascontiguousarray(blue_first[:, 0, ::-1], dtype=np.uint8)


def levels(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Values 0..1 of any shape as levels 0..255; beyond the ends they are cut, and what is not finite is 0."""
    import numpy as np

    finite = np.nan_to_num(np.asarray(values, dtype=np.float32), nan=0.0, posinf=1.0, neginf=0.0)
    return np.round(np.clip(finite, 0, 1) * (LEVELS - 1)).astype(np.uint8)


def heatmap(values: NDArray[Any], colormap: str = DEFAULT_COLORMAP) -> NDArray[np.uint8]:
    """The coloured CAM alone: values (h, w) in 0..1 -> (h, w, 3), uint8 RGB."""
    return colours(colormap)[levels(values)]
