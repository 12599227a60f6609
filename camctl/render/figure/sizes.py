"""Sizes of everything on a page of tiles, and pictures brought to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from camctl.render.text.fonts import Face

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Of everything on a page of tiles, in pixels, all from the size of a tile."""

    tile: int
    margin: int
    gap: int
    pad: int
    title: Face
    head: Face
    text: Face
    small: Face


def sizes(tile: int) -> Sizes:
    """What suits a tile of so many pixels; letters stay readable beside the smallest."""
    size = max(11, round(tile / 14))
    return Sizes(
        tile=tile,
        margin=max(8, tile // 12),
        gap=max(6, tile // 16),
        pad=max(4, tile // 36),
        title=Face(round(1.25 * size), bold=True),
        head=Face(size, bold=True),
        text=Face(size),
        small=Face(max(10, round(0.9 * size))),
    )


def fitted(width: float, height: float, tile: int) -> tuple[int, int]:
    """Width and height of what fills a tile without being squashed."""
    scale = tile / max(height, width)
    return max(1, round(width * scale)), max(1, round(height * scale))


def scaled(pixels: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """A picture at another size."""
    picture = Image.fromarray(pixels)
    if picture.size == (width, height):
        return pixels
    return np.asarray(picture.resize((width, height), Image.Resampling.LANCZOS))
