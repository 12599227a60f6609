"""A picture in the terminal itself: with its own graphics (kitty, sixel) where it has them, else in half blocks."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray
    from rich.console import Console

MOST_COLUMNS = 60
"""Wide enough to tell an object, and a square picture still fits on a laptop's screen."""

ROWS_LEFT = 3
"""Rows of the terminal left for the words around the picture."""

SHADES = " .:-=+*#%@"
"""Dark to light, for terminals without colour."""


def show(pixels: NDArray[np.uint8], console: Console, *, columns: int = MOST_COLUMNS) -> None:
    """Draw pixels (H, W, 3), uint8 RGB, at most `columns` wide and never wider or higher than the terminal.

    Meant for a console that is a terminal; in one without colour the picture is drawn in shades of ASCII.
    """
    width, height = _cells(pixels, console, columns)
    if _may_ask(console) and _show_graphics(pixels, console, width):
        return
    # Two pixels a cell, one above the other; without colour, one.
    plain = console.color_system is None or console.no_color or console.options.ascii_only
    small = _scaled(pixels, width, height if plain else 2 * height)
    if plain:
        _show_shades(small, console)
    else:
        _show_half_blocks(small, console)


def _cells(pixels: NDArray[np.uint8], console: Console, columns: int) -> tuple[int, int]:
    """Columns and rows to draw on: a cell is taken to be twice as high as wide."""
    height, width = pixels.shape[:2]
    most_columns = max(1, min(columns, console.width))
    most_rows = max(1, console.height - ROWS_LEFT)
    scale = min(most_columns / width, 2 * most_rows / height)
    return max(1, min(most_columns, round(width * scale))), max(1, min(most_rows, round(height * scale / 2)))


def _scaled(pixels: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    import numpy as np
    from PIL import Image

    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))


# --------------------------------------------------------------------------------------- graphics


def _may_ask(console: Console) -> bool:
    """Whether the terminal can be asked what it is able to draw: it must hear the question and answer to us."""
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


def _show_graphics(pixels: NDArray[np.uint8], console: Console, width: int) -> bool:
    """Draw with the terminal's own graphics; False where it has none, or fails at it."""
    from PIL import Image

    with _silent():
        try:
            # The import itself asks the terminal, and waits for a tenth of a second for each answer.
            from textual_image.renderable import Image as Detected
            from textual_image.renderable import SixelImage, TGPImage

            if Detected not in {SixelImage, TGPImage}:
                return False
            console.print(Detected(Image.fromarray(pixels), width=width, height="auto"))
        except Exception:  # noqa: BLE001 (terminals answer all sorts of things; half blocks always work)
            return False
    return True


@contextmanager
def _silent() -> Iterator[None]:
    """Keep the remarks of textual-image on odd terminals out of the terminal."""
    logger = logging.getLogger("textual_image")
    nowhere = logging.NullHandler()
    propagate = logger.propagate
    logger.addHandler(nowhere)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(nowhere)
        logger.propagate = propagate


# --------------------------------------------------------------------------------------- letters


def _show_half_blocks(small: NDArray[np.uint8], console: Console) -> None:
    from rich.color import Color
    from rich.segment import Segment, Segments
    from rich.style import Style

    segments = []
    for upper, lower in zip(small[::2].tolist(), small[1::2].tolist(), strict=True):
        for above, below in zip(upper, lower, strict=True):
            style = Style(color=Color.from_rgb(*above), bgcolor=Color.from_rgb(*below))
            segments.append(Segment("▀", style))
        segments.append(Segment.line())
    console.print(Segments(segments), end="")


def _show_shades(small: NDArray[np.uint8], console: Console) -> None:
    from rich.text import Text

    light = small.mean(axis=2) / 256 * len(SHADES)
    lines = ("".join(SHADES[int(shade)] for shade in row) for row in light)
    console.print(Text("\n".join(lines), no_wrap=True))
