"""A comparison in the terminal: its figure if the terminal has graphics, else small pictures side by side."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from math import ceil
from typing import TYPE_CHECKING

from rich.align import Align, VerticalAlignMethod
from rich.box import Box
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.segment import Segment, Segments
from rich.style import Style
from rich.table import Table
from rich.text import Text

from camctl.render.colormaps import ramp
from camctl.render.figure.figure import figure_pages
from camctl.render.figure.frame import frames_of
from camctl.render.layout.captions import DOT, Line
from camctl.render.layout.layout import lay_out
from camctl.render.layout.naming import renamed
from camctl.render.layout.tiles import Tiles
from camctl.render.page.raster import paint
from camctl.render.terminal.picture import ROWS_LEFT, SHADES, graphics, is_plain, letters, show_graphics
from camctl.render.text.fonts import plain as printable
from camctl.render.text.wrapping import break_lines
from camctl.values.look import SMALLEST_TILE, Look
from camctl.values.picture import Picture

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Unpack

    from rich.console import Console

    from camctl.render.layout.captions import Tone
    from camctl.render.layout.layout import Layout, Row
    from camctl.render.page.page import Draw
    from camctl.values.comparison import Cell, Comparison
    from camctl.values.look import Looks

GAP = 2
"""Columns of the terminal between two pictures."""

NARROWEST, WIDEST = 16, 40
"""Columns of the terminal that a picture takes: narrower ones show nothing, wider ones push their neighbours out."""

ROWS_OF_WORDS = 6
"""Rows of the terminal for headings and captions, so that a picture and its words fit on one screen."""

CELL = 10, 20
"""Width and height of a terminal's cell in pixels, for graphics: typical values."""

TILE, LARGEST_SHOWN = 224, 320
"""Pixels of a tile at which a figure is measured, and of the largest one shown in a terminal with graphics."""

LOWEST = 30
"""Minimum height of a page of the figure in rows of the terminal: one row of the figure has to fit."""

STYLES: dict[Tone, str] = {"strong": "bold", "soft": "dim", "warning": "yellow"}

DASHED = Box("┌╌╌┐\n╎ ╎╎\n├╌┼┤\n╎ ╎╎\n├╌┼┤\n├╌┼┤\n╎ ╎╎\n└╌┴┘\n")
"""Frame of a cell without a map."""


def show_grid(comparison: Comparison, console: Console, **look: Unpack[Looks]) -> None:
    """Draw a comparison, never wider than the terminal; keywords are the fields of `Look`, except `tile`.

    Columns that do not fit next to each other follow below, with their headings. In a terminal without colour, letters
    from light to dark show the heat. Raises `InputError` if an axis is named twice.
    """
    choices = replace(Look(**look), width="", contours=())  # a terminal is no paper
    comparison = renamed(comparison, choices.name)
    if graphics(console) is not None and _show_figure(comparison, console, choices):
        return
    plain = is_plain(console)
    pictures = overlays = Tiles(comparison, choices)
    if plain:
        # A single shade cannot show both heat and picture: the map is shown alone, on black.
        # Of signed maps on grey: a light shade is evidence for the class, a dark one against it.
        zero = 128 if choices.signed else 0
        black = tuple(Picture(picture.path, 0 * picture.pixels + zero) for picture in comparison.pictures)
        overlays = Tiles(replace(comparison, pictures=black), replace(choices, colormap="grey", opacity=1.0))
    _Grid(lay_out(comparison, choices), console, plain, pictures, overlays).show()


