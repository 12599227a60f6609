"""What stands above the rows of a figure, on every page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camctl.render.figure.tile_rows import heading_row, picture_slot, tile_row
from camctl.render.layout.captions import Line
from camctl.render.page.page import Rectangle, Strip
from camctl.render.text.wrapping import paragraph, set_lines

if TYPE_CHECKING:
    from camctl.render.figure.frame import Frame
    from camctl.render.layout.captions import Label
    from camctl.render.layout.layout import Heading
    from camctl.render.text.wrapping import Paragraph

PICTURE = "picture"
"""Heading of the pictures without heat."""


def headings(frame: Frame) -> list[Strip]:
    """Title, warning, headings of the columns, and the pictures if they run across."""
    *outer, inner = frame.layout.headings or ((),)
    strips = [_title(frame), _warning(frame)]
    strips += [heading_row(frame.style, [_span(frame, heading) for heading in level], rule=True) for level in outer]
    spans = [_span(frame, heading) for heading in inner]
    if not frame.layout.pictures_across:
        picture = paragraph(PICTURE, frame.style.text, frame.style.tile, frame.style.inks.soft)
        spans.insert(0, (frame.first, frame.first + frame.style.tile, [picture]))
    strips.append(heading_row(frame.style, spans))
    if frame.layout.pictures_across:
        strips.append(_pictures(frame))
    return [strip for strip in strips if strip.height]


def _title(frame: Frame) -> Strip:
    style = frame.style
    title = paragraph(frame.layout.look.title, style.title, frame.inner, style.inks.ink)
    height = title.height + style.gap if title.lines else 0
    return Strip(height=height, items=tuple(set_lines([title], style.margin, 0)))


def _warning(frame: Frame) -> Strip:
    """The warning about random weights: a picture travels without its terminal."""
    style, inks = frame.style, frame.style.inks
    if not frame.layout.warning:
        return Strip(height=0, items=())
    warning = paragraph(frame.layout.warning, style.head, frame.inner - 4 * style.pad, inks.warning)
    height = warning.height + 2 * style.pad
    box = Rectangle(x=style.margin, y=0, width=frame.inner, height=height, fill=inks.band, edge=inks.warning)
    words = set_lines([warning], style.margin + 2 * style.pad, style.pad)
    return Strip(height=height + style.gap, items=(box, *words))


def _span(frame: Frame, heading: Heading) -> tuple[int, int, list[Paragraph]]:
    """Left and right edge of a heading, and its words."""
    left = frame.lefts[heading.first]
    right = frame.lefts[heading.first + heading.span - 1] + frame.style.tile
    return left, right, _words(frame, heading.labels[-1], right - left)


def _words(frame: Frame, label: Label, width: int) -> list[Paragraph]:
    name, *notes = label.lines
    if notes and width > frame.style.tile:  # over several columns there is room for all notes on one line
        notes = [Line(", ".join(label.notes))]
    return [frame.style.set(line, width) for line in (name, *notes)]


def _pictures(frame: Frame) -> Strip:
    """The pictures themselves, each over its maps."""
    style, comparison = frame.style, frame.layout.comparison
    cells = [comparison.cell(column) for column in frame.layout.columns]
    slots = [
        picture_slot(style, left, frame.tiles.size(cell), frame.tiles.picture_of(cell))
        for left, cell in zip(frame.lefts, cells, strict=True)
    ]
    label = [paragraph(PICTURE, style.text, style.gutter, style.inks.soft)] if frame.first > style.margin else []
    return tile_row(style, slots, label, frame.label_right)
