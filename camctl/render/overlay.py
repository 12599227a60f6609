"""The heatmap on the picture: on the model's view of it, or on the whole of it.

Heat grows more opaque with its value, so that the picture stays visible where the model did not look. The picture
under it loses some of its own colour, so that colour means heat.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from camctl.render.colormaps import LEVELS, colours, fitting, levels
from camctl.render.contours import draw_contours
from camctl.render.marks import draw_mark, marks_of
from camctl.values.look import Look
from camctl.values.view import View

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Unpack

    from numpy.typing import NDArray

    from camctl.values.cam import Cam
    from camctl.values.look import Looks

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1."""

PADDING = 128
"""Grey level drawn where the view reaches beyond the picture."""

FULL_AT = 0.6
"""Value from which heat has its full opacity; its colour still distinguishes 0.6 from 1."""

ROWS = 256
"""Rows painted at a time, so that a gigantic picture needs no gigantic array of floats."""

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in grey."""


def overlay(
    pixels: NDArray[np.uint8],
    values: NDArray[Any],
    view: View,
    *,
    worthless: bool = False,
    **look: Unpack[Looks],
) -> NDArray[np.uint8]:
    """The heatmap of `values` (h, w), 0..1, or -1..1 if `signed`, on the picture `pixels` (H, W, 3), uint8 RGB.

    Of the fields of `Look`, those that are about one map are used. Returns uint8 RGB: (h, w, 3) of `view.size` on the
    canvas `view`; (H, W, 3) on the canvas `original`, where the margin that the model was not given is dimmed. Instead
    of a `worthless` map (`Cam.blank`), the picture is drawn grey and hatched. Raises `InputError` for what cannot be
    drawn, `UnknownNameError` for an unknown colour map.
    """
    choices = Look(**look)
    signed, opacity = choices.signed, 1.0 if choices.map_only else choices.opacity
    palette = colours(fitting(choices.colormap, signed=signed)).astype(np.float32)
    cover = opacity * (np.ones(LEVELS, np.float32) if choices.map_only else _cover(signed=signed))
    on_whole = choices.canvas == "original"
    if not on_whole:
        pixels, view = seen(pixels, view), whole(view.size)
    left, top, right, bottom = _inside(view.box, pixels.shape)
    picture = _dim_around(pixels, (left, top, right, bottom))
    inside = picture[top:bottom, left:right]
    if worthless:
        _spoil(inside)
        return picture
    height = bottom - top
    contours = [*choices.contours, *(-level for level in choices.contours if signed)]
    for rows in _bands(height, ROWS if on_whole else height):
        # The part of the map over these rows, in the map's own pixels.
        part = _into((left, top + rows.start, right, top + rows.stop), view.box, values.shape)
        heat = _resample(values, part, (right - left, rows.stop - rows.start))
        _paint(inside[rows], levels((heat + 1) / 2 if signed else heat), palette, cover, opacity)
        draw_contours(inside[rows], heat, contours, min(picture.shape[:2]))
    return picture


def overlay_of(cam: Cam, *, caption: bool = False, least: int = 0, **look: Unpack[Looks]) -> NDArray[np.uint8]:
    """Draw a map on its picture, and the outlines of what it is about and of what is cut out of it.

    A view whose longer side has fewer than `least` pixels is drawn in so many: of the picture's own, if it has them.
    """
    from camctl.render.caption import captioned

    heat = cam.heat(signed=look.get("signed", False))
    values = cam.values if heat is None else heat
    height, width = cam.view.size
    scale = max(1.0, least / max(height, width))
    view = replace(cam.view, size=(round(height * scale), round(width * scale)))
    picture = overlay(cam.picture.pixels, values, view, worthless=heat is None, **look)
    window = whole(cam.picture.size).box if look.get("canvas") == "original" else cam.view.box
    for mark in marks_of(cam, look.get("cut")):
        draw_mark(picture, mark, window, cam.view)
    return captioned(picture, cam) if caption else picture


def whole(shape: tuple[int, ...]) -> View:
    """The view that shows all of a picture of this shape (height, width, ...)."""
    return View(size=(shape[0], shape[1]), box=(0.0, 0.0, float(shape[1]), float(shape[0])))


def seen(pixels: NDArray[np.uint8], view: View) -> NDArray[np.uint8]:
    """The model's view of a picture: the window `view.box`, (h, w, 3) of `view.size`, with padding in grey."""
    height, width = view.size
    # The picture's rectangle in whole pixels of the view: all of the view if nothing was padded.
    left, top, right, bottom = _inside(_into((0, 0, pixels.shape[1], pixels.shape[0]), view.box, view.size), view.size)
    padded = np.full((height, width, 3), PADDING, np.uint8)
    x0, y0, x1, y1 = view.box
    across, down = (x1 - x0) / width, (y1 - y0) / height
    window = x0 + left * across, y0 + top * down, x0 + right * across, y0 + bottom * down
    padded[top:bottom, left:right] = _resample(pixels, window, (right - left, bottom - top))
    return padded


# -------------------------------------------------------------------------------------- geometry


