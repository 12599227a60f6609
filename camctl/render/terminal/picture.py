"""A picture in the terminal: with the terminal's own graphics (kitty, sixel) if it has them, else in half blocks."""

from __future__ import annotations

import logging
import os
import sys
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from rich.color import Color
from rich.segment import Segment, Segments
from rich.style import Style

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rich.console import Console

MOST_COLUMNS = 60
"""Most columns of a picture: wide enough to recognise an object, and a square still fits a laptop's screen."""

ROWS_LEFT = 3
"""Rows of the terminal left for the words around the picture."""

SHADES = " .:-=+*#%@"
"""Dark to light, for terminals without colour."""


def show(pixels: NDArray[np.uint8], console: Console) -> None:
    """Draw pixels (H, W, 3), uint8 RGB, at most `MOST_COLUMNS` wide, and never wider or higher than the terminal.

    For a console that is a terminal. Without colour, the picture is drawn in shades of ASCII.
    """
    width, height = _size(pixels, console)
    if show_graphics(pixels, console, width):
        return
    plain = is_plain(console)
    # Two pixels per cell, one above the other; without colour, one.
    size = width, height if plain else 2 * height
    small = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))
    console.print(letters(small, plain=plain), end="")


def is_plain(console: Console) -> bool:
    """Whether a terminal lacks colour, or the letters that colour half a cell."""
    return console.color_system is None or console.no_color or console.options.ascii_only


def _size(pixels: NDArray[np.uint8], console: Console) -> tuple[int, int]:
    """Columns and rows to draw on; a cell counts as twice as high as wide."""
    height, width = pixels.shape[:2]
    most_columns = max(1, min(MOST_COLUMNS, console.width))
    most_rows = max(1, console.height - ROWS_LEFT)
    scale = min(most_columns / width, 2 * most_rows / height)
    return max(1, min(most_columns, round(width * scale))), max(1, min(most_rows, round(height * scale / 2)))


# --------------------------------------------------------------------------------------- graphics


def may_ask(console: Console) -> bool:
    """Whether the terminal can be asked what it can draw: it must receive the question and answer to us."""
    if console.is_dumb_terminal or not console.is_terminal or console.no_color:
        return False
    try:
        return _is_ours(sys.__stdin__) and _is_ours(sys.__stdout__)
    except (OSError, ValueError):  # closed, or not a file of the system
        return False


def _is_ours(stream: IO[Any] | None) -> bool:
    if stream is None or not stream.isatty():
        return False
    # A process in the background is stopped for good when it touches the terminal's settings.
    return not hasattr(os, "tcgetpgrp") or os.tcgetpgrp(stream.fileno()) == os.getpgrp()


def graphics(console: Console) -> Any:
    """The class that draws a Pillow image with the terminal's own graphics; None if it has none or does not answer."""
    if not may_ask(console):
        return None
    # Its messages about odd terminals stay off the terminal.
    logger = logging.getLogger("textual_image")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    try:
        # The import itself asks the terminal, and waits a tenth of a second for each answer.
        from textual_image.renderable import Image as Detected
        from textual_image.renderable import SixelImage, TGPImage
    except Exception:  # noqa: BLE001 (terminals answer all sorts of things; half blocks always work)
        return None
    return Detected if Detected in {SixelImage, TGPImage} else None


def show_graphics(pixels: NDArray[np.uint8], console: Console, width: int) -> bool:
    """Draw `width` columns wide with the terminal's own graphics; False if it has none, or fails."""
    draws = graphics(console)
    if draws is None:
        return False
    try:
        console.print(draws(Image.fromarray(pixels), width=width, height="auto"))
    except Exception:  # noqa: BLE001 (see above)
        return False
    return True


# --------------------------------------------------------------------------------------- letters


def letters(small: NDArray[np.uint8], *, plain: bool) -> Segments:
    """A picture as text: a cell per two pixels, one above the other; with `plain`, a shade per pixel."""
    lines: list[list[Segment]]
    if plain:
        light = small.mean(axis=2) / 256 * len(SHADES)
        lines = [[Segment("".join(SHADES[int(shade)] for shade in row))] for row in light]
    else:
        rows = zip(small[::2].tolist(), small[1::2].tolist(), strict=True)
        lines = [
            [
                Segment("▀", Style(color=Color.from_rgb(*above), bgcolor=Color.from_rgb(*below)))
                for above, below in zip(upper, lower, strict=True)
            ]
            for upper, lower in rows
        ]
    return Segments([part for line in lines for part in (*line, Segment.line())])
