"""Pictures and maps as a report embeds them: each picture once a view, each map as a small array of bytes."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from camctl.ranking import resized
from camctl.render.figure.sizes import fitted
from camctl.render.overlay import overlay
from camctl.values.explanation import View

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from camctl.render.figure.tiles import Tiles
    from camctl.values.comparison import Comparison
    from camctl.values.explanation import Cam

PICTURE_SIDE = 448
"""Longest side of an embedded picture, in pixels."""

TILE_SIDE = 320
"""Longest side at which a map of the grid is painted; enlarged, it is painted at the picture's size."""

MAP_SIDE = 64
"""Longest side of an embedded map: finer than the grids that methods work on."""

ALIKE = 1 / 255
"""A grid stands for its map where stretching it gives the map's values to within one step of a palette."""


def as_text(content: bytes) -> str:
    """Bytes in base64."""
    return b64encode(content).decode()


# ------------------------------------------------------------------------------------ the pictures


@dataclass(frozen=True)
class Scene:
    """A picture as embedded: size (width, height) in pixels of the grid's tiles, and what the script needs."""

    place: int
    size: tuple[int, int]
    data: dict[str, Any] = field(repr=False)


class Scenes:
    """The pictures, each once a view (or once, on the canvas `original`, a window that a model saw)."""

    def __init__(self, comparison: Comparison, tiles: Tiles) -> None:
        self.found: list[Scene] = []
        self._comparison = comparison
        self._tiles = tiles
        self._by_view: dict[tuple[int, ...], Scene] = {}

    def of(self, image: int, view: View) -> Scene:
        """The picture as a model saw it; embedded when first asked for."""
        key = (image, *map(round, view.box), round(100 * view.size[1] / view.size[0]))
        if key not in self._by_view:
            self._by_view[key] = self._add(image, view)
        return self._by_view[key]

    def any_of(self, image: int) -> Scene:
        """A picture for a row without maps: as another row shows it, else all of it."""
        height, width = self._comparison.pictures[image].size
        whole = View(size=(height, width), box=(0, 0, width, height))
        return self.of(image, self._tiles.view(self._comparison.cell({"image": image})) or whole)

    def _add(self, image: int, view: View) -> Scene:
        pixels = self._pixels(image, view)
        encoded = BytesIO()
        Image.fromarray(pixels).save(encoded, "WEBP", quality=82, method=4)
        height, width = pixels.shape[:2]
        whole = self._comparison.pictures[image].size[::-1]
        data = {
            "image": image,
            "source": f"data:image/webp;base64,{as_text(encoded.getvalue())}",
            "box": [0, 0, *whole] if self._tiles.canvas == "original" else [round(end, 3) for end in view.box],
            "size": list(whole),
        }
        size = fitted(width, height, min(TILE_SIDE, max(width, height)))
        self.found.append(Scene(len(self.found), size, data))
        return self.found[-1]

    def _pixels(self, image: int, view: View) -> NDArray[np.uint8]:
        """What is embedded: the model's view, or the whole picture with what the model never saw dimmed."""
        whole = self._comparison.pictures[image].size
        if self._tiles.canvas == "original":
            width, height = fitted(whole[1], whole[0], min(PICTURE_SIDE, max(whole)))
            pixels = self._tiles.picture(image, view)(width, height)
            # With no heat at all, what is left of an overlay is the dimmed margin.
            there = view.on(whole, (height, width))
            return overlay(pixels, np.zeros(view.size, np.float32), there, canvas="original", opacity=0)
        x0, y0, x1, y1 = view.box
        # A view of few pixels is shown as sharp as the picture is: the same window, in more of them.
        side = min(PICTURE_SIDE, max(*view.size, round(x1 - x0), round(y1 - y0)))
        return self._tiles.picture(image, view)(*fitted(view.size[1], view.size[0], side))


# ---------------------------------------------------------------------------------------- the maps


def embedded_map(cam: Cam) -> dict[str, Any]:
    """A map as bytes, 0 for its floor and 255 for its ceiling, which stretching with pixel centres aligned restores.

    It is embedded on the grid that it was computed on where that is all there is to it, else on one fitted to it.
    """
    values = np.asarray(cam.values, np.float32)
    small: NDArray[Any] | None = _of_grid(cam)
    if small is None:
        height, width = values.shape
        across, down = fitted(width, height, min(MAP_SIDE, max(values.shape)))
        small = _fit(height, down) @ values @ _fit(width, across).T
    floor, ceiling = float(small.min()), float(small.max())
    span = ceiling - floor
    levels = np.round((small - floor) / (span or 1) * 255).astype(np.uint8)
    return {
        "grid": list(levels.shape),
        "levels": as_text(levels.tobytes()),
        "floor": round(floor, 5),
        "ceiling": round(ceiling, 5),
    }


def _of_grid(cam: Cam) -> NDArray[np.float32] | None:
    """The map's grid, set so that stretching it gives the map; None where more than stretching made the map."""
    grid = np.maximum(np.asarray(cam.raw, np.float32), 0)
    if max(grid.shape) > MAP_SIDE or not np.isfinite(grid).all():
        return None
    stretched = resized(grid, cam.values.shape)
    low, span = stretched.min(), np.ptp(stretched)
    if not span or np.abs((stretched - low) / span - cam.values).max() > ALIKE:
        return None
    return np.asarray((grid - low) / span, np.float32)


@cache
def _fit(length: int, cells: int) -> NDArray[np.float64]:
    """(cells, length): what makes the cells that, stretched back to `length`, come closest to what was there."""
    stretching = resized(np.eye(cells, dtype=np.float32), (length, cells))
    return np.linalg.pinv(stretching.astype(np.float64))
