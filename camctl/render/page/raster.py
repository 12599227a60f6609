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
    scale = page.scale
    canvas = Image.new("RGB", (round(page.width * scale), round(page.height * scale)), page.paper)
    pen = ImageDraw.Draw(canvas)
    for item in page.items:
        if isinstance(item, Words):
            _write(pen, item, scale)
        elif isinstance(item, Rectangle):
            _rectangle(pen, item, scale)
        elif isinstance(item, Bitmap):
            left, top, right, bottom = _edges(item, scale)
            canvas.paste(Image.fromarray(item.draw(right - left, bottom - top)), (left, top))
    return np.asarray(canvas)


def _edges(item: Bitmap | Rectangle, scale: float) -> tuple[int, int, int, int]:
    """Left, top, right and bottom edge in painted pixels; edges that meet on the page meet here."""
    right, bottom = item.x + item.width, item.y + item.height
    return round(item.x * scale), round(item.y * scale), round(right * scale), round(bottom * scale)


def _write(pen: ImageDraw.ImageDraw, words: Words, scale: float) -> None:
    x = words.x * scale
    for run, file in runs(words.text, words.face):
        font: Any = opened(file, round(words.face.size * scale, 2))
        pen.text((x, round(words.y * scale)), run, fill=words.ink, font=font, anchor="ls")
        x += font.getlength(run)


def _rectangle(pen: ImageDraw.ImageDraw, rectangle: Rectangle, scale: float) -> None:
    left, top, right, bottom = _edges(rectangle, scale)
    right, bottom, line, dash = max(right - 1, left), max(bottom - 1, top), max(1, round(scale)), round(DASH * scale)
    if rectangle.fill:
        pen.rectangle((left, top, right, bottom), fill=rectangle.fill)
    if rectangle.edge and not rectangle.dashed:
        pen.rectangle((left, top, right, bottom), outline=rectangle.edge, width=line)
    elif rectangle.edge:
        for x, y in product(range(left, right, 2 * dash), (top, bottom)):
            pen.line((x, y, min(x + dash - 1, right), y), fill=rectangle.edge, width=line)
        for x, y in product((left, right), range(top, bottom, 2 * dash)):
            pen.line((x, y, x, min(y + dash - 1, bottom)), fill=rectangle.edge, width=line)
