"""What stands under the rows of a figure: what all maps share, and what their colours mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from camctl.render.colormaps import heatmap
from camctl.render.page.page import Item, Rectangle, Shown, Strip
from camctl.render.text.wrapping import block, height_of, set_lines

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from camctl.render.figure.heads import Frame
    from camctl.render.page.page import Draw

BAR = 1.0
"""Length of the colour bar, in tiles."""

DIMMED = "dimmed: not given to the model"


def foot(frame: Frame) -> Strip:
    """The colour bar, and under it the caption."""
    sizes = frame.sizes
    items: list[Item] = []
    y = 0
    if any(not cam.blank for cam in frame.comparison.maps):
        bar = _bar(frame)
        items, y = list(bar.items), bar.height + sizes.pad
    for text in _texts(frame):
        lines = block(text, sizes.small, frame.inner)
        items += set_lines(lines, sizes.margin, y, frame.inks.soft)
        y += lines.height
    return Strip(height=y, items=tuple(items))


def _texts(frame: Frame) -> list[str]:
    texts = frame.told.caption()
    return [*texts, DIMMED] if frame.tiles.has_margin() else texts


def _bar(frame: Frame) -> Strip:
    """0, the colours, 1, and what they are shares of."""
    sizes, inks = frame.sizes, frame.inks
    length = round(BAR * sizes.tile)
    thick = max(8, round(0.7 * sizes.small.size))
    zero, one = block("0", sizes.small, length), block("1", sizes.small, length)
    x = sizes.margin + zero.width + sizes.pad
    room = frame.inner - (x - sizes.margin) - length - sizes.pad - one.width - 2 * sizes.pad
    label = block(frame.told.scale_label(), sizes.small, max(room, 1))
    beside = room > sizes.tile
    if not beside:
        label = block(frame.told.scale_label(), sizes.small, frame.inner)
    # The bar is centred on the height of its figures, which reach from the baseline to about three quarters of a size.
    middle = zero.face.ascent - round(0.36 * zero.face.size)
    top = middle - thick // 2
    items: list[Item] = [
        *set_lines(zero, sizes.margin, 0, inks.ink),
        Rectangle(x=x - 1, y=top - 1, width=length + 2, height=thick + 2, edge=inks.edge),
        Shown(x=x, y=top, width=length, height=thick, draw=_colours(frame.look.colormap)),
        *set_lines(one, x + length + sizes.pad, 0, inks.ink),
    ]
    if beside:
        left = x + length + sizes.pad + one.width + 2 * sizes.pad
        items += set_lines(label, left, 0, inks.soft)
        return Strip(height=max(zero.height, label.height), items=tuple(items))
    items += set_lines(label, sizes.margin, zero.height, inks.soft)
    return Strip(height=height_of((zero, label)), items=tuple(items))


def _colours(colormap: str) -> Draw:
    def draw(width: int, height: int) -> NDArray[np.uint8]:
        return heatmap(np.repeat(np.linspace(0, 1, width, dtype=np.float32)[None], height, 0), colormap)

    return draw
