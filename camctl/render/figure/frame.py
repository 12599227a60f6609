"""The frame of a figure: what all its parts share, and where its columns stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from camctl.render.figure.style import style_of
from camctl.render.layout.tiles import Tiles

if TYPE_CHECKING:
    from camctl.render.figure.style import Style
    from camctl.render.layout.layout import Layout, Row
    from camctl.render.text.wrapping import Paragraph


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """What all parts of a figure share."""

    layout: Layout
    tiles: Tiles
    style: Style
    first: int
    """Left edge of the first column: of pictures, or of maps if pictures run across."""
    lefts: tuple[int, ...]
    """Left edge of each column of maps."""

    @property
    def width(self) -> int:
        """Width of the page."""
        return self.lefts[-1] + self.style.tile + self.style.margin

    @property
    def inner(self) -> int:
        """Width between the margins."""
        return self.width - 2 * self.style.margin

    @property
    def label_right(self) -> int:
        """Right edge of the rows' labels."""
        return self.first - 2 * self.style.pad

    def label(self, row: Row) -> list[Paragraph]:
        """The label of a row."""
        return _label(self.style, row)


def frame_of(layout: Layout) -> Frame:
    """The frame of a layout."""
    style = style_of(layout.look.tile, layout.look.theme)
    gutter = max((part.width for row in layout.rows for part in _label(style, row)), default=0)
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
        layout=layout, tiles=Tiles(layout.comparison, layout.look), style=style, first=first, lefts=tuple(lefts)
    )


def _label(style: Style, row: Row) -> list[Paragraph]:
    return [style.set(line, style.gutter) for line in row.label]
