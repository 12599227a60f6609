"""The rows of a figure: pictures, maps with what is said under them, and why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camctl.render.figure.captions import DOT
from camctl.render.page.page import Item, Rectangle, Strip
from camctl.render.text.fonts import Face
from camctl.render.text.wrapping import block, height_of, set_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camctl.render.figure.arrangement import At
    from camctl.render.figure.heads import Frame
    from camctl.render.page.page import Colour
    from camctl.render.text.wrapping import Align, Block
    from camctl.values.comparison import AxisName, Cell
    from camctl.values.explanation import View

    Part = tuple[Block, Colour]

SMALLER_LETTERS = 5
"""Pixels by which a reason may shrink to fit its box; beyond that it goes under it."""

SMALLEST = 9
"""Size of letters that can still be read."""

NO_MAP = "no map"


def row(frame: Frame, at: At) -> Strip:
    """A row: its label, the picture, and a map a column; the gap after it included."""
    sizes = frame.sizes
    cells = frame.cells(at)
    fits = [frame.tiles.size(cell.at["image"], frame.tiles.view(cell)) for cell in cells]
    under = [[frame.set(saying, sizes.tile) for saying in frame.told.under(cell)] for cell in cells]
    shown = max(height for _, height in fits)
    items: list[Item] = []
    if not frame.pictures_across:
        shown = max(shown, _picture_size(frame, cells)[1])
        items += _picture(frame, cells, shown)
    for number, (cell, size, left) in enumerate(zip(cells, fits, frame.lefts, strict=True)):
        top = (shown - size[1]) // 2
        if cell.cam is None:
            placed, left_over = _without_map(frame, cell, left, top, size)
            items += placed
            under[number] = left_over
        else:
            items += frame.framed(left, top, size, frame.tiles.overlay(cell))
    for parts, left in zip(under, frame.lefts, strict=True):
        items += _down(parts, left + sizes.tile / 2, shown + sizes.pad, "centre")
    label = [frame.set(saying, frame.gutter) for saying in frame.told.row_label(at, cells)]
    tall = height_of(part for part, _ in label)
    items += _down(label, frame.first - 2 * sizes.pad, max(0, (shown - tall) // 2), "right")
    written = max(height_of(part for part, _ in parts) for parts in under)
    height = max(shown + (sizes.pad + written if written else 0), tall)
    return Strip(height=height + sizes.gap, items=tuple(items))


def label_width(frame: Frame, at: At) -> int:
    """Of a row's label, in pixels."""
    said = frame.told.row_label(at, frame.cells(at))
    return max((frame.set(saying, frame.gutter)[0].width for saying in said), default=0)


def band(frame: Frame, at: At, axes: Sequence[AxisName]) -> Strip:
    """The heading of a block of rows: what they share of the axes down, over the whole width."""
    sizes, inks = frame.sizes, frame.inks
    name = block(DOT.join(frame.told.heading(axis, at) for axis in axes), sizes.head, frame.inner - 2 * sizes.pad)
    more = DOT.join(", ".join(said) for axis in axes if (said := frame.told.more(axis, at)))
    left = sizes.margin + sizes.pad
    room = frame.inner - 4 * sizes.pad - name.width
    beside = block(more, sizes.small, max(room, 1)) if len(name.lines) == 1 and room > 0 else None
    if more and (beside is None or len(beside.lines) > 1):
        parts: list[Part] = [(name, inks.ink), (block(more, sizes.small, frame.inner - 2 * sizes.pad), inks.soft)]
        items = _down(parts, left, sizes.pad, "left")
        height = height_of(part for part, _ in parts)
    else:
        items = list(set_lines(name, left, sizes.pad, inks.ink))
        height = name.height
        if beside is not None:
            # On the same baseline.
            y = sizes.pad + name.face.ascent - beside.face.ascent
            items += set_lines(beside, left + name.width + 2 * sizes.pad, y, inks.soft)
    ground = Rectangle(x=sizes.margin, y=0, width=frame.inner, height=height + 2 * sizes.pad, fill=inks.band)
    return Strip(height=height + 2 * sizes.pad + sizes.gap // 2 + sizes.pad, items=(ground, *items))


# ------------------------------------------------------------------------------------------- parts


def _picture_size(frame: Frame, cells: Sequence[Cell]) -> tuple[int, int]:
    return frame.tiles.size(cells[0].at["image"], _view(frame, cells))


def _picture(frame: Frame, cells: Sequence[Cell], shown: int) -> list[Item]:
    image, size = cells[0].at["image"], _picture_size(frame, cells)
    draw = frame.tiles.picture(image, _view(frame, cells))
    return frame.framed(frame.first, (shown - size[1]) // 2, size, draw)


def _view(frame: Frame, cells: Sequence[Cell]) -> View | None:
    drawn = next((cell for cell in cells if cell.cam is not None), cells[0])
    return frame.tiles.view(drawn)


def _without_map(frame: Frame, cell: Cell, left: int, top: int, size: tuple[int, int]) -> tuple[list[Item], list[Part]]:
    """An empty box with the reason in it; what does not fit into it is handed back, to stand under it."""
    sizes, inks = frame.sizes, frame.inks
    width, height = size
    x = left + (sizes.tile - width) // 2
    box = Rectangle(x=x - 1, y=top - 1, width=width + 2, height=height + 2, fill=inks.band, edge=inks.soft, dashed=True)
    inside, below = _fitting(frame, cell.reason, width - 4 * sizes.pad, height - 2 * sizes.pad)
    y = top + (height - height_of(part for part, _ in inside)) // 2
    return [box, *_down(inside, x + width / 2, y, "centre")], below


def _fitting(frame: Frame, reason: str, width: int, height: int) -> tuple[list[Part], list[Part]]:
    """What stands in the box, and what under it: in smaller letters first, then the reason outside, then all of it."""
    sizes, inks = frame.sizes, frame.inks
    head = block(NO_MAP, sizes.small, width)
    for size in range(sizes.small.size, max(sizes.small.size - SMALLER_LETTERS, SMALLEST) - 1, -1):
        parts: list[Part] = [(head, inks.warning), (block(reason, Face(size), width), inks.soft)]
        if height_of(part for part, _ in parts) <= height:
            return parts, []
    outside: list[Part] = [(block(reason, sizes.small, sizes.tile), inks.soft)]
    if head.height <= height and len(head.lines) == 1:
        return [(head, inks.warning)], outside
    return [], [(block(NO_MAP, sizes.small, sizes.tile), inks.warning), *outside]


def _down(parts: Sequence[Part], x: float, y: int, align: Align) -> list[Item]:
    items: list[Item] = []
    for part, ink in parts:
        items += set_lines(part, x, y, ink, align)
        y += part.height
    return items
