"""A comparison in the terminal: its figure where the terminal has graphics, else small pictures side by side."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from math import ceil
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from camctl.render.colormaps import heatmap
from camctl.render.figure.arrangement import arrange, blocks
from camctl.render.figure.captions import DOT, Saying, Told
from camctl.render.figure.figure import figure_pages
from camctl.render.figure.tiles import Tiles
from camctl.render.page.raster import paint
from camctl.render.terminal.lines import GAP, Lines, beside, empty_box, side_by_side
from camctl.render.terminal.picture import ROWS_LEFT, SHADES, graphics, is_plain, letters, print_lines, show_graphics
from camctl.render.text.fonts import plain as printable
from camctl.render.text.wrapping import break_lines
from camctl.values.look import SMALLEST_TILE, Look
from camctl.values.picture import Picture

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Unpack

    from rich.console import Console

    from camctl.render.figure.arrangement import At
    from camctl.render.figure.captions import Tone
    from camctl.render.page.page import Draw
    from camctl.values.comparison import Cell, Comparison, Place
    from camctl.values.explanation import View
    from camctl.values.look import Looks

NARROWEST, WIDEST = 16, 40
"""Columns of the terminal that a picture takes: fewer show nothing, more push its neighbours out."""

WORDS_AROUND = 6
"""Rows of the terminal that headings and captions take, so that a picture and its words fit on one screen."""

CELL = 10, 20
"""Width and height of a terminal's cell in pixels, for graphics: about what most have."""

TILE, LARGEST_SHOWN = 224, 320
"""Pixels of a tile at which a figure is measured, and of the largest one shown in a terminal with graphics."""

LOWEST = 30
"""Rows that a page of the figure may take however low the terminal is: a row of the figure has to fit."""

STYLES: dict[Tone, Style] = {
    "strong": Style(bold=True),
    "soft": Style(dim=True),
    "warning": Style(color="yellow"),
}


def show_grid(comparison: Comparison, console: Console, **look: Unpack[Looks]) -> None:
    """Draw a comparison, never wider than the terminal; keywords are the fields of `Look`, `tile` left out.

    Columns that do not fit beside each other follow below, with their headings. In a terminal without colour
    heat is told by letters, dark to light. Raises `InputError` for axes that cannot be drawn.
    """
    chosen = Look(**look)
    if graphics(console) is not None and _show_figure(comparison, console, look):
        return
    plain = is_plain(console)
    if plain:
        # Heat and picture cannot be told apart by one shade: the map is shown alone.
        chosen = replace(chosen, colormap="grey", opacity=1.0)
    told = Told(comparison=comparison, arrangement=arrange(comparison, chosen.columns, chosen.rows), look=chosen)
    tiles = Tiles(_without_light(comparison) if plain else comparison, chosen)
    grid = _Grid(
        comparison=comparison, console=console, plain=plain, told=told, tiles=tiles, bare=Tiles(comparison, chosen)
    )
    grid.show(look.get("colormap", chosen.colormap))


