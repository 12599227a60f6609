"""Pictures and overlays at the size of a tile, on a scale of their own or a shared one.

A huge photo is made small once, not drawn in full for every map.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from camctl.render.marks import draw_mark, marks_of
from camctl.render.overlay import overlay, seen, whole
from camctl.values.view import View

if TYPE_CHECKING:
    from collections.abc import Hashable

    from numpy.typing import NDArray

    from camctl.render.page.page import Draw
    from camctl.values.cam import Cam
    from camctl.values.comparison import Cell, Comparison
    from camctl.values.look import Canvas, Look

    Pixels = NDArray[np.uint8]

SPECK = 0.005
"""Share of a picture's side that does not count as a margin: rounding in the preprocessing."""

CACHE_BYTES = 64_000_000
"""Memory for small pictures that are kept for the next map on them."""

Ends = tuple[float, float]
"""Lowest and highest value of a map on its shared scale."""


def fitted(width: float, height: float, tile: int) -> tuple[int, int]:
    """Width and height scaled to fill a square tile, aspect ratio kept."""
    scale = tile / max(height, width)
    return max(1, round(width * scale)), max(1, round(height * scale))


def scaled(pixels: Pixels, width: int, height: int) -> Pixels:
    """A picture at another size."""
    picture = Image.fromarray(pixels)
    if picture.size == (width, height):
        return pixels
    return np.asarray(picture.resize((width, height), Image.Resampling.LANCZOS))


def shared_peak(comparison: Comparison) -> dict[Cell, float]:
    """The largest absolute raw value among the maps that share a scale with each map; see `shared_range`."""
    largest: dict[Hashable, float] = {}
    maps = {cell: cell.cam for cell in comparison.cells if cell.cam and cell.cam.heat(signed=True) is not None}
    for cell, cam in maps.items():
        largest[_scale(cell, cam)] = max(largest.get(_scale(cell, cam), 0.0), float(abs(cam.raw).max()))
    return {cell: largest[_scale(cell, cam)] or 1.0 for cell, cam in maps.items()}


def _scale(cell: Cell, cam: Cam) -> Hashable:
    """What maps have in common that share a scale."""
    # By index, as two checkpoints of one model are two models.
    return cell.at["model"], cell.at["method"], cell.at["smoothing"], cam.layers


def shared_range(comparison: Comparison) -> dict[Cell, Ends]:
    """The range of each map on its shared scale: cell -> (low, high), 0 <= low <= high <= 1.

    These are the map's smallest and largest raw value (negative ones count as 0), divided by the largest value of all
    maps that share model, method, layers and smoothing: raw maps of other methods, networks and layers have other
    units. A blank map has (0, 0); cells without a map are left out.
    """
    ends: dict[Cell, Ends] = {}
    groups: dict[Cell, Hashable] = {}
    largest: dict[Hashable, float] = {}
    for cell in comparison.cells:
        if (cam := cell.cam) is None:
            continue
        positive = np.maximum(cam.raw, 0)
        ends[cell] = (0.0, 0.0) if cam.blank else (float(positive.min()), float(positive.max()))
        group = groups[cell] = _scale(cell, cam)
        largest[group] = max(largest.get(group, 0.0), ends[cell][1])
    full = {cell: largest[group] or 1.0 for cell, group in groups.items()}
    return {cell: (low / full[cell], high / full[cell]) for cell, (low, high) in ends.items()}


def common_canvas(comparison: Comparison) -> Canvas:
    """`view` if all maps of an image share one view of it, else `original`."""
    # Networks that are given the same window at different sizes saw the same.
    views = {
        (cell.at["image"], cell.cam.view.box, round(cell.cam.view.size[1] / cell.cam.view.size[0], 3))
        for cell in comparison.cells
        if cell.cam is not None
    }
    return "view" if len(views) == len({image for image, *_ in views}) else "original"


def _leaves_margin(cam: Cam) -> bool:
    height, width = cam.picture.size
    x0, y0, x1, y1 = cam.view.box
    return max(x0 / width, y0 / height, 1 - x1 / width, 1 - y1 / height) > SPECK


