"""The sanity checks of a comparison as a figure: a row of maps per method, from the whole network to random weights."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from camctl.ranking.sanity import sanity_rows
from camctl.ranking.words import likeness_text, stage_headings
from camctl.render.figure.sheet import Tile, sheet_page
from camctl.render.layout.tiles import Tiles
from camctl.values.cam import BLANK
from camctl.values.comparison import ANOTHER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camctl.ranking.sanity import SanityRow
    from camctl.render.page.page import Page
    from camctl.values.comparison import Cell, Comparison, Redrawn, Sanity
    from camctl.values.look import Look

LARGEST_TILE = 160
"""Seven maps of this size next to each other fill a screen."""

ROWS_PER_PAGE = 20

HOW_TO_READ = (
    "Weights are random from the head down to the module named (Adebayo et al. 2018). Under each map, medians over all "
    "pictures, classes and heads: rank correlation / structural similarity with the map of the whole network"
)


def sanity_pages(comparison: Comparison, look: Look) -> list[Page]:
    """A page per model and `ROWS_PER_PAGE` rows; of `look`, the tile, font, colours and opacity are used."""
    rows = sanity_rows(comparison)
    tiles = Tiles(
        comparison, replace(look, tile=min(look.tile, LARGEST_TILE), canvas="view", scale="each", signed=False)
    )
    return [
        _page(comparison, sanity, rows[sanity.model][start : start + ROWS_PER_PAGE], tiles, look.font)
        for sanity in comparison.sanity
        for start in range(0, len(rows[sanity.model]), ROWS_PER_PAGE)
    ]


def _page(comparison: Comparison, sanity: Sanity, rows: Sequence[SanityRow], tiles: Tiles, font: str) -> Page:
    model = comparison.axis("model").labels[sanity.model]
    return sheet_page(
        [_row(comparison, sanity, row, tiles) for row in rows],
        columns=["whole network", *stage_headings(sanity)],
        row_labels=[f"{row.label}: {row.mark}" if row.mark else row.label for row in rows],
        title=f"{model}. {HOW_TO_READ}",
        tile=tiles.tile,
        font=font,
    )


def _row(comparison: Comparison, sanity: Sanity, row: SanityRow, tiles: Tiles) -> list[Tile | None]:
    stages = (*sanity.stages, ANOTHER)
    if not row.drawn:
        return [None] * (1 + len(stages))
    cell = comparison.cell(next(iter(row.drawn.values())).at)
    row_tiles: list[Tile | None] = [Tile(tiles.overlay(cell)(*tiles.size(cell)))]
    for stage in stages:
        redrawn = row.drawn.get(stage)
        if redrawn is None or redrawn.values is None:
            row_tiles.append(None)
            continue
        below, turned = _another(comparison, redrawn) if stage == ANOTHER else (cell, False)
        picture = tiles.picture_of(below)(*tiles.size(below))
        picture = picture[::-1, ::-1] if turned else picture
        pixels = tiles.cover(picture, redrawn.values, worthless=redrawn.verdict in BLANK)
        row_tiles.append(Tile(pixels, likeness_text(row.stages.get(stage))))
    return row_tiles


def _another(comparison: Comparison, redrawn: Redrawn) -> tuple[Cell, bool]:
    """The cell of the next picture, or of the only one, which is turned upside down (True)."""
    images = sorted(image for image, model in comparison.explanations if model == redrawn.at["model"])
    following = images[(images.index(redrawn.at["image"]) + 1) % len(images)]
    return comparison.cell({**redrawn.at, "image": following}), len(images) == 1
