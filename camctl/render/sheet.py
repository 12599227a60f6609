"""A contact sheet: pictures in rows and columns with headings, labels and captions, on white as in a paper."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

PAPER = (255, 255, 255)
INK = (24, 24, 27)
SOFT_INK = (82, 82, 91)
EDGE = (212, 212, 216)

LEADING = 1.25
"""Distance of lines over the size of letters."""


@dataclass(frozen=True, eq=False)
class Tile:
    """One picture of a sheet, pixels (H, W, 3) in uint8 RGB, and what is written under it."""

    pixels: NDArray[np.uint8] = field(repr=False)
    caption: str = ""


@dataclass(frozen=True, kw_only=True)
class _Style:
    """Sizes in pixels, all from the size of a tile."""

    tile: int
    margin: int
    gap: int
    pad: int
    head: Font
    text: Font
    small: Font


@dataclass(frozen=True, kw_only=True)
class _Block:
    """Lines of text that fit a width."""

    lines: tuple[str, ...]
    font: Font
    width: int
    leading: int

    @property
    def height(self) -> int:
        return self.leading * len(self.lines)


def sheet(
    rows: Sequence[Sequence[Tile | None]],
    *,
    columns: Sequence[str] = (),
    row_labels: Sequence[str] = (),
    title: str = "",
    tile: int = 224,
) -> NDArray[np.uint8]:
    """Set tiles in a grid, (H, W, 3) uint8 RGB; each is scaled to fit a square of `tile` pixels.

    `columns` are headings over the grid's columns, `row_labels` stand left of its rows; long ones are broken
    into lines, never cut. None leaves a place empty. Raises `ValueError` for no tiles, or more headings or
    labels than columns or rows.
    """
    count = max((len(row) for row in rows), default=0)
    if not count or len(columns) > count or len(row_labels) > len(rows):
        message = f"{len(rows)} rows of {count} tiles cannot carry {len(columns)} headings, {len(row_labels)} labels"
        raise ValueError(message)
    style = _style(tile)
    labels = [_block(label, style.text, round(0.8 * tile)) for label in row_labels]
    gutter = max((label.width for label in labels), default=0)
    gutter += 2 * style.pad if gutter else 0
    heads = [_block(heading, style.head, tile) for heading in columns]
    captions = [[_block(each.caption if each else "", style.small, tile) for each in row] for row in rows]
    pictures = [[_fitted(each.pixels, tile) if each else None for each in row] for row in rows]
    inner = gutter + count * tile + (count - 1) * style.gap
    name = _block(title, style.head, inner)

    shown = [max((each.height for each in row if each), default=0) for row in pictures]
    written = [max((each.height for each in row), default=0) for row in captions]
    tall = [
        max(high + (style.pad + under if under else 0), labels[i].height if i < len(labels) else 0)
        for i, (high, under) in enumerate(zip(shown, written, strict=True))
    ]
    top = style.margin + (name.height + style.gap if name.lines else 0)
    head = max((each.height for each in heads), default=0)
    first = top + (head + style.pad if head else 0)
    height = first + sum(tall) + (len(rows) - 1) * style.gap + style.margin

    paper = Image.new("RGB", (inner + 2 * style.margin, height), PAPER)
    draw = ImageDraw.Draw(paper)
    _write(draw, name, (style.margin + inner // 2, style.margin))
    lefts = [style.margin + gutter + column * (tile + style.gap) for column in range(count)]
    for heading, left in zip(heads, lefts, strict=False):
        # Headings stand on their row's last line, close to their pictures.
        _write(draw, heading, (left + tile // 2, top + head - heading.height))
    y = first
    for i, row in enumerate(pictures):
        if i < len(labels):
            down = max(0, (shown[i] - labels[i].height) // 2)
            _write(draw, labels[i], (lefts[0] - 2 * style.pad, y + down), right=True)
        for picture, caption, left in zip(row, captions[i], lefts, strict=False):
            if picture:
                x = left + (tile - picture.width) // 2
                above = y + (shown[i] - picture.height) // 2
                draw.rectangle((x - 1, above - 1, x + picture.width, above + picture.height), outline=EDGE)
                paper.paste(picture, (x, above))
            _write(draw, caption, (left + tile // 2, y + shown[i] + style.pad), SOFT_INK)
        y += tall[i] + style.gap
    return np.asarray(paper)


def _style(tile: int) -> _Style:
    size = max(11, round(tile / 14))
    return _Style(
        tile=tile,
        margin=max(8, tile // 12),
        gap=max(6, tile // 16),
        pad=max(4, tile // 36),
        head=_font(size, bold=True),
        text=_font(size),
        small=_font(max(10, round(0.9 * size))),
    )


def _font(size: int, *, bold: bool = False) -> Font:
    """DejaVu Sans, which knows most of the world's alphabets, from the files of matplotlib; else Pillow's own."""
    found = find_spec("matplotlib")  # finds its folder and imports nothing
    for folder in (found.submodule_search_locations or ()) if found else ():
        path = Path(folder) / "mpl-data" / "fonts" / "ttf" / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")
        if path.is_file():
            return ImageFont.truetype(str(path), size)
    return ImageFont.load_default(size)


def _fitted(pixels: NDArray[np.uint8], tile: int) -> Image.Image:
    height, width = pixels.shape[:2]
    scale = tile / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    picture = Image.fromarray(pixels)
    return picture if picture.size == size else picture.resize(size, Image.Resampling.LANCZOS)


def _block(text: str, font: Font, width: int) -> _Block:
    lines = _lines(text, font, width)
    narrow, wide = 0, width
    while len(lines) > 1 and wide - narrow > 1:
        # The narrowest setting with as few lines: lines of like length, no word left alone on the last.
        middle = (narrow + wide) // 2
        tried = _lines(text, font, middle)
        if len(tried) == len(lines):
            wide, lines = middle, tried
        else:
            narrow = middle
    longest = max((font.getlength(line) for line in lines), default=0)
    size = getattr(font, "size", 10)
    return _Block(lines=tuple(lines), font=font, width=int(np.ceil(longest)), leading=round(LEADING * size))


BREAKS = re.compile(r"(?<=\s)(?=\S)|(?<=[/_:+-])(?=\S)|(?<=[.,])(?=[^\W\d])")
"""Where a line may end: at spaces and after signs, but not within a number."""


def _lines(text: str, font: Font, width: int) -> list[str]:
    """Break a text to a width in pixels; inside a word only where the word alone is too long."""
    lines: list[str] = []
    for paragraph in text.splitlines():
        line = ""
        for piece in BREAKS.split(paragraph):
            if font.getlength((line + piece).rstrip()) <= width:
                line += piece
                continue
            if line.strip():
                lines.append(line.strip())
            line = ""
            for letter in piece:
                if line and font.getlength((line + letter).rstrip()) > width:
                    lines.append(line)
                    line = ""
                line += letter
        if line.strip():
            lines.append(line.strip())
    return lines


def _write(
    draw: ImageDraw.ImageDraw,
    block: _Block,
    at: tuple[int, int],
    ink: tuple[int, int, int] = INK,
    *,
    right: bool = False,
) -> None:
    """Set lines from `at` (x, y) downwards: centred on x, or ending there."""
    for number, line in enumerate(block.lines):
        x = at[0] - block.font.getlength(line) / (1 if right else 2)
        draw.text((x, at[1] + number * block.leading), line, fill=ink, font=block.font)
