"""Sizes and colours of everything on a page of tiles."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from camctl.render.page.page import THEMES
from camctl.render.text.fonts import Face
from camctl.render.text.wrapping import breakage, paragraph

if TYPE_CHECKING:
    from collections.abc import Iterable

    from camctl.render.layout.captions import Line
    from camctl.render.page.page import Inks
    from camctl.render.text.wrapping import Paragraph
    from camctl.values.look import Theme

GUTTER = 0.9
"""Maximum width of a row's label, in tiles."""

GUTTER_LETTERS = 8
"""Minimum of that width, in letter sizes: next to tiny tiles labels may be wider."""

SMALLEST = 10
"""Smallest letters of a figure in pixels, 7.5 points in print."""

FLUSH = 2
"""Margin in a paper, whose page has margins of its own: room for frames, so that the figure is flush with the text."""

LARGER_ON_SLIDES = 1.4
"""How much larger letters are that are read from the back of a room."""


@dataclass(frozen=True, kw_only=True)
class Style:
    """Sizes in pixels, fonts and colours, all derived from the size of a tile and the theme."""

    tile: int
    margin: int
    gap: int
    pad: int
    title: Face
    head: Face
    text: Face
    small: Face
    inks: Inks

    @property
    def gutter(self) -> int:
        """Maximum width of a row's label."""
        return max(round(GUTTER * self.tile), GUTTER_LETTERS * self.small.size)

    def fitting(self, texts: Iterable[tuple[str, int]]) -> Style:
        """The style whose headings are small enough for texts, each with its width, to be broken between words only.

        No smaller than `SMALLEST`: where words are longer, as large as the fewest of them are broken.
        """
        wanted = [*texts]
        sizes = range(self.head.size, min(SMALLEST, self.head.size) - 1, -1)
        heads = [replace(self.head, size=size) for size in sizes]
        return replace(
            self, head=min(heads, key=lambda head: sum(breakage(text, width, head.length) for text, width in wanted))
        )

    def set_all(self, lines: Iterable[Line], width: int) -> list[Paragraph]:
        """Lines of a caption, each broken to a width."""
        return [self.set(line, width) for line in lines]

    def set(self, line: Line, width: int) -> Paragraph:
        """A line of a caption, broken to a width."""
        face = self.head if line.tone == "strong" else self.small
        ink = {"strong": self.inks.ink, "soft": self.inks.soft, "warning": self.inks.warning}[line.tone]
        return paragraph(line.text, face, width, ink)


def style_of(tile: int, theme: Theme = "light", font: str = "") -> Style:
    """The style for tiles of a size; letters stay readable next to the smallest tiles. For a font see `font_files`."""
    size = max(11, round(tile / 14))
    size = round(LARGER_ON_SLIDES * size) if theme == "slides" else size
    return Style(
        tile=tile,
        margin=FLUSH if theme == "paper" else max(8, tile // 12),
        gap=max(6, tile // 16),
        pad=max(4, tile // 36),
        title=Face(round(1.25 * size), bold=True, font=font),
        head=Face(size, bold=True, font=font),
        text=Face(size, font=font),
        small=Face(max(SMALLEST, round(0.9 * size)), font=font),
        inks=THEMES[theme],
    )
