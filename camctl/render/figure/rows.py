"""The rows of a figure, with pictures, maps and reasons for missing ones, and what stands under them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from camctl.render.colormaps import ramp
from camctl.render.figure.tile_rows import Slot, picture_slot, tile_row
from camctl.render.layout.captions import Line
from camctl.render.page.page import Item, Rectangle, Strip, framed, stacked
from camctl.render.text.wrapping import paragraph, set_lines, total_height

if TYPE_CHECKING:
    from camctl.render.figure.frame import Frame
    from camctl.render.layout.layout import Heading, Row
    from camctl.render.text.wrapping import Paragraph
    from camctl.values.comparison import Cell

SMALLER_LETTERS = 5
"""Pixels by which a reason may shrink to fit its box; if it still does not fit, it goes below."""

SMALLEST = 9
"""Smallest readable letter size."""

NO_MAP = Line("no map", "warning")

DIMMED = "dimmed: not given to the model"


def row_strip(frame: Frame, row: Row) -> Strip:
    """A row: its label, the picture, and one map per column."""
    style, tiles = frame.style, frame.tiles
    slots = []
    if not frame.layout.pictures_across:
        cell = row.pictured
        slots.append(picture_slot(style, frame.first, tiles.size(cell), tiles.picture_of(cell)))
    for column, (cell, lines, left) in enumerate(zip(row.cells, row.captions, frame.lefts, strict=True)):
        if cell.cam is None:
            slots.append(_missing(frame, cell, left))
        else:
            caption = style.set_all(lines, style.tile)
            slots.append(picture_slot(style, left, tiles.size(cell), tiles.overlay(cell), caption))
        if frame.layout.look.letters:
            slots[-1] = _lettered(frame, slots[-1], row.before + column)
    return tile_row(style, slots, frame.labels.set_all(row.label, style.gutter), frame.label_right)


def _lettered(frame: Frame, slot: Slot, index: int) -> Slot:
    """A tile with its letter in the upper left corner, on a ground of the paper's colour."""
    style, inks = frame.style, frame.style.inks
    words = paragraph(panel_letter(index), style.head, style.tile, inks.ink)

    def items(x: int, top: int) -> list[Item]:
        side = max(round(words.width) + style.pad, words.height)
        ground = Rectangle(x=x, y=top, width=side, height=words.height, fill=inks.paper)
        return [*slot.items(x, top), ground, *set_lines([words], x + side / 2, top, "centre")]

    return replace(slot, items=items)


def panel_letter(index: int) -> str:
    """The letter of a panel: a to z, then aa, ab, ..."""
    before, last = divmod(index, 26)
    return (panel_letter(before - 1) if before else "") + chr(ord("a") + last)


def band(frame: Frame, heading: Heading) -> Strip:
    """The heading of a block of rows, over the whole width."""
    style, inks = frame.style, frame.style.inks
    width = frame.inner - 2 * style.pad
    title = style.set(Line(heading.title, "strong"), width)
    left = style.margin + style.pad
    room = width - 2 * style.pad - title.width
    notes = style.set(Line(heading.notes), max(room, 1))
    if heading.notes and (len(title.lines) > 1 or len(notes.lines) > 1):
        parts = [title, style.set(Line(heading.notes), width)]
        items = set_lines(parts, left, style.pad)
        height = total_height(parts)
    else:
        # The notes stand on the baseline of the title.
        y = style.pad + title.face.ascent - notes.face.ascent
        items = [*set_lines([title], left, style.pad), *set_lines([notes], left + title.width + 2 * style.pad, y)]
        height = title.height
    ground = Rectangle(x=style.margin, y=0, width=frame.inner, height=height + 2 * style.pad, fill=inks.band)
    return Strip(height=height + 3 * style.pad + style.gap // 2, items=(ground, *items))


def _missing(frame: Frame, cell: Cell, left: int) -> Slot:
    """An empty box with the reason in it, or below it if it does not fit."""
    style, inks = frame.style, frame.style.inks
    width, height = size = frame.tiles.size(cell)
    inside, below = _fitting(frame, cell.reason, width - 4 * style.pad, height - 2 * style.pad)

    def items(x: int, top: int) -> list[Item]:
        outer = {"x": x - 1, "y": top - 1, "width": width + 2, "height": height + 2}
        box = Rectangle(**outer, fill=inks.band, edge=inks.soft, dashed=True)
        return [box, *set_lines(inside, x + width / 2, top + (height - total_height(inside)) // 2, "centre")]

    return Slot(left=left, size=size, items=items, caption=below)


def _fitting(frame: Frame, reason: str, width: int, height: int) -> tuple[list[Paragraph], list[Paragraph]]:
    """What stands in the box and what below it: in smaller letters first, then the reason below, then all of it."""
    style = frame.style
    head = style.set(NO_MAP, width)
    for size in range(style.small.size, max(style.small.size - SMALLER_LETTERS, SMALLEST) - 1, -1):
        parts = [head, paragraph(reason, replace(style.small, size=size), width, style.inks.soft)]
        if total_height(parts) <= height:
            return parts, []
    below = style.set(Line(reason), style.tile)
    if head.height <= height and len(head.lines) == 1:
        return [head], [below]
    return [], [style.set(NO_MAP, style.tile), below]


def foot(frame: Frame) -> Strip:
    """The colour bar, and the caption below."""
    style, layout = frame.style, frame.layout
    texts = [*layout.caption, DIMMED] if frame.tiles.has_margin() else layout.caption
    lines = [paragraph(text, style.small, frame.inner, style.inks.soft) for text in texts]
    caption = Strip(height=total_height(lines), items=tuple(set_lines(lines, style.margin, 0)))
    items, height = stacked([_bar(frame), caption] if layout.has_heat else [caption])
    return Strip(height=height, items=tuple(items))


def _ticks(frame: Frame, left: int, top: int) -> list[Item]:
    """Where the values of the contours are on the colour bar."""
    look, length = frame.layout.look, frame.style.tile
    values = [*look.contours, *(-level for level in look.contours if look.signed)]
    shares = [(value + 1) / 2 if look.signed else value for value in values]
    height = max(2, frame.style.pad // 2)
    return [
        Rectangle(x=left + round(share * length), y=top + 1, width=1, height=height, fill=frame.style.inks.ink)
        for share in shares
    ]


def _bar(frame: Frame) -> Strip:
    """The ends with the colours between, and what they mean: next to the bar, or below if there is little room."""
    style, inks = frame.style, frame.style.inks
    length, pad = style.tile, style.pad
    thickness = max(8, round(0.7 * style.small.size))
    zero, one = (paragraph(text, style.small, length, inks.ink) for text in frame.layout.ends)
    left = style.margin + zero.width + pad
    right = left + length + pad + one.width + 2 * pad
    room = style.margin + frame.inner - right
    fits = room > style.tile
    label = paragraph(frame.layout.scale, style.small, room if fits else frame.inner, inks.soft)
    # The bar is centred on its digits, which reach from the baseline to about three quarters of the letter size.
    top = zero.face.ascent - round(0.36 * zero.face.size) - thickness // 2
    items: list[Item] = [
        *set_lines([zero], style.margin, 0),
        *framed(left, top, (length, thickness), inks.edge, partial(ramp, frame.layout.colormap)),
        *_ticks(frame, left, top + thickness),
        *set_lines([one], left + length + pad, 0),
        *set_lines([label], right if fits else style.margin, 0 if fits else zero.height),
    ]
    height = max(zero.height, label.height) if fits else zero.height + label.height
    return Strip(height=height + pad, items=tuple(items))
