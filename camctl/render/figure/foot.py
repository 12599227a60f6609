"""What stands under the rows of a figure: the colour bar and the caption."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from camctl.render.colormaps import heatmap
from camctl.render.page.page import Item, Strip, framed
from camctl.render.text.wrapping import paragraph, set_lines, total_height

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from camctl.render.figure.frame import Frame
    from camctl.render.page.page import Draw

DIMMED = "dimmed: not given to the model"


def foot(frame: Frame) -> Strip:
    """The colour bar, and the caption below."""
    style, layout = frame.style, frame.layout
    items: list[Item] = []
    y = 0
    if layout.has_heat:
        bar = _bar(frame)
        items, y = list(bar.items), bar.height + style.pad
    texts = [*layout.caption, DIMMED] if frame.tiles.has_margin() else layout.caption
    caption = [paragraph(text, style.small, frame.inner, style.inks.soft) for text in texts]
    items += set_lines(caption, style.margin, y)
    return Strip(height=y + total_height(caption), items=tuple(items))


def _bar(frame: Frame) -> Strip:
    """0, the colours, 1, and what 1 means: next to the bar, or below if there is little room."""
    style, inks = frame.style, frame.style.inks
    length, pad = style.tile, style.pad
    thickness = max(8, round(0.7 * style.small.size))
    zero, one = (paragraph(text, style.small, length, inks.ink) for text in "01")
    left = style.margin + zero.width + pad
    right = left + length + pad + one.width + 2 * pad
    room = style.margin + frame.inner - right
    fits = room > style.tile
    label = paragraph(frame.layout.scale, style.small, room if fits else frame.inner, inks.soft)
    # The bar is centred on its digits, which reach from the baseline to about three quarters of the letter size.
    top = zero.face.ascent - round(0.36 * zero.face.size) - thickness // 2
    items: list[Item] = [
        *set_lines([zero], style.margin, 0),
        *framed(left, top, (length, thickness), inks.edge, _colours(frame.layout.look.colormap)),
        *set_lines([one], left + length + pad, 0),
        *set_lines([label], right if fits else style.margin, 0 if fits else zero.height),
    ]
    height = max(zero.height, label.height) if fits else zero.height + label.height
    return Strip(height=height, items=tuple(items))


def _colours(colormap: str) -> Draw:
    def draw(width: int, height: int) -> NDArray[np.uint8]:
        return heatmap(np.repeat(np.linspace(0, 1, width, dtype=np.float32)[None], height, 0), colormap)

    return draw
