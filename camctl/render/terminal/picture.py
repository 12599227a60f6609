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
    from rich.segment import Segment

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
    if show_graphics(pixels, console, width):
        return
    # Two pixels a cell, one above the other; without colour, one.
    plain = is_plain(console)
    lines = letters(_scaled(pixels, width, height if plain else 2 * height), plain=plain)
    print_lines(lines, console)


def is_plain(console: Console) -> bool:
    """Whether a terminal has no colour, or not the letters that half of a cell is coloured with."""
    return console.color_system is None or console.no_color or console.options.ascii_only


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


def may_ask(console: Console) -> bool:
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


def graphics(console: Console) -> Any:
    """What draws a Pillow image with the terminal's own graphics; None where it has none, or does not tell."""
    if not may_ask(console):
        return None
    with _silent():
        try:
            # The import itself asks the terminal, and waits for a tenth of a second for each answer.
            from textual_image.renderable import Image as Detected
            from textual_image.renderable import SixelImage, TGPImage
        except Exception:  # noqa: BLE001 (terminals answer all sorts of things; half blocks always work)
            return None
    return Detected if Detected in {SixelImage, TGPImage} else None


def show_graphics(pixels: NDArray[np.uint8], console: Console, width: int) -> bool:
    """Draw so many columns wide with the terminal's own graphics; False where it has none, or fails at it."""
    from PIL import Image

    draws = graphics(console)
    if draws is None:
        return False
    with _silent():
        try:
            console.print(draws(Image.fromarray(pixels), width=width, height="auto"))
        except Exception:  # noqa: BLE001 (see above)
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


def letters(small: NDArray[np.uint8], *, plain: bool) -> list[list[Segment]]:
    """Lines of a picture: each cell has two pixels in half blocks, one above the other; `plain`, one in a shade."""
    return shades(small) if plain else half_blocks(small)


def half_blocks(small: NDArray[np.uint8]) -> list[list[Segment]]:
    """Lines of cells, each of two pixels in their own colours."""
    from rich.color import Color
    from rich.segment import Segment
    from rich.style import Style

    def cell(above: list[int], below: list[int]) -> Segment:
        return Segment("▀", Style(color=Color.from_rgb(*above), bgcolor=Color.from_rgb(*below)))

    rows = zip(small[::2].tolist(), small[1::2].tolist(), strict=True)
    return [[cell(*pair) for pair in zip(upper, lower, strict=True)] for upper, lower in rows]


def shades(small: NDArray[np.uint8]) -> list[list[Segment]]:
    """Lines of cells, each as dark or light as its pixel."""
    from rich.segment import Segment

    light = small.mean(axis=2) / 256 * len(SHADES)
    return [[Segment("".join(SHADES[int(shade)] for shade in row))] for row in light]


def print_lines(lines: list[list[Segment]], console: Console) -> None:
    """Print lines that are no wider than the terminal, as they are."""
    from rich.segment import Segment, Segments

    console.print(Segments([part for line in lines for part in (*line, Segment.line())]), end="")