def _show_figure(comparison: Comparison, console: Console, look: Look) -> bool:
    """The figure itself, a page per screen; False if it does not fit the width, or the terminal fails to draw it."""
    width = frames_of(lay_out(comparison, replace(look, tile=TILE)))[0].width
    tile = min(TILE * console.width * CELL[0] // width, LARGEST_SHOWN)
    if tile < SMALLEST_TILE:  # too small to read
        return False
    most_pixels = console.width * CELL[0] * max(console.height - ROWS_LEFT, LOWEST) * CELL[1]
    pages = figure_pages(comparison, replace(look, tile=tile, most_pixels=most_pixels))
    return all(show_graphics(paint(page), console, min(console.width, ceil(page.width / CELL[0]))) for page in pages)


@dataclass(frozen=True)
class _Grid:
    """Paints a layout with letters. A column is an index in `layout.columns`, or None for the pictures."""

    layout: Layout
    console: Console
    plain: bool
    pictures: Tiles
    overlays: Tiles
    """Draws overlays; heat alone in a terminal without colour."""

    def show(self) -> None:
        self._print([Line(self.layout.warning, "warning")])
        self._print([Line(self.layout.look.title, "strong")])
        bands, width = self._bands()
        for number, columns in enumerate(bands):
            if number:
                self.console.print()
            self._show_band(columns, width)
        self.console.print()
        if self.layout.has_heat:
            self._show_bar()
        self._print(map(Line, self.layout.caption))

    def _bands(self) -> tuple[list[list[int | None]], int]:
        """Columns in as many bands as they need, and the width of a picture."""
        columns: list[int | None] = list(range(len(self.layout.columns)))
        if not self.layout.pictures_across:
            columns.insert(0, None)
        room = self.console.width
        most = self.layout.look.wrap + (columns[0] is None) if self.layout.look.wrap else len(columns)
        per_band = min(len(columns), most, max(1, (room + GAP) // (NARROWEST + GAP)))
        count = ceil(len(columns) / per_band)
        # Bands differ by at most one column.
        ends = [ceil(len(columns) * number / count) for number in range(count + 1)]
        per_band = max(end - start for start, end in pairwise(ends))
        high = max(self.console.height - ROWS_LEFT - ROWS_OF_WORDS, NARROWEST // 2)
        width = max(1, min((room - GAP * (per_band - 1)) // per_band, WIDEST, 2 * high, room))
        return [columns[start:end] for start, end in pairwise(ends)], width

    def _show_band(self, columns: Sequence[int | None], width: int) -> None:
        layout = self.layout
        self._show_headings(columns, width)
        if layout.pictures_across:
            cells = [layout.comparison.cell(layout.columns[column or 0]) for column in columns]
            self._show_row([[self._picture(cell, width) for cell in cells]], [width] * len(cells))
            if not layout.arrangement.rows:
                self.console.print()
        for block in layout.blocks:
            if block.heading.labels:
                self.console.print()
                self._print([Line(block.heading.title, "strong"), Line(block.heading.notes)], sep="  ")
            for row in block.rows:
                self._print(row.label, sep="  ")
                self._show_maps(row, columns, width)

    def _show_headings(self, columns: Sequence[int | None], width: int) -> None:
        levels = self.layout.headings or ((),)
        for level in levels:
            heads = [next((head for head in level if column in head.columns), None) for column in columns]
            parts, widths = [], []
            for head, group in groupby(heads):
                widths.append((width + GAP) * len(list(group)) - GAP)
                lines: tuple[Line, ...] = head.labels[-1].lines if head else ()
                if head is None and level is levels[-1]:
                    lines = (Line("picture"),)
                parts.append(self._words(lines, widths[-1]))
            self._show_row([parts], widths, vertical="bottom")

    def _show_maps(self, row: Row, columns: Sequence[int | None], width: int) -> None:
        tiles: list[RenderableType] = []
        captions: list[Group] = []
        for column in columns:
            if column is None:
                tiles.append(self._picture(row.pictured, width))
                captions.append(Group())
            else:
                cell = row.cells[column]
                tiles.append(self._map(cell, width))
                captions.append(self._words(row.captions[column] if cell.cam else [Line(cell.reason)], width))
        has_captions = any(caption.renderables for caption in captions)
        self._show_row([tiles, captions] if has_captions else [tiles], [width] * len(columns))

    # --------------------------------------------------------------------------------------- parts

    def _show_row(
        self,
        rows: Sequence[Sequence[RenderableType]],
        widths: Sequence[int],
        vertical: VerticalAlignMethod = "top",
    ) -> None:
        """Print rows of parts side by side, each centred in its width."""
        table = Table.grid(padding=(0, GAP, 0, 0))
        for width in widths:
            table.add_column(width=width, justify="center", vertical=vertical, no_wrap=True)
        for row in rows:
            table.add_row(*row)
        self.console.print(table)

    def _picture(self, cell: Cell, width: int) -> RenderableType:
        return self._drawn(self.pictures.picture_of(cell), cell, width)

    def _map(self, cell: Cell, width: int) -> RenderableType:
        if cell.cam is not None:
            return self._drawn(self.overlays.overlay(cell), cell, width)
        columns, rows = self._size(cell, width)
        content = Align.center(Text("no map"), vertical="middle")
        return Panel(content, box=DASHED, width=columns, height=rows, padding=0, style="dim")

    def _drawn(self, draw: Draw, cell: Cell, width: int) -> RenderableType:
        columns, rows = self._size(cell, width)
        picture = letters(draw(columns, rows if self.plain else 2 * rows), plain=self.plain)
        return Padding(picture, (0, 0, 0, (width - columns) // 2), expand=False)

    def _size(self, cell: Cell, width: int) -> tuple[int, int]:
        """Columns and rows of the terminal; a cell counts as twice as high as wide."""
        across, down = self.pictures.size(cell)
        longest = max(across, down)
        return max(1, round(width * across / longest)), max(1, round(width * down / longest / 2))

    def _show_bar(self) -> None:
        colours = letters(ramp(self.layout.colormap, NARROWEST, 2), plain=False)
        bar = [Segment(SHADES)] if self.plain else colours.segments
        label = self.layout.scale
        zero, one = map(self._printable, self.layout.ends)
        fits = NARROWEST + len(zero) + len(one) + 4 + cell_len(label) <= self.console.width
        words = Segment(f"  {label}" if fits else "", Style(dim=True))
        self.console.print(
            Segments([Segment(f"{zero} "), *bar[:NARROWEST], Segment(f" {one}"), words, Segment.line()]), end=""
        )
        if not fits:
            self._print([Line(label)])

    def _print(self, lines: Iterable[Line], sep: str = "\n") -> None:
        """Print lines, or all on one line."""
        parts = [Text(self._printable(line.text), style=STYLES[line.tone]) for line in lines if line.text]
        if parts:
            self.console.print(Text(sep).join(parts))

    def _words(self, lines: Iterable[Line], width: int) -> Group:
        """Lines broken to a width."""
        return Group(
            *(
                Text(part, style=STYLES[line.tone], justify="center", no_wrap=True)
                for line in lines
                for part in break_lines(self._printable(line.text), width, cell_len)
            )
        )

    def _printable(self, text: str) -> str:
        """A text on one line, without what would control the terminal, or cannot be written to it."""
        text = printable(" ".join(text.splitlines()))
        if self.console.options.ascii_only:
            text = text.replace(DOT, ", ").replace("\N{MINUS SIGN}", "-")
        return text.encode(self.console.encoding, "replace").decode(self.console.encoding)
