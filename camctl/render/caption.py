"""The class and its score in a strip under an overlay, for a picture that travels without its command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camctl.render.figure.style import style_of
from camctl.render.layout.captions import Line, class_text, score_text
from camctl.render.page.page import Bitmap, Page
from camctl.render.page.raster import paint
from camctl.render.text.fonts import look_up
from camctl.render.text.wrapping import set_lines, total_height

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from camctl.values.cam import Cam

NARROWEST = 96
"""Pixels of a picture below which letters no longer shrink with it."""


def captioned(pixels: NDArray[np.uint8], cam: Cam) -> NDArray[np.uint8]:
    """Return an overlay (H, W, 3) with class, score and a bad verdict of its map under it, as wide as before."""
    height, width = pixels.shape[:2]
    words = f"{class_text(cam)} {score_text(cam)}"
    style = style_of(max(min(height, width), NARROWEST))
    look_up([words], style.head)
    lines = [Line(words, "strong"), *([Line(cam.verdict, "warning")] if cam.verdict != "ok" else [])]
    parts = style.set_all(lines, max(1, width - 2 * style.pad))
    picture = Bitmap(x=0, y=0, width=width, height=height, draw=lambda *_: pixels)
    below = set_lines(parts, width / 2, height + style.pad, "centre")
    whole = height + total_height(parts) + 2 * style.pad
    return paint(Page(width=width, height=whole, paper=style.inks.paper, items=(picture, *below)))
