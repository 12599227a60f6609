"""Outlines on a picture: the box or region that a question is about, and what is cut out of a map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

from camctl.values.regions import laid_on, seen
from camctl.values.view import View

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from camctl.values.cam import Cam
    from camctl.values.regions import AnyRegion, Bools, Box
    from camctl.values.segments import Cut

LIGHT, DARK = (255, 255, 255), (20, 20, 20)
"""Colours of the line and of its border: one of them is seen on any picture."""

SMALL, MIDDLE = 64, 160
"""Shorter side in pixels below which there is room for one line, and the level under it from which it is dark."""

FINEST = 120
"""Pixels of a picture's shorter side for each pixel of the line's width."""


def marks_of(cam: Cam, cut: Cut | None) -> list[AnyRegion]:
    """Return what is outlined on a map: what its question is about, and the parts that are cut out of it."""
    marks = [] if cam.target.mark is None else [cam.target.mark]
    return marks + ([segment.mark(cut) for segment in cam.segments(cut)] if cut else [])


def draw_mark(picture: NDArray[np.uint8], mark: AnyRegion, window: Box, view: View) -> None:
    """Draw the outline of a region on a picture (H, W, 3), in place.

    `window` is the part of the whole picture that is drawn, in its pixels. A mark is a box in pixels of the whole
    picture, or a mask (h, w) of the model's input, whose place `view` knows.
    """
    height, width = picture.shape[:2]
    canvas = View(size=(height, width), box=window)
    inside = laid_on(mark, view, canvas) if isinstance(mark, np.ndarray) else seen(mark, canvas)
    line = max(1, int(min(height, width) / FINEST + 0.5))
    inner = _shrunk(inside, line)
    edge = inside & ~inner
    if min(height, width) < SMALL:  # there is room for one line, which differs from what lies under it
        picture[edge] = DARK if edge.any() and picture[edge].mean() > MIDDLE else LIGHT
        return
    picture[edge] = LIGHT
    picture[inner & ~_shrunk(inner, max(1, line // 2))] = DARK


def _shrunk(mask: Bools, by: int) -> Bools:
    """Return a mask without the pixels within a distance of its outside; all beyond the picture is outside."""
    padded = Image.fromarray(np.pad(mask, by).astype(np.uint8) * 255)
    small = np.asarray(padded.filter(ImageFilter.MinFilter(2 * by + 1))) > 0
    inner: Bools = small[by:-by, by:-by]
    return inner