def _inside(box: Box, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """A box in whole pixels of an array of `shape`, at least one of them."""
    left, right = _span(box[0], box[2], shape[1])
    top, bottom = _span(box[1], box[3], shape[0])
    return left, top, right, bottom


def _span(start: float, end: float, length: int) -> tuple[int, int]:
    first = min(max(round(start), 0), length - 1)
    return first, max(min(round(end), length), first + 1)


def _into(rectangle: tuple[int, int, int, int], box: Box, shape: tuple[int, ...]) -> Box:
    """A rectangle of the picture in the pixels of an array of `shape` (rows, columns) that covers `box`."""
    x0, y0, x1, y1 = box
    across, down = shape[1] / (x1 - x0), shape[0] / (y1 - y0)
    left, top, right, bottom = rectangle
    return (left - x0) * across, (top - y0) * down, (right - x0) * across, (bottom - y0) * down


def _resample(array: NDArray[Any], box: Box, size: tuple[int, int]) -> NDArray[Any]:
    """The window `box` of an array, resampled to `size` (width, height) without steps or aliases.

    Pictures stay uint8; values become float32. What reaches beyond the array (by rounding) is cut.
    """
    height, width = array.shape[:2]
    x0, y0, x1, y1 = box
    # A window of no width has no pixels to average.
    x0, y0 = min(max(x0, 0.0), width - 1e-3), min(max(y0, 0.0), height - 1e-3)
    x1, y1 = max(min(x1, float(width)), x0 + 1e-3), max(min(y1, float(height)), y0 + 1e-3)
    if size == (width, height) and (x0, y0, x1, y1) == whole(array.shape).box:
        return array
    if array.dtype == np.uint8:
        return np.asarray(Image.fromarray(array).resize(size, Image.Resampling.LANCZOS, box=(x0, y0, x1, y1)))
    # Bilinear never overshoots; a sharper filter draws rings around a peak.
    source = Image.fromarray(np.ascontiguousarray(array, dtype=np.float32))
    return np.asarray(source.resize(size, Image.Resampling.BILINEAR, box=(x0, y0, x1, y1)))


# --------------------------------------------------------------------------------------- painting


def _bands(height: int, rows: int = ROWS) -> Iterator[slice]:
    return (slice(top, min(top + rows, height)) for top in range(0, height, rows))


def _cover(*, signed: bool) -> NDArray[np.float32]:
    """The share of the full opacity at each level; zero evidence, in the middle of a signed map, is transparent."""
    values = np.arange(LEVELS, dtype=np.float32) / (LEVELS - 1)
    steps = np.clip((np.abs(2 * values - 1) if signed else values) / FULL_AT, 0, 1)
    # A smooth step: no edge where heat begins, nor where it reaches its full opacity.
    return np.asarray(steps * steps * (3 - 2 * steps), np.float32)


def _paint(
    picture: NDArray[np.uint8],
    heat: NDArray[np.uint8],
    palette: NDArray[np.float32],
    cover: NDArray[np.float32],
    opacity: float,
) -> None:
    """Lay heat, as levels (h, w) 0..255, over a picture (h, w, 3)."""
    for rows in _bands(len(picture)):
        base = _fade(picture[rows], opacity)
        base += (palette[heat[rows]] - base) * cover[heat[rows]][..., None]
        picture[rows] = np.clip(np.round(base), 0, 255)


def _fade(picture: NDArray[np.uint8], amount: float) -> NDArray[np.float32]:
    """Colours moved towards their own grey: 0 leaves them, 1 makes them grey."""
    rgb = picture.astype(np.float32)
    grey = (rgb @ LUMA)[..., None]
    return rgb + (grey - rgb) * np.float32(amount)


def _dim_around(pixels: NDArray[np.uint8], rectangle: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """A copy, dimmed outside `rectangle`, with a thin light line around it if there is a margin."""
    left, top, right, bottom = rectangle
    height, width = pixels.shape[:2]
    picture = pixels.copy()
    for margin in (picture[:top], picture[bottom:], picture[top:bottom, :left], picture[top:bottom, right:]):
        for rows in _bands(len(margin)):
            margin[rows] = np.round(_fade(margin[rows], 0.8) * 0.45)
    line = max(1, round(min(height, width) / 300))
    above, below = slice(max(top - line, 0), top), slice(bottom, bottom + line)
    before, after = slice(max(left - line, 0), left), slice(right, right + line)
    across, down = slice(before.start, after.stop), slice(above.start, below.stop)
    for rows, columns in ((above, across), (below, across), (down, before), (down, after)):
        picture[rows, columns] = 235
    return picture


def _spoil(picture: NDArray[np.uint8]) -> None:
    """Make a picture grey, pale and hatched: nobody takes it for a map without heat."""
    height, width = picture.shape[:2]
    pitch = max(8, min(height, width) // 14)
    line = max(1, pitch // 12)
    for rows in _bands(height):
        pale = _fade(picture[rows], 1) * 0.4 + 110
        pale[(np.arange(rows.start, rows.stop)[:, None] + np.arange(width)) % pitch < line] *= 0.6
        picture[rows] = np.clip(np.round(pale), 0, 255)
