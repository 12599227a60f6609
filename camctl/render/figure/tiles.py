"""Overlays at the size of a tile: a huge photo is made small once, not drawn in full for every map."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from camctl.render.figure.scale import shared_range, stretched
from camctl.render.figure.sizes import fitted, scaled
from camctl.render.overlay import overlay, seen
from camctl.values.explanation import View

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from camctl.render.page.page import Draw
    from camctl.values.comparison import Cell, Comparison
    from camctl.values.look import Canvas, Look

    Pixels = NDArray[np.uint8]

SPECK = 0.005
"""Share of a picture's side that is no margin: rounding in the preprocessing."""

KEPT_BYTES = 64_000_000
"""Of small pictures that are kept for the next map on them."""


def fitting_canvas(comparison: Comparison) -> Canvas:
    """`view` where all maps of an image share one view of it, else `original`."""
    views: dict[int, set[tuple[object, float]]] = {}
    for cell in comparison.cells:
        if cell.cam is not None:
            height, width = cell.cam.view.size
            # Networks that are given the same window in another size saw the same.
            views.setdefault(cell.at["image"], set()).add((cell.cam.view.box, round(width / height, 3)))
    return "view" if all(len(each) == 1 for each in views.values()) else "original"


class Tiles:
    """Draws what a figure shows of each cell and image, at any size."""

    def __init__(self, comparison: Comparison, look: Look) -> None:
        self.canvas = look.canvas or fitting_canvas(comparison)
        self._comparison = comparison
        self._look = look
        self._ends = shared_range(comparison) if look.scale == "shared" else {}
        self._places = {id(cell): place for place, cell in enumerate(comparison.cells)}
        self._views: dict[int, View] = {}
        for cell in comparison.cells:
            if cell.cam is not None:
                self._views.setdefault(cell.at["image"], cell.cam.view)
        self._small = lru_cache(maxsize=max(4, KEPT_BYTES // (3 * look.tile**2)))(self._make_small)

    def view(self, cell: Cell) -> View | None:
        """What the model was given: of a cell without a map, what another was given of its image."""
        return cell.cam.view if cell.cam is not None else self._views.get(cell.at["image"])

    def size(self, image: int, view: View | None) -> tuple[int, int]:
        """Width and height in the figure, in pixels."""
        height, width = self._comparison.pictures[image].size
        if self.canvas == "view" and view is not None:
            height, width = view.size
        return fitted(width, height, self._look.tile)

    def has_margin(self) -> bool:
        """Whether part of a picture that is shown was not seen by a model, and is dimmed."""
        if self.canvas == "view":
            return False
        for cell in self._comparison.cells:
            if cell.cam is not None:
                height, width = cell.cam.picture.size
                x0, y0, x1, y1 = cell.cam.view.box
                if max(x0 / width, y0 / height, 1 - x1 / width, 1 - y1 / height) > SPECK:
                    return True
        return False

    def picture(self, image: int, view: View | None) -> Draw:
        """Draws an image, or what the model was given of it, at (width, height)."""
        box = view.box if view is not None and self.canvas == "view" else None
        return lambda width, height: self._small(image, box, width, height)

    def overlay(self, cell: Cell) -> Draw:
        """Draws a cell's heatmap on its picture at (width, height)."""
        cam = cell.cam
        assert cam is not None  # noqa: S101 (cells without a map are not asked for)
        image = cell.at["image"]
        place = self._places[id(cell)]

        def draw(width: int, height: int) -> Pixels:
            if self.canvas == "view":
                small = self._small(image, cam.view.box, width, height)
                box = (0.0, 0.0, float(width), float(height))
            else:
                small = self._small(image, None, width, height)
                rows, columns = cam.picture.size
                x0, y0, x1, y1 = cam.view.box
                box = (x0 * width / columns, y0 * height / rows, x1 * width / columns, y1 * height / rows)
            return overlay(
                small,
                stretched(cam, self._ends[place]) if self._ends else cam.values,
                View(size=(height, width), box=box),
                canvas=self.canvas,
                colormap=self._look.colormap,
                opacity=self._look.opacity,
                worthless=cam.blank,
            )

        return draw

    def _make_small(self, image: int, box: tuple[float, float, float, float] | None, width: int, height: int) -> Pixels:
        pixels = self._comparison.pictures[image].pixels
        if box is None:
            return scaled(pixels, width, height)
        return seen(pixels, View(size=(height, width), box=box))
