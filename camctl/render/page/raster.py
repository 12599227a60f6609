"""A page painted in pixels, by Pillow."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw

from camctl.render.page.page import Bitmap, Rectangle, Words
from camctl.render.text.fonts import opened, runs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from camctl.render.page.page import Page

DASH = 5
"""Length of a dash, and of the gap after it, in pixels."""


def paint(page: Page) -> NDArray[np.uint8]:
    """The pixels of a page, (H, W, 3), uint8 RGB."""
    canvas = Image.new("RGB", (page.width, page.height), page.paper)
    pen = ImageDraw.Draw(canvas)
    for item in page.items:
        if isinstance(item, Words):
            _write(pen, item)
        elif isinstance(item, Rectangle):
            _rectangle(pen, item)
        elif isinstance(item, Bitmap):
            canvas.paste(Image.fromarray(item.draw(item.width, item.height)), (item.x, item.y))
    return np.asarray(canvas)


def _write(pen: ImageDraw.ImageDraw, words: Words) -> None:
    x = words.x
    for run, file in runs(words.text, bold=words.face.bold):
        font: Any = opened(file, words.face.size)
        pen.text((x, words.y), run, fill=words.ink, font=font, anchor="ls")
        x += font.getlength(run)


def _rectangle(pen: ImageDraw.ImageDraw, rectangle: Rectangle) -> None:
    left, top = rectangle.x, rectangle.y
    right, bottom = left + rectangle.width - 1, top + rectangle.height - 1
    if rectangle.fill:
        pen.rectangle((left, top, right, bottom), fill=rectangle.fill)
    if rectangle.edge and not rectangle.dashed:
        pen.rectangle((left, top, right, bottom), outline=rectangle.edge)
    elif rectangle.edge:
        for x, y in product(range(left, right, 2 * DASH), (top, bottom)):
            pen.line((x, y, min(x + DASH - 1, right), y), fill=rectangle.edge)
        for x, y in product((left, right), range(top, bottom, 2 * DASH)):
            pen.line((x, y, x, min(y + DASH - 1, bottom)), fill=rectangle.edge)