class Tiles:
    """Draws the picture and the overlay of each cell, at any size."""

    def __init__(self, comparison: Comparison, look: Look) -> None:
        self.canvas = look.canvas or common_canvas(comparison)
        self.tile = look.tile
        self._comparison = comparison
        self._look = look
        shared = look.scale == "shared"
        self._ends = shared_range(comparison) if shared and not look.signed else {}
        self._peaks = shared_peak(comparison) if shared and look.signed else {}
        self._views = {cell.at["image"]: cell.cam.view for cell in reversed(comparison.cells) if cell.cam}
        self._small = lru_cache(maxsize=max(4, CACHE_BYTES // (3 * look.tile**2)))(self._make_small)

    def view(self, cell: Cell) -> View | None:
        """The view of a cell's map; without a map, that of another map of its image."""
        return cell.cam.view if cell.cam is not None else self._views.get(cell.at["image"])

    def size(self, cell: Cell) -> tuple[int, int]:
        """Width and height of a cell's tile, in pixels."""
        height, width = self._comparison.pictures[cell.at["image"]].size
        view = self.view(cell)
        if self.canvas == "view" and view is not None:
            height, width = view.size
        return fitted(width, height, self._look.tile)

    def has_margin(self) -> bool:
        """Whether part of a picture is shown that a model was not given, and is dimmed."""
        return self.canvas == "original" and any(map(_leaves_margin, self._comparison.maps))

    def picture(self, image: int, view: View | None) -> Draw:
        """A function that draws an image, or the view of it, at (width, height)."""
        box = view.box if view is not None and self.canvas == "view" else None
        return lambda width, height: self._small(image, box, width, height)

    def picture_of(self, cell: Cell) -> Draw:
        """A function that draws the picture of a cell at (width, height)."""
        return self.picture(cell.at["image"], self.view(cell))

    def overlay(self, cell: Cell) -> Draw:
        """A function that draws the overlay of a cell with a map at (width, height)."""
        cam = cell.cam
        assert cam is not None  # noqa: S101 (callers draw a frame for cells without a map)
        heat, marks = cam.heat(signed=self._look.signed), marks_of(cam, self._look.cut)

        def draw(width: int, height: int) -> Pixels:
            values = cam.values if heat is None else self._on_scale(cell, heat)
            view = cam.view.on(cam.picture.size, (height, width)) if self.canvas == "original" else None
            picture = self.cover(self.picture_of(cell)(width, height), values, view, worthless=heat is None)
            window = cam.view.box if self.canvas == "view" else whole(cam.picture.size).box
            for mark in marks:
                draw_mark(picture, mark, window, cam.view)
            return picture

        return draw

    def _on_scale(self, cell: Cell, heat: NDArray[np.float32]) -> NDArray[np.float32]:
        """Heat on the scale that the cell's map shares with others, if it does."""
        if cell in self._peaks and cell.cam is not None:
            return cell.cam.raw / np.float32(self._peaks[cell])
        if cell in self._ends:
            low, high = self._ends[cell]
            return np.float32(low) + heat * np.float32(high - low)
        return heat

    def cover(
        self, picture: Pixels, values: NDArray[np.float32], view: View | None = None, *, worthless: bool = False
    ) -> Pixels:
        """Lay values over a view of a picture, or over all of it."""
        return overlay(
            picture,
            values,
            view or whole(picture.shape),
            canvas=self.canvas,
            colormap=self._look.colormap,
            opacity=self._look.opacity,
            worthless=worthless,
            signed=self._look.signed,
            contours=self._look.contours,
            map_only=self._look.map_only,
        )

    def _make_small(self, image: int, box: tuple[float, float, float, float] | None, width: int, height: int) -> Pixels:
        pixels = self._comparison.pictures[image].pixels
        return scaled(pixels, width, height) if box is None else seen(pixels, View(size=(height, width), box=box))
