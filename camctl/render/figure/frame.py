"""The frame of a figure: where its columns stand, and what stands above the rows on every page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING

from camctl.errors import Hint, InputError
from camctl.render.figure.style import style_of
from camctl.render.figure.tile_rows import heading_row, picture_slot, tile_row
from camctl.render.layout.captions import Line
from camctl.render.layout.tiles import Tiles
from camctl.render.page.page import PER_INCH, Rectangle, Strip
from camctl.render.text.wrapping import paragraph, set_lines
from camctl.values.look import LARGEST_TILE, SMALLEST_TILE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camctl.render.figure.style import Style
    from camctl.render.layout.layout import Heading, Layout
    from camctl.render.text.wrapping import Paragraph

PICTURE = "picture"
"""Heading of the pictures without heat."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """What all parts of a figure share."""

    layout: Layout
    tiles: Tiles
    style: Style
    labels: Style
    """The style of the rows' labels."""
    first: int
    """Left edge of the first column: of pictures, or of maps if pictures run across."""
    lefts: tuple[int, ...]
    """Left edge of each column of maps."""

    @property
    def natural(self) -> int:
        """Width that columns and margins take."""
        return self.lefts[-1] + self.style.tile + self.style.margin

    @property
    def width(self) -> int:
        """Width of the page."""
        return max(self.natural, round(PER_INCH * self.inches)) if self.inches else self.natural

    @property
    def inches(self) -> float | None:
        """Width in print; None if none was asked for."""
        return self.layout.look.inches

    @property
    def inner(self) -> int:
        """Width between the margins."""
        return self.width - 2 * self.style.margin

    @property
    def label_right(self) -> int:
        """Right edge of the rows' labels."""
        return self.first - 2 * self.style.pad


def frame_of(layout: Layout) -> Frame:
    """The frame of a layout; with a width in print, of the largest tiles that fit. Raises `InputError` if none do."""
    inches = layout.look.inches
    if inches is None:
        return _frame(layout)
    smallest, largest, room = SMALLEST_TILE, LARGEST_TILE, round(PER_INCH * inches)
    frame = _sized(layout, smallest)
    if frame.natural > room:
        message = f"{len(layout.columns)} columns of maps do not fit into {layout.look.width}."
        wide = f"{ceil(10 * frame.natural / PER_INCH) / 10}in"
        raise InputError(message, hint=Hint("Put other axes across, or give more width", width=wide))
    while largest - smallest > 1:
        tile = (smallest + largest) // 2
        wider = _sized(layout, tile)
        if wider.natural > room:
            largest = tile
        else:
            smallest, frame = tile, wider
    return frame


def _sized(layout: Layout, tile: int) -> Frame:
    return _frame(replace(layout, look=replace(layout.look, tile=tile)))


def _frame(layout: Layout) -> Frame:
    style = style_of(layout.look.tile, layout.look.theme)
    labels = style.fitting((line.text, style.gutter) for row in layout.rows for line in row.label)
    gutter = max((part.width for row in layout.rows for part in labels.set_all(row.label, style.gutter)), default=0)
    first = style.margin + (gutter + 2 * style.pad if gutter else 0)
    left = first if layout.pictures_across else first + style.tile + 2 * style.gap
    # The gap is wider where an outer heading ends.
    ends = {heading.first for headings in layout.headings[:-1] for heading in headings}
    lefts = []
    for number in range(len(layout.columns)):
        if number:
            left += style.tile + style.gap * (3 if number in ends else 1)
        lefts.append(left)
    return Frame(
        layout=layout,
        tiles=Tiles(layout.comparison, layout.look),
        style=style,
        labels=labels,
        first=first,
        lefts=tuple(lefts),
    )


def headings(frame: Frame) -> list[Strip]:
    """Title, warning, headings of the columns, and the pictures if they run across."""
    *outer, inner = frame.layout.headings or ((),)
    strips = [_title(frame), _warning(frame)]
    strips += [heading_row(frame.style, _spans(frame, level), rule=True) for level in outer]
    spans = _spans(frame, inner)
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


def _spans(frame: Frame, level: Sequence[Heading]) -> list[tuple[int, int, list[Paragraph]]]:
    """Left and right edge of each heading of a level, and its words: all of one size."""
    edges = [_edges(frame, heading) for heading in level]
    names = (heading.labels[-1].lines[0].text for heading in level)
    style = frame.style.fitting((name, _room(frame.style, edge)) for name, edge in zip(names, edges, strict=True))
    return [(*edge, _words(style, heading, edge)) for heading, edge in zip(level, edges, strict=True)]


def _edges(frame: Frame, heading: Heading) -> tuple[int, int]:
    """Left and right edge of a heading."""
    left = frame.lefts[heading.first]
    return left, frame.lefts[heading.first + heading.span - 1] + frame.style.tile


def _words(style: Style, heading: Heading, edges: tuple[int, int]) -> list[Paragraph]:
    """The words of a heading between its edges."""
    label = heading.labels[-1]
    name, *notes = label.lines
    if notes and heading.span > 1:  # over several columns there is room for all notes on one line
        notes = [Line(", ".join(label.notes))]
    return style.set_all([name, *notes], _room(style, edges))


def _room(style: Style, edges: tuple[int, int]) -> int:
    """Width for a heading: a long one takes the gaps beside its tiles, but for a space between two words."""
    left, right = edges
    return right - left + max(0, style.gap - style.pad // 2)


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
