"""The frame of a figure: where its columns stand, and what stands above its rows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from camctl.render.figure.captions import Saying
from camctl.render.page.page import Item, Rectangle, Shown, Strip
from camctl.render.text.wrapping import block, height_of, set_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camctl.render.figure.arrangement import Arrangement, At
    from camctl.render.figure.captions import Told
    from camctl.render.figure.sizes import Sizes
    from camctl.render.figure.tiles import Tiles
    from camctl.render.page.page import Colour, Draw, Inks
    from camctl.render.text.fonts import Face
    from camctl.render.text.wrapping import Block
    from camctl.values.comparison import AxisName, Cell, Comparison
    from camctl.values.look import Look

GUTTER = 0.9
"""Greatest width of a row's label, in tiles; more beside tiny ones, in sizes of letters."""

GUTTER_LETTERS = 8

PICTURE = "picture"
"""Over or beside pictures without heat."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """Everything that the parts of a figure share."""

    comparison: Comparison
    arrangement: Arrangement
    look: Look
    told: Told
    tiles: Tiles
    inks: Inks
    sizes: Sizes
    columns: Sequence[At]
    lefts: Sequence[int]
    """Left edge of each column of maps."""
    first: int
    """Left edge of the first column: of pictures, or of maps where pictures run across."""
    width: int

    @property
    def pictures_across(self) -> bool:
        """Whether pictures stand in a row of their own, not in a column."""
        return "image" in self.arrangement.columns

    @property
    def inner(self) -> int:
        """Width between the margins."""
        return self.width - 2 * self.sizes.margin

    @property
    def gutter(self) -> int:
        """Greatest width of a row's label."""
        return max(round(GUTTER * self.sizes.tile), GUTTER_LETTERS * self.sizes.small.size)

    def cells(self, at: At) -> list[Cell]:
        """Of a row, from left to right."""
        return [self.comparison.cell({**at, **column}) for column in self.columns]

    def set(self, saying: Saying, width: int, *, strong: Face | None = None) -> tuple[Block, Colour]:
        """A saying broken to a width, and its ink."""
        face = (strong or self.sizes.head) if saying.tone == "strong" else self.sizes.small
        ink = {"strong": self.inks.ink, "soft": self.inks.soft, "warning": self.inks.warning}[saying.tone]
        return block(saying.text, face, width), ink

    def framed(self, left: int, top: int, size: tuple[int, int], draw: Draw) -> list[Item]:
        """A picture of a size with a thin frame around it, centred in its column."""
        width, height = size
        x = left + (self.sizes.tile - width) // 2
        return [
            Rectangle(x=x - 1, y=top - 1, width=width + 2, height=height + 2, edge=self.inks.edge),
            Shown(x=x, y=top, width=width, height=height, draw=draw),
        ]


def lefts(columns: Sequence[At], axes: Sequence[AxisName], sizes: Sizes, start: int) -> list[int]:
    """Left edge of each column; where an outer heading ends the gap is wider."""
    found: list[int] = []
    for number, column in enumerate(columns):
        if number:
            before = columns[number - 1]
            ended = any(column[name] != before[name] for name in axes[:-1])
            start += sizes.tile + sizes.gap * (3 if ended else 1)
        found.append(start)
    return found


def heads(frame: Frame) -> list[Strip]:
    """What stands above the rows, on every page."""
    strips = [_title(frame), _warning(frame), *_spanning(frame), _over_columns(frame)]
    if frame.pictures_across:
        strips.append(_pictures(frame))
    return [strip for strip in strips if strip.height]


def _title(frame: Frame) -> Strip:
    sizes = frame.sizes
    title = block(frame.look.title, sizes.title, frame.inner)
    if not title.lines:
        return Strip(height=0, items=())
    return Strip(height=title.height + sizes.gap, items=tuple(set_lines(title, sizes.margin, 0, frame.inks.ink)))


