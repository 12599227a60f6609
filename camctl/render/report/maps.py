"""Cells as a report embeds them: each picture once per view, each map as a small array of bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from camctl.files.pictures import base64_text, data_uri
from camctl.ranking.correlation import resized
from camctl.render.layout.tiles import fitted, scaled, shared_peak, shared_range
from camctl.render.overlay import overlay, whole
from camctl.render.report.words import NO_MAP, map_facts, map_name, peak

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from camctl.render.layout.tiles import Tiles
    from camctl.render.report.outlines import Outlines
    from camctl.values.cam import Cam
    from camctl.values.comparison import Cell, Comparison
    from camctl.values.picture import Picture
    from camctl.values.view import View

PICTURE_SIDE = 448
"""Longest side of an embedded picture, in pixels."""

THUMBNAIL_SIDE = 224
"""Longest side of a picture that others are compared with, in pixels."""

MAP_SIDE = 64
"""Longest side of an embedded map: finer than the grids that methods work on."""

CLOSE = 1 / 255
"""A grid replaces its map if stretching it gives the map's values to within one step of a palette."""


def webp(pixels: NDArray[np.uint8]) -> str:
    """A picture as a data URI."""
    return data_uri(pixels, "WEBP", quality=82, method=4)


def thumbnail(picture: Picture) -> str:
    """A picture, made small, as a data URI."""
    height, width = picture.size
    return webp(scaled(picture.pixels, *fitted(width, height, min(THUMBNAIL_SIDE, max(height, width)))))


# ------------------------------------------------------------------------------------ the pictures


@dataclass(frozen=True)
class Scene:
    """An embedded picture: its index, its width and height in pixels, and what the script needs."""

    index: int
    pixels: tuple[int, int]
    data: dict[str, Any] = field(repr=False)


class Scenes:
    """The pictures, each embedded once per view; on the canvas `original`, once per window that a model was given."""

    def __init__(self, comparison: Comparison, tiles: Tiles) -> None:
        self.all: list[Scene] = []
        self._comparison = comparison
        self._tiles = tiles
        self._by_view: dict[tuple[int, ...], Scene] = {}

    def of(self, cell: Cell) -> Scene:
        """The picture of a cell, embedded when first requested; without any map of its image, the whole picture."""
        image = cell.at["image"]
        view = self._tiles.view(cell) or whole(self._comparison.pictures[image].size)
        key = (image, *map(round, view.box), round(100 * view.size[1] / view.size[0]))
        if key not in self._by_view:
            self._by_view[key] = self._add(image, view)
        return self._by_view[key]

    def _add(self, image: int, view: View) -> Scene:
        pixels = self._pixels(image, view)
        height, width = pixels.shape[:2]
        size = self._comparison.pictures[image].size[::-1]
        data = {
            "image": image,
            "source": webp(pixels),
            "pixels": [width, height],
            "box": [0, 0, *size] if self._tiles.canvas == "original" else [round(end, 3) for end in view.box],
            "size": list(size),
        }
        scene = Scene(len(self.all), (width, height), data)
        self.all.append(scene)
        return scene

    def _pixels(self, image: int, view: View) -> NDArray[np.uint8]:
        """The model's view, or the whole picture with a dimmed margin that the model was not given."""
        draw = self._tiles.picture(image, view)
        size = self._comparison.pictures[image].size
        if self._tiles.canvas == "original":
            width, height = fitted(size[1], size[0], min(PICTURE_SIDE, max(size)))
            # An overlay without heat is the picture with its dimmed margin.
            heat, window = np.zeros(view.size, np.float32), view.on(size, (height, width))
            return overlay(draw(width, height), heat, window, canvas="original", opacity=0)
        x0, y0, x1, y1 = view.box
        # A view of few pixels is shown as sharp as the picture is: the same window, in more of them.
        side = min(PICTURE_SIDE, max(*view.size, round(x1 - x0), round(y1 - y0)))
        return draw(*fitted(view.size[1], view.size[0], side))


# ---------------------------------------------------------------------------------------- the maps


