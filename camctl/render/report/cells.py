"""The cells of a report: what the script needs of each, and its map in words for those who cannot see it."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from camctl.render.layout.scale import shared_range
from camctl.render.report.filters import percent
from camctl.render.report.maps import embedded_map
from camctl.values.axis import NAMES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from camctl.render.report.maps import Scenes
    from camctl.values.cam import Cam
    from camctl.values.comparison import Cell, Comparison


def cells_data(comparison: Comparison, scenes: Scenes) -> list[dict[str, Any]]:
    """What the script needs of each cell, in their order; embeds the pictures that the maps lie on."""
    ranges = shared_range(comparison)
    return [
        {
            "at": cell.at,
            "figures": {m.name: _finite(cell.figures[m.name]) for m in comparison.metrics if m.name in cell.figures},
            "score": _finite(cell.cam.target.score) if cell.cam else None,
            "map": _map_data(cell.cam, scenes.of(cell).index, ranges[cell]) if cell.cam else None,
            **({"name": map_name(comparison, cell, cell.cam)} if cell.cam else {}),
        }
        for cell in comparison.cells
    ]


def _map_data(cam: Cam, scene: int, ends: tuple[float, float]) -> dict[str, Any]:
    low, high = ends
    return {
        "scene": scene,
        "box": [round(end, 3) for end in cam.view.box],
        "worthless": cam.verdict if cam.blank else "",
        "peak": peak(cam.values)[:2],
        "low": round(low, 5),
        "high": round(high, 5),
        **({} if cam.blank else embedded_map(cam)),
    }


def map_name(comparison: Comparison, cell: Cell, cam: Cam) -> str:
    """`GradCAM, class cat, demo:resnet`, and the labels of less usual axes that vary."""
    label = {axis.name: axis.labels[cell.at[axis.name]] for axis in comparison.axes}
    more = [name for name in reversed(comparison.varying) if name in {"layer", "smoothing", "image"}]
    usual = (label["method"] or cam.method, f"class {cam.target.title}", label["model"] or cam.model)
    return ", ".join((*usual, *(f"{NAMES[name][0]} {label[name]}" for name in more)))


def map_words(name: str, cam: Cam) -> str:
    """A map in words."""
    content = cam.reason or "no map" if cam.blank else f"peak {peak(cam.values)[2]}"
    return f"{name}, score {percent(cam.target.score)}, verdict {cam.verdict}, {content}"


def peak(values: NDArray[Any]) -> tuple[float, float, str]:
    """Position (x, y) of a map's peak as shares of its width and height, and in words: upper left, centre, ..."""
    height, width = values.shape
    row, column = divmod(int(np.argmax(values)), width)
    x, y = (column + 0.5) / width, (row + 0.5) / height
    vertical, horizontal = ("upper", "centre", "lower")[int(3 * y)], ("left", "centre", "right")[int(3 * x)]
    return round(x, 4), round(y, 4), "centre" if vertical == horizontal else f"{vertical} {horizontal}"


def _finite(value: float) -> float | None:
    """A number that JSON can hold."""
    return round(float(value), 6) if isfinite(value) else None
