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
from camctl.render.text.wrapping import CUT, breakage, paragraph, set_lines
from camctl.values.look import LARGEST_TILE, SMALLEST_TILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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

    heads: tuple[Style, ...]
    """The style of each level of headings: all of one size."""
    least: int = 0
    """Least width of the page."""

    @property
    def natural(self) -> int:
        """Width that columns and margins take."""
        return self.lefts[-1] + self.style.tile + self.style.margin

    @property
    def width(self) -> int:
        """Width of the page."""
        return max(self.natural, self.least)

    @property
    def is_cut(self) -> bool:
        """Whether the name of a column is broken within a word."""
        levels = zip(self.heads, self.layout.headings, strict=True)
        return any(
            breakage(name, room, style.head.length) == CUT
            for style, level in levels
            for name, room in _names(self.style, self.lefts, level)
        )

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


def frames_of(layout: Layout) -> list[Frame]:
    """The frames of a layout's parts, which stand one under the other.

    With a width in print, the tiles are the largest that fit, and columns that do not fit, or whose names would be
    cut, go on below. Raises `InputError` if not even one fits.
    """
    most = layout.look.wrap or len(layout.columns)
    if layout.look.inches is None:
        return _alike([_frame(part) for part in layout.parts(most)])
    room = round(PER_INCH * layout.look.inches)
    choices = [most] if layout.look.wrap else _shares(layout)
    fitting = (frames for count in choices if (frames := _filling(layout.parts(count), room)))
    first = next(fitting, None)
    if first is None:
        least = _alike([_sized(part, SMALLEST_TILE) for part in layout.parts(choices[-1])])
        what = f"{choices[-1]} columns of maps do" if choices[-1] > 1 else "A column of maps does"
        message = f"{what} not fit into {layout.look.width}."
        wide = f"{ceil(10 * least[0].width / PER_INCH) / 10}in"
        raise InputError(message, hint=Hint("Put other axes across, or give more width", width=wide))
    whole = (frames for frames in (first, *fitting) if not any(frame.is_cut for frame in frames))
    return next(whole, first)


def _shares(layout: Layout) -> list[int]:
    """Numbers of columns side by side, the largest first, that leave no part nearly empty and part no outer heading.

    But where not even the columns under one outer heading fit.
    """
    columns = len(layout.columns)
    inner = layout.headings[-2][0].span if len(layout.headings) > 1 else 1
    whole = (inner * ceil(columns / inner / parts) for parts in range(1, columns // inner + 1))
    return list(dict.fromkeys([*whole, *(ceil(inner / parts) for parts in range(1, inner + 1))]))


def _filling(parts: list[Layout], room: int) -> list[Frame]:
    """The frames of the largest tiles that fit; none if not even the smallest do."""
    smallest, largest = SMALLEST_TILE, LARGEST_TILE
    frames = [_sized(part, smallest) for part in parts]
    if max(frame.natural for frame in frames) > room:
        return []
    while largest - smallest > 1:
        tile = (smallest + largest) // 2
        wider = [_sized(part, tile) for part in parts]
        if max(frame.natural for frame in wider) > room:
            largest = tile
        else:
            smallest, frames = tile, wider
    return _alike([replace(frame, least=room) for frame in frames])


def _alike(frames: list[Frame]) -> list[Frame]:
    """Frames of one width, whose headings have one size."""
    levels = zip(*(frame.heads for frame in frames), strict=True)
    heads = tuple(min(level, key=lambda style: style.head.size) for level in levels)
    width = max(frame.width for frame in frames)
    return [replace(frame, heads=heads, least=width) for frame in frames]


def _sized(layout: Layout, tile: int) -> Frame:
    return _frame(replace(layout, look=replace(layout.look, tile=tile)))


def _frame(layout: Layout) -> Frame:
    style = style_of(layout.look.tile, layout.look.theme, layout.look.font)
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
        heads=tuple(style.fitting(_names(style, lefts, level)) for level in layout.headings),
    )


def top(frame: Frame) -> list[Strip]:
    """Title and warning, on every page."""
    return [strip for strip in (_title(frame), _warning(frame)) if strip.height]


def headings(frame: Frame) -> list[Strip]:
    """Headings of the columns, and the pictures if they run across."""
    *levels, spans = [_spans(frame, level) for level in range(len(frame.layout.headings))] or [[]]
    strips = [heading_row(frame.style, level, rule=True) for level in levels]
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


def _spans(frame: Frame, level: int) -> list[tuple[int, int, list[Paragraph]]]:
    """Left and right edge of each heading of a level, and its words."""
    edges = [(_edges(frame.style, frame.lefts, heading), heading) for heading in frame.layout.headings[level]]
    return [(*edge, _words(frame.heads[level], heading, edge)) for edge, heading in edges]


def _names(style: Style, lefts: Sequence[int], level: Iterable[Heading]) -> list[tuple[str, int]]:
    """The name of each heading of a level, and its room."""
    return [(heading.labels[-1].lines[0].text, _room(style, _edges(style, lefts, heading))) for heading in level]


def _edges(style: Style, lefts: Sequence[int], heading: Heading) -> tuple[int, int]:
    """Left and right edge of a heading."""
    return lefts[heading.first], lefts[heading.first + heading.span - 1] + style.tile


def _words(style: Style, heading: Heading, edges: tuple[int, int]) -> list[Paragraph]:
    """The words of a heading between its edges."""
    label = heading.labels[-1]
    name, *notes = label.lines
    if notes and heading.span > 1:  # over several columns there is room for all notes on one line
        notes = [Line(", ".join(label.notes))]
    return style.set_all([name, *notes], _room(style, edges))


def _room(style: Style, edges: tuple[int, int]) -> int:
    """Width for a heading: a long one takes the gaps or margins beside its tiles, but for a space between two words."""
    left, right = edges
    return right - left + min(max(0, style.gap - style.pad // 2), 2 * style.margin)


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
