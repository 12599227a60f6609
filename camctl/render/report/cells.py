"""The cells of a report: what is said of each map, in its caption, enlarged, and to those who do not see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from camctl.render.figure.scale import shared_range
from camctl.render.report.maps import embedded_map
from camctl.render.report.words import TIMES, figure, percent
from camctl.values.comparison import AXES, NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from camctl.render.figure.arrangement import Arrangement
    from camctl.render.report.maps import Scene, Scenes
    from camctl.values.comparison import AxisName, Cell, Comparison
    from camctl.values.explanation import Cam


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A cell as the template writes it."""

    place: int
    across: list[tuple[str, str]]
    """Where it stands on the axes that run across: (what the axis is called, label)."""
    down: list[tuple[str, str]]
    cam: Cam | None
    scene: Scene | None
    reason: str
    hint: str
    tags: list[str]
    figures: list[tuple[str, str]]
    words: str
    """The map in words, for those who do not see it."""
    details: list[tuple[str, str]]
    """What the enlarged map tells beyond its caption."""
    data: dict[str, Any] = field(repr=False)
    """What the script needs."""


def cells(comparison: Comparison, arranged: Arrangement, scenes: Scenes) -> list[Shown]:
    """All cells, in their order; embeds the pictures that they lie on."""
    ranges = shared_range(comparison)
    return [
        _shown(comparison, arranged, scenes, place, cell, ranges.get(place, (0.0, 1.0)))
        for place, cell in enumerate(comparison.cells)
    ]


def _shown(
    comparison: Comparison, arranged: Arrangement, scenes: Scenes, place: int, cell: Cell, ends: tuple[float, float]
) -> Shown:
    cam, at = cell.cam, cell.at
    label = {name: comparison.label(name, at) for name in AXES}
    run = comparison.explanations.get((at["image"], at["model"]))
    tags = ["baseline"] if label["method"] in comparison.baselines else []
    tags += ["random weights"] if run is not None and run.random_weights else []
    measured = [one for one in comparison.metrics if one.name in cell.figures]
    # A class that is called as its axis's value says so once.
    said = [
        name
        for name in reversed(comparison.varying)
        if cam is None or (name, label[name]) != ("class", cam.target.title)
    ]
    where = {name: (NAMES[name][0], label[name]) for name in said}
    scene = scenes.of(at["image"], cam.view) if cam else None
    data: dict[str, Any] = {
        "at": at,
        "figures": {one.name: _sound(cell.figures[one.name]) for one in measured},
        "score": _sound(cam.target.score) if cam else None,
        "map": None,
    }
    words, details = "", []
    if cam is not None and scene is not None:
        data["map"] = _map_data(cam, scene, ends)
        data["name"] = _name(comparison, cam, label)
        found = cam.reason or "no map" if cam.blank else f"peak {peak(cam.values)[2]}"
        words = ", ".join((data["name"], f"score {percent(cam.target.score)}", f"verdict {cam.verdict}", found))
        details = _details(cam, label["smoothing"])
    return Shown(
        place=place,
        across=[where[name] for name in said if name in arranged.columns],
        down=[where[name] for name in said if name in arranged.rows],
        cam=cam,
        scene=scene,
        reason=cell.reason if cam is None else cam.reason,
        hint=cell.hint if cam is None else cam.hint,
        tags=tags,
        figures=[(one.title, figure(cell.figures[one.name])) for one in measured],
        words=words,
        details=details,
        data=data,
    )


def _map_data(cam: Cam, scene: Scene, ends: tuple[float, float]) -> dict[str, Any]:
    low, high = ends
    return {
        "scene": scene.place,
        "box": [round(end, 3) for end in cam.view.box],
        "worthless": cam.verdict if cam.blank else "",
        "peak": peak(cam.values)[:2],
        "low": round(low, 5),
        "high": round(high, 5),
        **({} if cam.blank else embedded_map(cam)),
    }


def _name(comparison: Comparison, cam: Cam, label: Mapping[AxisName, str]) -> str:
    """`GradCAM, class cat, demo:resnet`, and where the map stands on less usual axes."""
    wider = [name for name in reversed(comparison.varying) if name in {"layer", "smoothing", "image"}]
    named = (label["method"] or cam.method, f"class {cam.target.title}", label["model"] or cam.model)
    return ", ".join((*named, *(f"{NAMES[name][0]} {label[name]}" for name in wider)))


def _details(cam: Cam, smoothing: str) -> list[tuple[str, str]]:
    height, width = cam.grid
    told = [
        ("model", cam.model),
        ("picture", cam.picture.path),
        (NAMES["layer"][len(cam.layers) > 1], ", ".join(cam.layers)),
        ("chosen by", cam.chosen_by),
        ("grid", f"{height} {TIMES} {width}"),
    ]
    if smoothing:
        told.append((NAMES["smoothing"][0], smoothing))
    if np.isfinite(cam.raw).all():
        told.append(("raw values", f"{cam.raw.min():.3g} to {cam.raw.max():.3g}"))
    return told


def peak(values: NDArray[Any]) -> tuple[float, float, str]:
    """The place (x, y) of a map's peak as shares of its width and height, and in words: upper left, centre, ..."""
    height, width = values.shape
    row, column = divmod(int(np.argmax(values)), width)
    x, y = (column + 0.5) / width, (row + 0.5) / height
    down, across = ("upper", "", "lower")[int(3 * y)], ("left", "", "right")[int(3 * x)]
    words = {"upper": "upper centre", "lower": "lower centre", "left": "centre left", "right": "centre right"}
    place = " ".join(filter(None, (down, across)))
    return round(x, 4), round(y, 4), words.get(place, place or "centre")


def _sound(value: float) -> float | None:
    """A number that JSON can hold."""
    return round(float(value), 6) if isfinite(value) else None
