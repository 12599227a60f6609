"""A contact sheet: pictures in rows and columns with headings, labels and captions, on white as in a paper."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from camctl.render.figure.style import style_of
from camctl.render.figure.tile_rows import heading_row, picture_slot, tile_row
from camctl.render.layout.tiles import fitted, scaled
from camctl.render.page.page import Page, Strip, stacked
from camctl.render.text.wrapping import paragraph, set_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Tile:
    """A picture of a sheet, (H, W, 3), uint8 RGB, and its caption."""

    pixels: NDArray[np.uint8] = field(repr=False)
    caption: str = ""


def sheet_page(
    rows: Sequence[Sequence[Tile | None]],
    *,
    columns: Sequence[str] = (),
    row_labels: Sequence[str] = (),
    title: str = "",
    tile: int = 224,
    font: str = "",
) -> Page:
    """Set tiles in a grid, each scaled to fit a square of `tile` pixels; None leaves a place empty.

    `columns` are headings; long words are broken into lines, never cut.
    """
    style = style_of(tile, font=font)
    inks = style.inks
    labels = [[paragraph(label, style.text, round(0.8 * tile), inks.ink)] for label in row_labels]
    gutter = max((part.width for (part,) in labels), default=0)
    first = style.margin + (gutter + 2 * style.pad if gutter else 0)
    lefts = [first + number * (tile + style.gap) for number in range(max(map(len, rows)))]
    inner = lefts[-1] + tile - style.margin
    heading = paragraph(title, style.head, inner, inks.ink)
    words = set_lines([heading], style.margin + inner // 2, 0, "centre")
    strips = [Strip(height=heading.height + style.gap if heading.lines else 0, items=tuple(words))]
    heads = [paragraph(column, style.head, tile, inks.ink) for column in columns]
    strips.append(heading_row(style, [(left, left + tile, [head]) for left, head in zip(lefts, heads, strict=False)]))
    for number, row in enumerate(rows):
        slots = [
            picture_slot(
                style,
                left,
                fitted(content.pixels.shape[1], content.pixels.shape[0], tile),
                partial(scaled, content.pixels),
                [paragraph(content.caption, style.small, tile, inks.soft)],
            )
            for content, left in zip(row, lefts, strict=False)
            if content
        ]
        label = labels[number] if labels else []
        strips.append(tile_row(style, slots, label, first - 2 * style.pad))
    items, bottom = stacked(strips, style.margin)
    height = bottom - style.gap + style.margin
    return Page(width=inner + 2 * style.margin, height=height, paper=inks.paper, items=tuple(items), title=title)