def _show_figure(comparison: Comparison, console: Console, look: Looks) -> bool:
    """The figure itself, a page a screen; False where it does not fit its width, or the terminal fails at it."""
    fitting: Looks = {**look, "tile": TILE}
    width = figure_pages(comparison, **fitting)[0].width
    tile = min(TILE * console.width * CELL[0] // width, LARGEST_SHOWN)
    if tile < SMALLEST_TILE:  # too small to read
        return False
    fitting["tile"] = tile
    fitting["most_pixels"] = console.width * CELL[0] * max(console.height - ROWS_LEFT, LOWEST) * CELL[1]
    pages = figure_pages(comparison, **fitting)
    return all(show_graphics(paint(page), console, min(console.width, ceil(page.width / CELL[0]))) for page in pages)


def _without_light(comparison: Comparison) -> Comparison:
    """The same maps on black pictures."""
    return replace(comparison, pictures=tuple(Picture(one.path, 0 * one.pixels) for one in comparison.pictures))


@dataclass(frozen=True, kw_only=True)
class _Column:
    """Of the grid: of maps, or of the pictures themselves."""

    at: At | None
    """None: of pictures."""


@dataclass(frozen=True, kw_only=True)
class _Grid:
    comparison: Comparison
    console: Console
    plain: bool
    told: Told
    tiles: Tiles
    """What draws overlays; heat alone in a terminal without colour."""
    bare: Tiles
    """What draws pictures."""

    def show(self, colormap: str) -> None:
        if warning := self.told.warning():
            self._say([Saying(warning, "warning")])
        if self.told.look.title:
            self._say([Saying(self.told.look.title, "strong")])
        bands, width = self._bands()
        for number, columns in enumerate(bands):
            if number:
                self.console.print()
            self._show_band(columns, width)
        self.console.print()
        if any(not cam.blank for cam in self.comparison.maps):
            self._show_bar(colormap)
        self._say([Saying(text) for text in self.told.caption()])

    def _bands(self) -> tuple[list[list[_Column]], int]:
        """Columns in as many bands as they need, and how wide a picture is."""
        columns = [_Column(at=at) for at in self.told.arrangement.across(self.comparison)]
        if "image" not in self.told.arrangement.columns:
            columns.insert(0, _Column(at=None))
        room = self.console.width
        beside = min(len(columns), max(1, (room + GAP) // (NARROWEST + GAP)))
        count = ceil(len(columns) / beside)
        # As many in each band as in the others, or one fewer.
        ends = [ceil(len(columns) * number / count) for number in range(count + 1)]
        beside = max(end - start for start, end in pairwise(ends))
        high = max(self.console.height - ROWS_LEFT - WORDS_AROUND, NARROWEST // 2)
        width = max(1, min((room - GAP * (beside - 1)) // beside, WIDEST, 2 * high, room))
        return [columns[start:end] for start, end in pairwise(ends)], width

    def _show_band(self, columns: Sequence[_Column], width: int) -> None:
        arrangement = self.told.arrangement
        print_lines(self._headings(columns, width), self.console)
        if "image" in arrangement.columns:
            pictures = [self._picture(column.at or {}, width) for column in columns]
            print_lines(beside(pictures, width), self.console)
            if not arrangement.rows:
                self.console.print()
        for shared, ats in blocks(arrangement.down(self.comparison), arrangement.rows):
            outer = arrangement.rows[:-1]
            if outer:
                name = DOT.join(self.told.heading(axis, shared) for axis in outer)
                more = DOT.join(", ".join(said) for axis in outer if (said := self.told.more(axis, shared)))
                self.console.print()
                self._say([Saying(name, "strong"), Saying(more)], sep="  ")
            for at in ats:
                self._show_row(at, columns, width)

    def _headings(self, columns: Sequence[_Column], width: int) -> Lines:
        axes = self.told.arrangement.columns
        lines: Lines = []
        for level, axis in enumerate(axes[:-1]):
            spans = groupby(columns, key=lambda column: column.at and [column.at[name] for name in axes[: level + 1]])
            parts, widths = [], []
            for key, group in spans:
                count = len(list(group))
                widths.append(count * width + GAP * (count - 1))
                at = dict(zip(axes, key, strict=False)) if key else None
                said = (
                    [Saying(self.told.heading(axis, at), "strong"), *map(Saying, self.told.more(axis, at))]
                    if at
                    else []
                )
                parts.append(self._words(said, widths[-1]))
            lines += side_by_side(parts, widths)
        over = []
        for column in columns:
            said = [Saying("picture")]
            if column.at is not None:
                said = []
                if axes:
                    more = self.told.more(axes[-1], column.at)
                    said = [Saying(self.told.heading(axes[-1], column.at), "strong"), *map(Saying, more)]
            over.append(self._words(said, width))
        high = max(len(each) for each in over)
        return lines + beside([[[]] * (high - len(each)) + each for each in over], width)

    def _show_row(self, at: At, columns: Sequence[_Column], width: int) -> None:
        cells = [self.comparison.cell({**at, **(column.at or {})}) for column in columns]
        every = [self.comparison.cell({**at, **column}) for column in self.told.arrangement.across(self.comparison)]
        self._say(self.told.row_label(at, every), sep="  ")
        drawn = [cell for cell in every if cell.cam is not None]
        pictures: list[Lines] = []
        captions: list[Lines] = []
        for cell, column in zip(cells, columns, strict=True):
            if column.at is None:
                pictures.append(self._picture((drawn or every)[0].at, width))
                captions.append([])
            else:
                pictures.append(self._map(cell, width))
                under = self.told.under(cell) if cell.cam else [Saying(cell.reason)]
                captions.append(self._words(under, width))
        print_lines([*beside(pictures, width), *beside(captions, width)], self.console)

    # --------------------------------------------------------------------------------------- parts

    def _picture(self, at: Place, width: int) -> Lines:
        cell = self.comparison.cell(at)
        view = self.bare.view(cell)
        return self._drawn(self.bare.picture(cell.at["image"], view), cell, view, width)

    def _map(self, cell: Cell, width: int) -> Lines:
        view = self.tiles.view(cell)
        if cell.cam is not None:
            return self._drawn(self.tiles.overlay(cell), cell, view, width)
        columns, rows = self._size(cell, view, width)
        box = empty_box(columns, rows, "no map", ascii_only=self.console.options.ascii_only)
        return [[Segment(line, STYLES["soft"])] for line in box]

    def _drawn(self, draw: Draw, cell: Cell, view: View | None, width: int) -> Lines:
        columns, rows = self._size(cell, view, width)
        return letters(draw(columns, rows if self.plain else 2 * rows), plain=self.plain)

    def _size(self, cell: Cell, view: View | None, width: int) -> tuple[int, int]:
        """Columns and rows of the terminal: a cell is taken to be twice as high as wide."""
        across, down = self.tiles.size(cell.at["image"], view)
        longest = max(across, down)
        return max(1, round(width * across / longest)), max(1, round(width * down / longest / 2))

    def _show_bar(self, colormap: str) -> None:
        import numpy as np

        ramp = np.linspace(0, 1, NARROWEST, dtype=np.float32)[None].repeat(2, 0)
        bar = [Segment(SHADES)] if self.plain else letters(heatmap(ramp, colormap), plain=False)[0]
        label = "  " + self.told.scale_label()
        fits = NARROWEST + 4 + cell_len(label) <= self.console.width
        print_lines([[Segment("0 "), *bar, Segment(" 1"), Segment(label * fits, STYLES["soft"])]], self.console)
        if not fits:
            self._say([Saying(label.strip())])

    def _say(self, said: Sequence[Saying], sep: str = "\n") -> None:
        """Words on lines of their own, or one after the other."""
        from rich.text import Text

        parts = [Text(self._plain(saying.text), style=STYLES[saying.tone]) for saying in said if saying.text]
        if parts:
            self.console.print(Text(sep).join(parts))

    def _words(self, said: Sequence[Saying], width: int) -> Lines:
        """Words broken to a width, each saying on lines of its own."""
        return [
            [Segment(line, STYLES[saying.tone])]
            for saying in said
            for line in break_lines(self._plain(saying.text), width, cell_len)
        ]

    def _plain(self, text: str) -> str:
        """Without what would steer the terminal, or could not be written to it."""
        text = printable(text)
        if self.console.options.ascii_only:
            text = text.replace(DOT, ", ")
        return text.encode(self.console.encoding, "replace").decode(self.console.encoding)
