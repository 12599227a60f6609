"""A contact sheet: pictures in rows and columns with headings, labels and captions, on white as in a paper."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from camctl.render.figure.sizes import fitted, scaled, sizes
from camctl.render.page.page import THEMES, Item, Page, Rectangle, Shown
from camctl.render.page.raster import paint
from camctl.render.text.wrapping import block, set_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from camctl.render.figure.sizes import Sizes
    from camctl.render.page.page import Draw
    from camctl.render.text.wrapping import Block

INKS = THEMES["light"]


@dataclass(frozen=True, eq=False)
class Tile:
    """One picture of a sheet, pixels (H, W, 3) in uint8 RGB, and what is written under it."""

    pixels: NDArray[np.uint8] = field(repr=False)
    caption: str = ""


def sheet(
    rows: Sequence[Sequence[Tile | None]],
    *,
    columns: Sequence[str] = (),
    row_labels: Sequence[str] = (),
    title: str = "",
    tile: int = 224,
) -> NDArray[np.uint8]:
    """`sheet_page` in pixels, (H, W, 3) uint8 RGB."""
    return paint(sheet_page(rows, columns=columns, row_labels=row_labels, title=title, tile=tile))


def sheet_page(
    rows: Sequence[Sequence[Tile | None]],
    *,
    columns: Sequence[str] = (),
    row_labels: Sequence[str] = (),
    title: str = "",
    tile: int = 224,
) -> Page:
    """Set tiles in a grid; each is scaled to fit a square of `tile` pixels.

    `columns` are headings over the grid's columns, `row_labels` stand left of its rows; long ones are broken
    into lines, never cut. None leaves a place empty. Raises `ValueError` for no tiles, or more headings or
    labels than columns or rows.
    """
    count = max((len(row) for row in rows), default=0)
    if not count or len(columns) > count or len(row_labels) > len(rows):
        message = f"{len(rows)} rows of {count} tiles cannot carry {len(columns)} headings, {len(row_labels)} labels"
        raise ValueError(message)
    style = sizes(tile)
    labels = [block(label, style.text, round(0.8 * tile)) for label in row_labels]
    gutter = max((label.width for label in labels), default=0)
    gutter += 2 * style.pad if gutter else 0
    heads = [block(heading, style.head, tile) for heading in columns]
    inner = gutter + count * tile + (count - 1) * style.gap
    lefts = [style.margin + gutter + column * (tile + style.gap) for column in range(count)]

    items: list[Item] = []
    y = style.margin
    name = block(title, style.head, inner)
    if name.lines:
        items += set_lines(name, style.margin + inner // 2, y, INKS.ink, "centre")
        y += name.height + style.gap
    head = max((each.height for each in heads), default=0)
    for heading, left in zip(heads, lefts, strict=False):
        # Headings stand on their row's last line, close to their pictures.
        items += set_lines(heading, left + tile // 2, y + head - heading.height, INKS.ink, "centre")
    y += head + style.pad if head else 0
    for i, row in enumerate(rows):
        placed, height = _row(row, labels[i] if i < len(labels) else None, lefts, y, style)
        items += placed
        y += height + style.gap
    return Page(
        width=inner + 2 * style.margin,
        height=y - style.gap + style.margin,
        paper=INKS.paper,
        items=tuple(items),
        title=title,
    )


def _row(
    row: Sequence[Tile | None], label: Block | None, lefts: Sequence[int], y: int, style: Sizes
) -> tuple[list[Item], int]:
    """What stands in a row whose top is at `y`, and how high it is."""
    tile = style.tile
    fits = [fitted(each.pixels.shape[1], each.pixels.shape[0], tile) if each else (0, 0) for each in row]
    captions = [block(each.caption if each else "", style.small, tile) for each in row]
    shown = max((height for _, height in fits), default=0)
    under = max((caption.height for caption in captions), default=0)
    items: list[Item] = []
    if label:
        down = max(0, (shown - label.height) // 2)
        items += set_lines(label, lefts[0] - 2 * style.pad, y + down, INKS.ink, "right")
    for each, (width, height), caption, left in zip(row, fits, captions, lefts, strict=False):
        if each:
            x, top = left + (tile - width) // 2, y + (shown - height) // 2
            items.append(Rectangle(x=x - 1, y=top - 1, width=width + 2, height=height + 2, edge=INKS.edge))
            items.append(Shown(x=x, y=top, width=width, height=height, draw=_scaler(each.pixels)))
        items += set_lines(caption, left + tile // 2, y + shown + style.pad, INKS.soft, "centre")
    tall = max(shown + (style.pad + under if under else 0), label.height if label else 0)
    return items, tall


def _scaler(pixels: NDArray[np.uint8]) -> Draw:
    return lambda width, height: scaled(pixels, width, height)