def _warning(frame: Frame) -> Strip:
    """That weights are random: a picture travels without its terminal."""
    sizes, inks = frame.sizes, frame.inks
    text = frame.told.warning()
    if not text:
        return Strip(height=0, items=())
    said = block(text, sizes.head, frame.inner - 4 * sizes.pad)
    height = said.height + 2 * sizes.pad
    framed = Rectangle(x=sizes.margin, y=0, width=frame.inner, height=height, fill=inks.band, edge=inks.warning)
    words = set_lines(said, sizes.margin + 2 * sizes.pad, sizes.pad, inks.warning)
    return Strip(height=height + sizes.gap, items=(framed, *words))


def _spanning(frame: Frame) -> list[Strip]:
    """Headings over several columns, one line of them for each outer axis, with a rule under each."""
    axes, sizes, inks = frame.arrangement.columns, frame.sizes, frame.inks
    strips = []
    for level, name in enumerate(axes[:-1]):
        shared = axes[: level + 1]
        numbered = enumerate(frame.columns)
        spans = [
            [number for number, _ in group]
            for _, group in groupby(numbered, key=lambda each: [each[1][axis] for axis in shared])
        ]
        said = []
        for span in spans:
            left, right = frame.lefts[span[0]], frame.lefts[span[-1]] + sizes.tile
            at = frame.columns[span[0]]
            said.append((left, right, _heading(frame, name, at, right - left)))
        height = max(height_of(part for part, _ in parts) for *_, parts in said)
        items: list[Item] = []
        for left, right, parts in said:
            y = height - height_of(part for part, _ in parts)
            items += _centred(parts, (left + right) / 2, y)
            items.append(Rectangle(x=left, y=height + sizes.pad // 2, width=right - left, height=1, fill=inks.soft))
        strips.append(Strip(height=height + 2 * sizes.pad, items=tuple(items)))
    return strips


def _over_columns(frame: Frame) -> Strip:
    """The innermost headings, on one baseline close to their maps."""
    axes, sizes = frame.arrangement.columns, frame.sizes
    said = []
    if axes:
        places = zip(frame.lefts, frame.columns, strict=True)
        said = [(left, _heading(frame, axes[-1], at, sizes.tile)) for left, at in places]
    if not frame.pictures_across:
        said.insert(0, (frame.first, [(block(PICTURE, sizes.text, sizes.tile), frame.inks.soft)]))
    height = max((height_of(part for part, _ in parts) for _, parts in said), default=0)
    items: list[Item] = []
    for left, parts in said:
        items += _centred(parts, left + sizes.tile / 2, height - height_of(part for part, _ in parts))
    return Strip(height=height + sizes.pad if height else 0, items=tuple(items))


def _heading(frame: Frame, name: AxisName, at: At, width: int) -> list[tuple[Block, Colour]]:
    more = frame.told.more(name, at)
    # Over a single column each on a line of its own.
    said = more if width == frame.sizes.tile else filter(None, [", ".join(more)])
    return [frame.set(saying, width) for saying in (Saying(frame.told.heading(name, at), "strong"), *map(Saying, said))]


def _centred(parts: Sequence[tuple[Block, Colour]], x: float, y: int) -> list[Item]:
    items: list[Item] = []
    for part, ink in parts:
        items += set_lines(part, x, y, ink, "centre")
        y += part.height
    return items


def _pictures(frame: Frame) -> Strip:
    """Where images run across: the pictures themselves, each over its maps."""
    sizes = frame.sizes
    items: list[Item] = []
    shown = []
    for left, column in zip(frame.lefts, frame.columns, strict=True):
        image, view = column["image"], frame.tiles.view(frame.comparison.cell(column))
        size = frame.tiles.size(image, view)
        shown.append((left, size, frame.tiles.picture(image, view)))
    height = max(size[1] for _, size, _ in shown)
    for left, size, draw in shown:
        items += frame.framed(left, (height - size[1]) // 2, size, draw)
    label = block(PICTURE, sizes.text, frame.gutter)
    if frame.first > sizes.margin:
        right = frame.first - 2 * sizes.pad
        items += set_lines(label, right, (height - label.height) // 2, frame.inks.soft, "right")
    return Strip(height=height + sizes.gap, items=tuple(items))
