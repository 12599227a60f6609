"""A comparison laid out: the grid of its cells with headings and captions, which painters only paint."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING

from camctl.render.colormaps import fitting, known_colormap
from camctl.render.layout.arrangement import arrange, spans
from camctl.render.layout.captions import DOT, Captions, contour_text, scale_text, weights_warning
from camctl.values.axis import places

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from camctl.render.layout.arrangement import Arrangement, At
    from camctl.render.layout.captions import Label, Level, Line
    from camctl.values.axis import AxisName
    from camctl.values.comparison import Cell, Comparison
    from camctl.values.look import Look


@dataclass(frozen=True, kw_only=True)
class Heading:
    """The heading of columns, or of a block of rows: one label per axis, outermost first."""

    labels: tuple[Label, ...]
    first: int = 0
    """Index of the first column under it."""
    span: int = 1
    """Number of columns under it."""

    @property
    def columns(self) -> range:
        """Indices of the columns under it."""
        return range(self.first, self.first + self.span)

    def over(self, columns: range) -> Heading | None:
        """The heading over some columns alone, counted from the first of them; None if it stands over none of them."""
        first, end = max(self.first, columns.start), min(self.columns.stop, columns.stop)
        return replace(self, first=first - columns.start, span=end - first) if first < end else None

    @property
    def title(self) -> str:
        """All labels on one line."""
        return DOT.join(label.text or label.axis for label in self.labels)

    @property
    def notes(self) -> str:
        """What is true of everything under it, on one line."""
        return DOT.join(", ".join(label.notes) for label in self.labels if label.notes)


@dataclass(frozen=True, kw_only=True, eq=False)
class Row:
    """A row of the grid."""

    before: int
    """Number of maps before its own, as they are read."""
    at: At
    heading: Heading
    """Its innermost label; without labels if nothing runs down."""
    label: tuple[Line, ...]
    """What stands left of it."""
    cells: tuple[Cell, ...]
    captions: tuple[tuple[Line, ...], ...]
    """Of each map; empty for a missing one."""

    @property
    def pictured(self) -> Cell:
        """The cell whose picture stands at the start of the row: the first with a map."""
        return next((cell for cell in self.cells if cell.cam), self.cells[0])


@dataclass(frozen=True, kw_only=True, eq=False)
class Block:
    """Rows that share all but their innermost axis."""

    heading: Heading
    """Without labels if at most one axis runs down."""
    rows: tuple[Row, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Layout:
    """The grid of cells, with its headings and captions."""

    comparison: Comparison
    look: Look
    arrangement: Arrangement
    columns: tuple[At, ...]
    headings: tuple[tuple[Heading, ...], ...]
    """One line of headings per axis across, outermost first."""
    blocks: tuple[Block, ...]
    score_level: Level
    warning: str
    """A warning about random weights, or empty."""
    caption: tuple[str, ...]
    scale: str
    """What 1 means on the colour bar."""

    @property
    def rows(self) -> list[Row]:
        """Rows of all blocks, from the top."""
        return [row for block in self.blocks for row in block.rows]

    def parts(self, most: int) -> list[Layout]:
        """The layout in parts of at most so many columns each, to stand one under the other."""
        end = len(self.columns)
        if end <= most:
            return [self]
        return [self._part(range(start, min(start + most, end))) for start in range(0, end, most)]

    def _part(self, columns: range) -> Layout:
        inside = slice(columns.start, columns.stop)
        before = columns.start * len(self.rows)
        numbers = count(before, len(columns))
        return replace(
            self,
            columns=self.columns[inside],
            headings=tuple(
                tuple(filter(None, (heading.over(columns) for heading in level))) for level in self.headings
            ),
            blocks=tuple(
                replace(
                    block,
                    rows=tuple(
                        replace(row, before=next(numbers), cells=row.cells[inside], captions=row.captions[inside])
                        for row in block.rows
                    ),
                )
                for block in self.blocks
            ),
        )

    @property
    def pictures_across(self) -> bool:
        """Whether pictures stand in a row of their own above the maps, instead of at the start of each row."""
        return self.varies_across("image")

    def varies_across(self, *axes: AxisName) -> bool:
        """Whether any of these axes runs across."""
        return bool(set(axes) & set(self.arrangement.columns))

    @property
    def has_heat(self) -> bool:
        """Whether any map shows something."""
        return any(cam.heat(signed=self.look.signed) is not None for cam in self.comparison.maps)

    @property
    def colormap(self) -> str:
        """The colour map of the heat."""
        return fitting(self.look.colormap, signed=self.look.signed)

    @property
    def ends(self) -> tuple[str, str]:
        """The numbers at the ends of the colour bar."""
        return "\N{MINUS SIGN}1" if self.look.signed else "0", "1"


def lay_out(comparison: Comparison, look: Look) -> Layout:
    """Lay out a comparison. Raises `InputError` if an axis is named twice or the colour map does not exist."""
    known_colormap(look.colormap)
    arrangement = arrange(comparison, look.columns, look.rows)
    axes = arrangement.columns
    captions = Captions(comparison, arrangement, look)
    columns = places([comparison.axis(name) for name in axes])
    return Layout(
        comparison=comparison,
        look=look,
        arrangement=arrangement,
        columns=tuple(columns),
        headings=tuple(_headings(captions, columns, axes[: level + 1]) for level in range(len(axes))),
        blocks=tuple(_blocks(captions, columns)),
        score_level=captions.score_level,
        warning=weights_warning(comparison),
        caption=captions.foot(),
        scale=scale_text(comparison, look.scale, signed=look.signed) + contour_text(look),
    )


def _headings(captions: Captions, columns: Sequence[At], axes: Sequence[AxisName]) -> tuple[Heading, ...]:
    headings, first = [], 0
    for group in spans(columns, axes):
        labels = tuple(captions.label(name, group[0]) for name in axes)
        headings.append(Heading(labels=labels, first=first, span=len(group)))
        first += len(group)
    return tuple(headings)


def _blocks(captions: Captions, columns: Sequence[At]) -> Iterable[Block]:
    comparison, axes = captions.comparison, captions.arrangement.rows
    before = count(0, len(columns))
    for group in spans(places([comparison.axis(name) for name in axes]), axes[:-1]):
        rows = []
        for at in group:
            cells = tuple(comparison.cell({**at, **column}) for column in columns)
            row = Row(
                before=next(before),
                at=at,
                heading=Heading(labels=tuple(captions.label(name, at) for name in axes[-1:])),
                label=captions.row(at, cells),
                cells=cells,
                captions=tuple(map(captions.cell, cells)),
            )
            rows.append(row)
        labels = tuple(captions.label(name, group[0]) for name in axes[:-1])
        yield Block(heading=Heading(labels=labels), rows=tuple(rows))
