"""Colour maps: from values 0..1 to pixels. Their names cost no import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from camctl.errors import UnknownNameError
from camctl.values.look import DEFAULT_COLORMAP, DIVERGING_COLORMAP

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COLORMAPS = {
    "inferno": "black to pale yellow through red; safe for colour-blind readers",
    "magma": "black to pale pink through purple; safe for colour-blind readers",
    "plasma": "blue to yellow through pink; safe for colour-blind readers",
    "viridis": "violet to yellow through green; safe for colour-blind readers",
    "cividis": "blue to yellow; looks the same to colour-blind readers",
    "turbo": "blue to dark red through green, in smooth steps",
    "jet": "blue to dark red, as in the first papers; its bright bands are not edges of the map",
    "parula": "blue to yellow through green",
    "hot": "black to white through red and yellow",
    "grey": "black to white",
}
"""Name -> what it looks like, from 0 to 1. Cyclic colormaps are left out: their peak looks like their floor."""

DIVERGING_COLORMAPS = {
    DIVERGING_COLORMAP: "blue to red through grey; safe for colour-blind readers",
    "PuOr_r": "purple to orange through white; safe for colour-blind readers",
    "PiYG": "pink to green through white",
}
"""The same of signed maps, from -1 to 1."""

LEVELS = 256


def known_colormap(name: str) -> str:
    """Return the name of a map of ours or of matplotlib's for the user's spelling. Raises `UnknownNameError`."""
    known = {"gray": "grey"}.get(name.casefold(), name.casefold())
    if known in COLORMAPS:
        return known
    import matplotlib as mpl

    others = {other.casefold(): other for other in mpl.colormaps}
    if known not in others:
        raise UnknownNameError("colormap", name, (*COLORMAPS, *others.values()))
    return others[known]


def colours(colormap: str) -> NDArray[np.uint8]:
    """Colours of the values 0, 1/255, ..., 1: (256, 3), uint8 RGB. Raises `UnknownNameError`."""
    import numpy as np

    name = known_colormap(colormap)
    steps = np.arange(LEVELS, dtype=np.uint8)
    if name == "grey":
        return np.repeat(steps[:, None], 3, axis=1)

    if name not in COLORMAPS:
        import matplotlib as mpl

        return mpl.colormaps[name](steps, bytes=True)[:, :3].astype(np.uint8)

    import cv2

    # OpenCV gives blue, green, red.
    blue_first = cv2.applyColorMap(steps[:, None], getattr(cv2, f"COLORMAP_{name.upper()}"))
    return np.ascontiguousarray(blue_first[:, 0, ::-1], dtype=np.uint8)


def fitting(colormap: str, *, signed: bool) -> str:
    """The name of the colour map of a signed map: a diverging one, unless the user chose another than the default."""
    return DIVERGING_COLORMAP if signed and colormap == DEFAULT_COLORMAP else colormap


def levels(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Values 0..1 of any shape as levels 0..255; values beyond the ends are clipped, and NaN is 0."""
    import numpy as np

    finite = np.nan_to_num(np.asarray(values, dtype=np.float32), nan=0.0, posinf=1.0, neginf=0.0)
    return np.round(np.clip(finite, 0, 1) * (LEVELS - 1)).astype(np.uint8)


def ramp(colormap: str, width: int, height: int) -> NDArray[np.uint8]:
    """The colours of 0 to 1 from left to right, (height, width, 3), uint8 RGB."""
    import numpy as np

    return np.repeat(heatmap(np.linspace(0, 1, width, dtype=np.float32)[None], colormap), height, axis=0)


def heatmap(values: NDArray[Any], colormap: str = DEFAULT_COLORMAP) -> NDArray[np.uint8]:
    """The coloured CAM alone: values (h, w) in 0..1 -> (h, w, 3), uint8 RGB."""
    return colours(colormap)[levels(values)]
