"""The sanity of a comparison as a figure: for each method a row of maps, from the whole network's to a random one's."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from camctl.ranking import sanity_rows
from camctl.render.figure.sheet import Tile, sheet_page
from camctl.render.figure.sizes import fitted
from camctl.render.overlay import overlay, seen
from camctl.values.comparison import ANOTHER
from camctl.values.explanation import BLANK, View
from camctl.values.look import Look

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from camctl.ranking import Likeness, SanityRow
    from camctl.render.page.page import Page
    from camctl.values.comparison import Comparison, Redrawn, Sanity
    from camctl.values.explanation import Cam

LARGEST_TILE = 160
"""Seven maps side by side of this size fill a screen."""

ROWS_A_PAGE = 20

HOW_TO_READ = (
    "Weights drawn anew from the head down to the module named (Adebayo et al. 2018). Under each map, medians of all "
    "pictures, classes and heads: rank correlation / structural similarity with the map of the whole network"
)


def sanity_pages(comparison: Comparison, look: Look | None = None) -> list[Page]:
    """A page for every model and `ROWS_A_PAGE` rows; of `look`, its tile, colours and opacity."""
    look = look or Look()
    rows = sanity_rows(comparison)
    return [
        _page(comparison, one, rows[one.model][start : start + ROWS_A_PAGE], look)
        for one in comparison.sanity
        for start in range(0, len(rows[one.model]), ROWS_A_PAGE)
    ]


def stage_heads(sanity: Sanity, *, short: bool = False) -> list[str]:
    """What the stages are called over a column: each but the first goes on down to the module that it names.

    `short`: without the part of their names that all of them share.
    """
    first, *deeper = sanity.stages
    parts = zip(*(name.split(".")[:-1] for name in deeper), strict=False)
    shared = sum(1 for _ in takewhile(lambda level: len(set(level)) == 1, parts)) if short else 0
    return [first, *(f"to {'.'.join(name.split('.')[shared:])}" for name in deeper), ANOTHER]


def likeness_text(one: Likeness | None) -> str:
    """`0.31 / 0.18`: rank correlation and structural similarity."""
    return "" if one is None else f"{one.correlation:.2f} / {one.ssim:.2f}".replace("-0.00", "0.00")


def _page(comparison: Comparison, sanity: Sanity, rows: Sequence[SanityRow], look: Look) -> Page:
    shown: dict[tuple[tuple[str, int], ...], dict[str, Redrawn]] = {}
    for one in sanity.redrawn:
        if one.values is not None:
            place = tuple(sorted((name, at) for name, at in one.at.items() if name not in {"image", "class"}))
            shown.setdefault(place, {})[one.stage] = one
    model = comparison.axis("model").labels[sanity.model]
    return sheet_page(
        [_row(comparison, sanity, row, shown.get(tuple(sorted(row.at.items())), {}), look) for row in rows],
        columns=["whole network", *stage_heads(sanity)],
        row_labels=[f"{row.label}: {row.mark}" if row.mark else row.label for row in rows],
        title=f"{model}. {HOW_TO_READ}",
        tile=min(look.tile, LARGEST_TILE),
    )


def _row(
    comparison: Comparison, sanity: Sanity, row: SanityRow, shown: dict[str, Redrawn], look: Look
) -> list[Tile | None]:
    first = next(iter(shown.values()), None)
    cam = comparison.cell(first.at).cam if first else None
    if first is None or cam is None:
        return [None] * (len(sanity.stages) + 2)
    tiles: list[Tile | None] = [Tile(_drawn(cam, cam.values, look))]
    for stage in (*sanity.stages, ANOTHER):
        one = shown.get(stage)
        if one is None or one.values is None:
            tiles.append(None)
            continue
        other, turned = _other(comparison, one) if stage == ANOTHER else (cam, False)
        pixels = _drawn(other, one.values, look, turned=turned, worthless=one.verdict in BLANK)
        tiles.append(Tile(pixels, likeness_text(row.stages.get(stage))))
    return tiles


def _other(comparison: Comparison, one: Redrawn) -> tuple[Cam, bool]:
    """What another picture's map lies on: the next picture, or the only one, turned upside down."""
    images = sorted(image for image, model in comparison.explanations if model == one.at["model"])
    following = images[(images.index(one.at["image"]) + 1) % len(images)]
    cam = comparison.cell({**one.at, "image": following}).cam
    assert cam is not None  # noqa: S101 (its map was compared)
    return cam, len(images) == 1


def _drawn(
    cam: Cam, values: NDArray[np.float32], look: Look, *, turned: bool = False, worthless: bool = False
) -> NDArray[np.uint8]:
    """Values on what the model was given for a map."""
    width, height = fitted(cam.view.size[1], cam.view.size[0], min(look.tile, LARGEST_TILE))
    given = seen(cam.picture.pixels, View(size=(height, width), box=cam.view.box))
    return overlay(
        given[::-1, ::-1] if turned else given,
        values,
        View(size=(height, width), box=(0.0, 0.0, float(width), float(height))),
        colormap=look.colormap,
        opacity=look.opacity,
        worthless=worthless,
    )