def cells_data(
    comparison: Comparison, scenes: Scenes, outlines: Outlines, commands: Sequence[str], *, signed: bool = False
) -> list[dict[str, Any]]:
    """What the script needs of each cell and its command, in order; embeds pictures that maps lie on, and outlines."""
    ranges = signed_ranges(comparison) if signed else shared_range(comparison)
    return [
        {
            "at": cell.at,
            "figures": {m.name: _finite(cell.figures[m.name]) for m in comparison.metrics if m.name in cell.figures},
            "score": _finite(cell.cam.target.score) if cell.cam else None,
            "map": _map_data(cell.cam, scenes.of(cell).index, ranges[cell], outlines, signed=signed)
            if cell.cam
            else None,
            "name": map_name(comparison, cell),
            "verdict": cell.cam.verdict if cell.cam else NO_MAP,
            "facts": [*map_facts(comparison, cell).values(), outlines.parts(cell.cam) if cell.cam else ""],
            "command": command,
        }
        for cell, command in zip(comparison.cells, commands, strict=True)
    ]


def signed_ranges(comparison: Comparison) -> dict[Cell, tuple[float, float]]:
    """Zero, and the largest amount of each signed map as a share of the largest of the maps that share its scale."""
    peaks = shared_peak(comparison)
    amounts = {cell: float(abs(cell.cam.raw).max()) / peaks[cell] for cell in peaks if cell.cam}
    return {cell: (0.0, amounts.get(cell, 0.0)) for cell in comparison.cells}


def _map_data(cam: Cam, scene: int, ends: tuple[float, float], outlines: Outlines, *, signed: bool) -> dict[str, Any]:
    low, high = ends
    marks = outlines.of(cam)
    shown = cam.heat(signed=signed) is not None
    return {
        "scene": scene,
        "box": [round(end, 3) for end in cam.view.box],
        "worthless": "" if shown else cam.verdict,
        "peak": peak(cam.values)[:2],
        "low": round(low, 5),
        "high": round(high, 5),
        **({"marks": marks} if marks else {}),
        **(embedded_map(cam, signed=signed) if shown else {}),
    }


def _finite(value: float) -> float | None:
    """A number that JSON can hold."""
    return round(float(value), 6) if isfinite(value) else None


def embedded_map(cam: Cam, *, signed: bool = False) -> dict[str, Any]:
    """A map as bytes (0 for its floor, 255 for its ceiling) that stretching with pixel centres aligned restores.

    Where stretching its grid gives the map, the grid is embedded, else a grid fitted to the map. Of a signed map, -1..1
    is embedded as 0..1: no evidence is 0.5.
    """
    heat = cam.heat(signed=True) if signed else None
    values = np.asarray(cam.values if heat is None else (heat + 1) / 2, np.float32)
    small: NDArray[Any] | None = _of_grid(cam) if heat is None else values if max(values.shape) <= MAP_SIDE else None
    if small is None:
        height, width = values.shape
        across, down = fitted(width, height, min(MAP_SIDE, max(values.shape)))
        small = _fit(height, down) @ values @ _fit(width, across).T
    floor, ceiling = float(small.min()), float(small.max())
    levels = np.round((small - floor) / ((ceiling - floor) or 1) * 255).astype(np.uint8)
    return {
        "grid": list(levels.shape),
        "levels": base64_text(levels.tobytes()),
        "floor": round(floor, 5),
        "ceiling": round(ceiling, 5),
    }


def _of_grid(cam: Cam) -> NDArray[np.float32] | None:
    """The grid of a map, scaled so that stretching it gives the map; None if stretching is not all that made it."""
    grid = np.maximum(np.asarray(cam.raw, np.float32), 0)
    if max(grid.shape) > MAP_SIDE or not np.isfinite(grid).all():
        return None
    stretched = resized(grid, cam.values.shape)
    low, span = stretched.min(), np.ptp(stretched)
    if not span or np.abs((stretched - low) / span - cam.values).max() > CLOSE:
        return None
    return np.asarray((grid - low) / span, np.float32)


@cache
def _fit(length: int, cells: int) -> NDArray[np.float64]:
    """(cells, length): the least-squares inverse of stretching `cells` to `length`."""
    stretching = resized(np.eye(cells, dtype=np.float32), (length, cells))
    return np.linalg.pinv(stretching.astype(np.float64))
