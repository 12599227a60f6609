"""The sanity checks of a comparison as a figure: a row of maps per method, from the whole network to random weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camctl.ranking import likeness_text, sanity_rows, stage_headings
from camctl.render.figure.sheet import Tile, sheet_page
from camctl.render.layout.tiles import fitted
from camctl.render.overlay import overlay, seen
from camctl.values.cam import BLANK
from camctl.values.comparison import ANOTHER
from camctl.values.view import View

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from camctl.ranking import SanityRow
    from camctl.render.page.page import Page
    from camctl.values.axis import AxisName
    from camctl.values.cam import Cam
    from camctl.values.comparison import Comparison, Redrawn, Sanity
    from camctl.values.look import Look

LARGEST_TILE = 160
"""Seven maps of this size next to each other fill a screen."""

ROWS_PER_PAGE = 20

HOW_TO_READ = (
    "Weights are random from the head down to the module named (Adebayo et al. 2018). Under each map, medians over all "
    "pictures, classes and heads: rank correlation / structural similarity with the map of the whole network"
)


def sanity_pages(comparison: Comparison, look: Look) -> list[Page]:
    """A page per model and `ROWS_PER_PAGE` rows; of `look`, the tile, colours and opacity are used."""
    rows = sanity_rows(comparison)
    return [
        _page(comparison, sanity, rows[sanity.model][start : start + ROWS_PER_PAGE], look)
        for sanity in comparison.sanity
        for start in range(0, len(rows[sanity.model]), ROWS_PER_PAGE)
    ]


def _page(comparison: Comparison, sanity: Sanity, rows: Sequence[SanityRow], look: Look) -> Page:
    drawn: dict[tuple[int, ...], dict[str, Redrawn]] = {}
    for redrawn in sanity.redrawn:
        if redrawn.values is not None:
            drawn.setdefault(_key(redrawn.at), {})[redrawn.stage] = redrawn
    model = comparison.axis("model").labels[sanity.model]
    return sheet_page(
        [_row(comparison, sanity, row, drawn.get(_key(row.at), {}), look) for row in rows],
        columns=["whole network", *stage_headings(sanity)],
        row_labels=[f"{row.label}: {row.mark}" if row.mark else row.label for row in rows],
        title=f"{model}. {HOW_TO_READ}",
        tile=min(look.tile, LARGEST_TILE),
    )


def _key(at: Mapping[AxisName, int]) -> tuple[int, ...]:
    return tuple(at[name] for name in ("model", "layer", "smoothing", "method"))


def _row(
    comparison: Comparison, sanity: Sanity, row: SanityRow, drawn: dict[str, Redrawn], look: Look
) -> list[Tile | None]:
    first = next(iter(drawn.values()), None)
    cam = comparison.cell(first.at).cam if first else None
    if cam is None:
        return [None] * (len(sanity.stages) + 2)
    tiles: list[Tile | None] = [Tile(_overlay(cam, cam.values, look))]
    for stage in (*sanity.stages, ANOTHER):
        redrawn = drawn.get(stage)
        if redrawn is None or redrawn.values is None:
            tiles.append(None)
            continue
        other, turned = _other(comparison, redrawn) if stage == ANOTHER else (cam, False)
        pixels = _overlay(other, redrawn.values, look, turned=turned, worthless=redrawn.verdict in BLANK)
        tiles.append(Tile(pixels, likeness_text(row.stages.get(stage))))
    return tiles


def _other(comparison: Comparison, redrawn: Redrawn) -> tuple[Cam, bool]:
    """The map that lies on another picture: the next picture, or the only one, turned upside down (True)."""
    images = sorted(image for image, model in comparison.explanations if model == redrawn.at["model"])
    following = images[(images.index(redrawn.at["image"]) + 1) % len(images)]
    cam = comparison.cell({**redrawn.at, "image": following}).cam
    assert cam is not None  # noqa: S101 (its map was compared)
    return cam, len(images) == 1


def _overlay(
    cam: Cam, values: NDArray[np.float32], look: Look, *, turned: bool = False, worthless: bool = False
) -> NDArray[np.uint8]:
    """Values on the view of a map."""
    width, height = fitted(cam.view.size[1], cam.view.size[0], min(look.tile, LARGEST_TILE))
    picture = seen(cam.picture.pixels, View(size=(height, width), box=cam.view.box))
    return overlay(
        picture[::-1, ::-1] if turned else picture,
        values,
        View(size=(height, width), box=(0.0, 0.0, float(width), float(height))),
        colormap=look.colormap,
        opacity=look.opacity,
        worthless=worthless,
    )
