"""The grid of a report: its rows, columns and headings, and which cell stands where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from camctl.render.figure.arrangement import blocks
from camctl.render.report.words import percent
from camctl.values.comparison import NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camctl.render.figure.arrangement import At
    from camctl.render.figure.captions import Told
    from camctl.render.report.cells import Shown
    from camctl.render.report.maps import Scene, Scenes
    from camctl.values.comparison import AxisName, Comparison
    from camctl.values.explanation import Target


@dataclass(frozen=True, kw_only=True)
class Heading:
    """Of a row or column: its labels with the names of their axes."""

    labels: list[tuple[str, str]]
    tag: str = ""
    first: int = 0
    span: int = 1


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row as the template writes it."""

    place: int
    at: At
    heading: Heading
    picture: Scene | None
    path: str
    said: str
    """What the model takes the picture for, where the row has one model and picture."""
    explained: str
    """The class that all maps of the row explain, and its score; empty where each map has its own."""
    cells: list[Shown]


@dataclass(frozen=True, kw_only=True)
class Block:
    """Rows that share all but their innermost axis."""

    heading: Heading
    rows: list[Row]


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The whole of it."""

    columns: list[At]
    groups: list[Heading]
    """Headings over several columns; empty where one axis runs across."""
    heads: list[Heading]
    pictures: list[Scene]
    """One a column, where pictures run across."""
    blocks: list[Block]
    scores_in_rows: bool
    """Whether rows say which class is explained, so that their maps need not."""

    @property
    def rows(self) -> list[Row]:
        """Of all blocks, from the top."""
        return [row for block in self.blocks for row in block.rows]


def grid(told: Told, shown: Sequence[Shown], scenes: Scenes) -> Grid:
    """Lay the cells out as they are arranged."""
    comparison, arranged = told.comparison, told.arrangement
    across = arranged.across(comparison)
    inner = arranged.columns[-1:]
    groups, first = [], 0
    for shared, lines in blocks(across, arranged.columns):
        groups.append(_heading(comparison, arranged.columns[:-1], shared, first=first, span=len(lines)))
        first += len(lines)
    place = {id(cell): i for i, cell in enumerate(comparison.cells)}
    found, number = [], 0
    for shared, lines in blocks(arranged.down(comparison), arranged.rows):
        rows = []
        for at in lines:
            cells = [shown[place[id(comparison.cell({**at, **column}))]] for column in across]
            rows.append(_row(told, scenes, number, at, cells))
            number += 1
        found.append(Block(heading=_heading(comparison, arranged.rows[:-1], shared), rows=rows))
    pictures = "image" in arranged.columns
    return Grid(
        columns=across,
        groups=groups if len(arranged.columns) > 1 else [],
        heads=[_heading(comparison, inner, at) for at in across] if inner else [],
        pictures=[scenes.any_of(at["image"]) for at in across] if pictures else [],
        blocks=found,
        scores_in_rows=told.score_stands != "cell",
    )


def _heading(comparison: Comparison, axes: Sequence[AxisName], at: At, *, first: int = 0, span: int = 1) -> Heading:
    labels = [(NAMES[name][0], comparison.label(name, at)) for name in axes]
    baseline = "method" in axes and comparison.label("method", at) in comparison.baselines
    return Heading(labels=labels, tag="baseline" if baseline else "", first=first, span=span)


def _row(told: Told, scenes: Scenes, place: int, at: At, cells: list[Shown]) -> Row:
    comparison, arranged = told.comparison, told.arrangement
    image = at.get("image", 0)
    drawn = next((cell.scene for cell in cells if cell.scene is not None), None)
    run = comparison.explanations.get((image, at.get("model", 0)))
    known = run is not None and not {"image", "model"} & set(arranged.columns)
    target = next((cell.cam.target for cell in cells if cell.cam), None) if told.score_stands != "cell" else None
    return Row(
        place=place,
        at=at,
        heading=_heading(comparison, arranged.rows[-1:], at),
        picture=None if "image" in arranged.columns else drawn or scenes.any_of(image),
        path=comparison.pictures[image].path,
        said=_scored(run.predictions[0]) if run and run.predictions and known else "",
        explained=_scored(target) if target else "",
        cells=cells,
    )


def _scored(target: Target) -> str:
    return f"{target.title} {percent(target.score)}"
