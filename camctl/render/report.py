"""The report of a comparison: one HTML file that asks for nothing from outside, its maps coloured in the browser.

What is said is put together here; how it looks and moves is in `templates/`. Maps are embedded as small arrays,
so that colour map, gain and opacity can change while one looks; each picture is embedded once a view.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256
from importlib.resources import files
from io import BytesIO
from itertools import groupby
from math import isfinite
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import numpy as np
from PIL import Image

from camctl.comparison import AXES
from camctl.errors import InputError
from camctl.ranking import agreement, standings
from camctl.render.arrangement import arrange, blocks
from camctl.render.colormaps import COLORMAPS, DEFAULT_COLORMAP, DEFAULT_OPACITY, colours
from camctl.render.overlay import FULL_AT, LUMA, overlay, seen
from camctl.render.scale import shared_range
from camctl.render.tiles import fitting_canvas
from camctl.render.writing import check_writable, write_atomically
from camctl.results import View

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from camctl.comparison import AxisName, Cell, Comparison, Place
    from camctl.picture import Picture
    from camctl.ranking import Agreement, Standing
    from camctl.render.arrangement import Arrangement, At
    from camctl.render.scale import Scale
    from camctl.results import Cam, Canvas, Explanation

REPORTS = (".html", ".htm")
"""Endings of a report."""

PICTURE_SIDE = 448
"""Longest side of an embedded picture, in pixels."""

TILE_SIDE = 320
"""Longest side at which a map of the grid is painted; enlarged, it is painted at the picture's size."""

MAP_SIDE = 64
"""Longest side of an embedded map: finer than the grids that methods work on."""

ALIKE = 1 / 255
"""A grid stands for its map where stretching it gives the map's values to within one step of a palette."""

DASH, TIMES, MINUS = "\N{EN DASH}", "\N{MULTIPLICATION SIGN}", "\N{MINUS SIGN}"

NAMES: dict[AxisName, tuple[str, str]] = {
    "image": ("picture", "pictures"),
    "model": ("model", "models"),
    "layer": ("target layer", "target layers"),
    "class": ("class", "classes"),
    "smoothing": ("smoothing", "smoothings"),
    "method": ("method", "methods"),
}
"""What an axis is called to people: one of it, several."""


def report(
    comparison: Comparison,
    *,
    columns: Sequence[AxisName] = (),
    rows: Sequence[AxisName] = (),
    title: str = "",
    colormap: str = DEFAULT_COLORMAP,
    opacity: float = DEFAULT_OPACITY,
    scale: Scale = "each",
    canvas: Canvas | None = None,
) -> str:
    """The HTML of a comparison's report, whole in itself.

    Colours, opacity and scale are where its controls start. `canvas` None shows what the model was given, or, where
    models were given different parts of one picture, the whole of it. Raises `InputError` for an axis named twice or
    an opacity outside 0..1, `UnknownNameError` for an unknown colormap.
    """
    if not 0 <= opacity <= 1:
        raise InputError(f"An opacity of {opacity} cannot be drawn.", hint="Choose one from 0 (no heat) to 1.")
    colours(colormap)  # raises for a name that does not exist
    chosen = "grey" if colormap.casefold() == "gray" else colormap.casefold()
    arranged = arrange(comparison, columns, rows)
    scenes = _Scenes(comparison, canvas or fitting_canvas(comparison))
    shown = _cells(comparison, scenes)
    grid = _grid(comparison, arranged, shown, scenes)
    start = {"colormap": chosen, "opacity": opacity, "gain": 1, "scale": scale, "sort": ""}
    data = {
        "start": start,
        "fullAt": FULL_AT,
        "luma": LUMA.tolist(),
        "palettes": {name: _base64(colours(name).tobytes()) for name in COLORMAPS},
        "scenes": [scene.data for scene in scenes.found],
        "cells": [one.data for one in shown],
        "columns": grid.columns,
        "rows": [row.at for block in grid.blocks for row in block.rows],
    }
    style = f"{_text('report.css')}:root {{ --columns: {len(grid.columns) + 1}; --across: {len(grid.columns) + 1}; }}\n"
    script = "\n".join(map(_text, ("paint.js", "report.js")))
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(script)}';"
        " base-uri 'none'; form-action 'none'"
    )
    page: str = _template().render(
        title=title or _title(comparison),
        counts=_counts(comparison),
        facts=_facts(comparison),
        runs=_runs(comparison),
        grid=grid,
        axes=[(name, NAMES[name][1], comparison.axis(name).labels) for name in reversed(comparison.varying)],
        metrics=comparison.metrics,
        standings=_tables(comparison),
        agreement=_matrices(comparison),
        colormaps=COLORMAPS,
        start=start,
        data=data,
        policy=policy,
        style=style,
        script=script,
    )
    return page


class How(TypedDict, total=False):
    """What `report` may be told beside the comparison."""

    columns: Sequence[AxisName]
    rows: Sequence[AxisName]
    title: str
    colormap: str
    opacity: float
    scale: Scale
    canvas: Canvas | None


def save_report(comparison: Comparison, path: str | Path, **how: Unpack[How]) -> Path:
    """Write the report to an HTML file. Raises as `report`, `check_writable` and `write_atomically` do."""
    path = check_writable(path, REPORTS)
    # A file name may hold bytes that are no text: they are shown as question marks.
    return write_atomically(path, report(comparison, **how).encode("utf-8", "replace"))


# -------------------------------------------------------------------------------------- the template


def _template() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("camctl.render"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {"percent": _percent, "figure": _figure}
    return environment.get_template("report.html.j2")


def _text(name: str) -> str:
    return files("camctl.render").joinpath("templates", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{_base64(sha256(text.encode()).digest())}"


def _base64(content: bytes) -> str:
    return b64encode(content).decode()


def _percent(score: float) -> str:
    """A score for people: 98.3%, <0.1%, or a dash."""
    smallest = 0.0005
    return DASH if not isfinite(score) else "<0.1%" if 0 < score < smallest else f"{score:.1%}"


def _figure(value: float | None) -> str:
    huge = 1e4
    return DASH if value is None or not isfinite(value) else f"{value:.3f}" if abs(value) < huge else f"{value:.4g}"


# ------------------------------------------------------------------------------------ the pictures


@dataclass(frozen=True)
class _Scene:
    """A picture as embedded: size (width, height) in pixels of the grid's tiles, and what the script needs."""

    place: int
    size: tuple[int, int]
    data: dict[str, Any] = field(repr=False)


class _Scenes:
    """The pictures, each once a view (or once, on the canvas `original`, a window that a model saw)."""

    def __init__(self, comparison: Comparison, canvas: Canvas) -> None:
        self.found: list[_Scene] = []
        self._pictures = comparison.pictures
        self._canvas = canvas
        self._by_view: dict[tuple[int, ...], _Scene] = {}

    def of(self, image: int, view: View) -> _Scene:
        key = (image, *map(round, view.box), round(100 * view.size[1] / view.size[0]))
        if key not in self._by_view:
            self._by_view[key] = self._add(image, *_embedded_picture(self._pictures[image], view, self._canvas))
        return self._by_view[key]

    def any_of(self, image: int) -> _Scene:
        """A picture for a row without maps: as another row shows it, else all of it."""
        for (first, *_), scene in self._by_view.items():
            if first == image:
                return scene
        height, width = self._pictures[image].size
        return self.of(image, View(size=(height, width), box=(0, 0, width, height)))

    def _add(self, image: int, pixels: NDArray[np.uint8], box: Sequence[float]) -> _Scene:
        encoded = BytesIO()
        Image.fromarray(pixels).save(encoded, "WEBP", quality=82, method=4)
        height, width = pixels.shape[:2]
        data = {
            "image": image,
            "source": f"data:image/webp;base64,{_base64(encoded.getvalue())}",
            "box": [round(end, 3) for end in box],
            "size": list(self._pictures[image].size[::-1]),
        }
        shrunk = min(1.0, TILE_SIDE / max(height, width))
        size = max(1, round(width * shrunk)), max(1, round(height * shrunk))
        self.found.append(_Scene(len(self.found), size, data))
        return self.found[-1]


def _embedded_picture(
    picture: Picture, view: View, canvas: Canvas
) -> tuple[NDArray[np.uint8], tuple[float, float, float, float]]:
    """Pixels to embed, and the window (x0, y0, x1, y1) of the picture that they show, in its pixels."""
    height, width = picture.size
    if canvas == "original":
        scale = min(1.0, PICTURE_SIDE / max(height, width))
        small = max(1, round(height * scale)), max(1, round(width * scale))
        pixels = seen(picture.pixels, View(size=small, box=(0, 0, width, height)))
        there = view.on(picture.size, small)
        # With no heat at all, what is left of an overlay is the dimmed margin that the model never saw.
        dimmed = overlay(pixels, np.zeros(view.size, np.float32), there, canvas="original", opacity=0)
        return dimmed, (0, 0, width, height)
    x0, y0, x1, y1 = view.box
    # A view of few pixels is shown as sharp as the picture is: the same window, in more of them.
    side = min(PICTURE_SIDE, max(*view.size, round(x1 - x0), round(y1 - y0)))
    scale = side / max(view.size)
    size = max(1, round(view.size[0] * scale)), max(1, round(view.size[1] * scale))
    return seen(picture.pixels, replace(view, size=size)), view.box


# ---------------------------------------------------------------------------------------- the maps


def _embedded_map(cam: Cam) -> dict[str, Any]:
    """A map as bytes, 0 for its floor and 255 for its ceiling, which stretching with pixel centres aligned restores.

    It is embedded on the grid that it was computed on where that is all there is to it, else on one fitted to it.
    """
    values = np.asarray(cam.values, np.float32)
    small: NDArray[Any] | None = _of_grid(cam)
    if small is None:
        height, width = values.shape
        scale = min(1.0, MAP_SIDE / max(height, width))
        down, across = (_fit(side, max(1, round(side * scale))) for side in (height, width))
        small = down @ values @ across.T
    floor, ceiling = float(small.min()), float(small.max())
    span = ceiling - floor
    levels = np.round((small - floor) / (span or 1) * 255).astype(np.uint8)
    return {
        "grid": list(levels.shape),
        "levels": _base64(levels.tobytes()),
        "floor": round(floor, 5),
        "ceiling": round(ceiling, 5),
    }


def _of_grid(cam: Cam) -> NDArray[np.float32] | None:
    """The map's grid, set so that stretching it gives the map; None where more than stretching made the map."""
    grid = np.maximum(np.asarray(cam.raw, np.float32), 0)
    if max(grid.shape) > MAP_SIDE or not np.isfinite(grid).all():
        return None
    stretched = _resized(grid, cam.values.shape)
    low, span = stretched.min(), np.ptp(stretched)
    if not span or np.abs((stretched - low) / span - cam.values).max() > ALIKE:
        return None
    return np.asarray((grid - low) / span, np.float32)


@cache
def _fit(length: int, cells: int) -> NDArray[np.float64]:
    """(cells, length): what makes the cells that, stretched back to `length`, come closest to what was there."""
    stretching = _resized(np.eye(cells, dtype=np.float32), (length, cells))
    return np.linalg.pinv(stretching.astype(np.float64))


def _resized(values: NDArray[np.float32], size: tuple[int, ...]) -> NDArray[np.float32]:
    image = Image.fromarray(np.ascontiguousarray(values, np.float32))
    return np.asarray(image.resize((size[1], size[0]), Image.Resampling.BILINEAR))


def _peak(values: NDArray[Any]) -> tuple[float, float, str]:
    """The place (x, y) of a map's peak as shares of its width and height, and in words: upper left, centre, ..."""
    height, width = values.shape
    row, column = divmod(int(np.argmax(values)), width)
    x, y = (column + 0.5) / width, (row + 0.5) / height
    down, across = ("upper", "", "lower")[int(3 * y)], ("left", "", "right")[int(3 * x)]
    words = {"upper": "upper centre", "lower": "lower centre", "left": "centre left", "right": "centre right"}
    place = " ".join(filter(None, (down, across)))
    return round(x, 4), round(y, 4), words.get(place, place or "centre")


@dataclass(frozen=True, kw_only=True)
class _Shown:
    """A cell as the template writes it."""

    place: int
    where: list[tuple[str, str]]
    """Where it stands on the axes that vary: (what the axis is called, label)."""
    cam: Cam | None
    scene: _Scene | None
    reason: str
    hint: str
    tags: list[str]
    figures: list[tuple[str, str]]
    words: str
    """The map in words, for those who do not see it."""
    details: list[tuple[str, str]]
    data: dict[str, Any] = field(repr=False)


def _cells(comparison: Comparison, scenes: _Scenes) -> list[_Shown]:
    ranges = shared_range(comparison)
    return [_shown(comparison, scenes, i, cell, ranges.get(i, (0.0, 1.0))) for i, cell in enumerate(comparison.cells)]


def _shown(comparison: Comparison, scenes: _Scenes, place: int, cell: Cell, ends: tuple[float, float]) -> _Shown:
    cam, at = cell.cam, cell.at
    label = {name: comparison.label(name, at) for name in AXES}
    varying = comparison.varying[::-1]
    run = comparison.explanations.get((at["image"], at["model"]))
    where = [(NAMES[name][0], label[name]) for name in varying]
    tags = ["baseline"] if label["method"] in comparison.baselines else []
    tags += ["random weights"] if run is not None and run.random_weights else []
    names = [one for one in comparison.metrics if one.name in cell.figures]
    data: dict[str, Any] = {
        "at": at,
        "figures": {one.name: _sound(cell.figures[one.name]) for one in names},
        "score": _sound(cam.target.score) if cam else None,
        "map": None,
    }
    scene, words, details = None, "", []
    if cam is not None:
        scene = scenes.of(at["image"], cam.view)
        x, y, peak = _peak(cam.values)
        ok = cam.verdict == "ok"
        low, high = ends
        data["map"] = {
            "scene": scene.place,
            "box": [round(end, 3) for end in cam.view.box],
            "worthless": "" if ok else cam.verdict,
            "peak": [x, y],
            "low": round(low, 5),
            "high": round(high, 5),
            **(_embedded_map(cam) if ok else {}),
        }
        wider = [f"{NAMES[name][0]} {label[name]}" for name in varying if name in {"layer", "smoothing", "image"}]
        name = [label["method"] or cam.method, f"class {cam.target.label}", label["model"] or cam.model, *wider]
        found = f"peak {peak}" if ok else cam.reason or "no map"
        data["name"] = ", ".join(name)
        words = ", ".join([*name, f"score {_percent(cam.target.score)}", f"verdict {cam.verdict}", found])
        details = _details(cam)
    return _Shown(
        place=place,
        # A class that is called as its axis's value says so once.
        where=[one for one in where if cam is None or one != ("class", cam.target.label)],
        cam=cam,
        scene=scene,
        reason=cell.reason if cam is None else cam.reason,
        hint=cell.hint if cam is None else cam.hint,
        tags=tags,
        figures=[(one.title, _figure(cell.figures[one.name])) for one in names],
        words=words,
        details=details,
        data=data,
    )


def _sound(value: float) -> float | None:
    """A number that JSON can hold."""
    return round(float(value), 6) if isfinite(value) else None


def _details(cam: Cam) -> list[tuple[str, str]]:
    """What the enlarged map tells beyond its caption."""
    height, width = cam.grid
    told = [
        ("model", cam.model),
        ("picture", cam.picture.path),
        ("target layer" + "s" * (len(cam.layers) > 1), ", ".join(cam.layers)),
        ("chosen by", cam.chosen_by),
        ("grid", f"{height} {TIMES} {width}"),
        ("smoothing", cam.smoothing),
    ]
    if np.isfinite(cam.raw).all():
        told.append(("raw values", f"{cam.raw.min():.3g} to {cam.raw.max():.3g}"))
    return told


# ---------------------------------------------------------------------------------------- the grid


@dataclass(frozen=True, kw_only=True)
class _Heading:
    """Of a row or column: its labels with the names of their axes."""

    labels: list[tuple[str, str]]
    tag: str = ""
    first: int = 0
    span: int = 1


@dataclass(frozen=True, kw_only=True)
class _Row:
    place: int
    at: At
    heading: _Heading
    picture: _Scene | None
    path: str
    said: str
    """What the model takes the picture for, where the row has one model and picture."""
    cells: list[_Shown]


@dataclass(frozen=True, kw_only=True)
class _Block:
    heading: _Heading
    rows: list[_Row]


@dataclass(frozen=True, kw_only=True)
class _Grid:
    columns: list[At]
    groups: list[_Heading]
    """Headings over several columns; empty where one axis runs across."""
    heads: list[_Heading]
    pictures: list[_Scene]
    """One a column, where pictures run across."""
    blocks: list[_Block]


def _grid(comparison: Comparison, arranged: Arrangement, shown: Sequence[_Shown], scenes: _Scenes) -> _Grid:
    across, down = arranged.across(comparison), arranged.down(comparison)
    inner = arranged.columns[-1:]
    groups, first = [], 0
    for shared, lines in blocks(across, arranged.columns):
        groups.append(_heading(comparison, arranged.columns[:-1], shared, first=first, span=len(lines)))
        first += len(lines)
    place = {id(cell): i for i, cell in enumerate(comparison.cells)}
    found, number = [], 0
    for shared, lines in blocks(down, arranged.rows):
        rows = []
        for at in lines:
            cells = [shown[place[id(comparison.cell({**at, **column}))]] for column in across]
            rows.append(_row(comparison, arranged, scenes, number, at, cells))
            number += 1
        found.append(_Block(heading=_heading(comparison, arranged.rows[:-1], shared), rows=rows))
    pictures = "image" in arranged.columns
    return _Grid(
        columns=across,
        groups=groups if len(arranged.columns) > 1 else [],
        heads=[_heading(comparison, inner, at) for at in across] if inner else [],
        pictures=[scenes.any_of(at["image"]) for at in across] if pictures else [],
        blocks=found,
    )


def _heading(comparison: Comparison, axes: Sequence[AxisName], at: At, *, first: int = 0, span: int = 1) -> _Heading:
    labels = [(NAMES[name][0], comparison.label(name, at)) for name in axes]
    baseline = "method" in axes and comparison.label("method", at) in comparison.baselines
    return _Heading(labels=labels, tag="baseline" if baseline else "", first=first, span=span)


def _row(
    comparison: Comparison, arranged: Arrangement, scenes: _Scenes, place: int, at: At, cells: list[_Shown]
) -> _Row:
    image = at.get("image", 0)
    drawn = next((cell.scene for cell in cells if cell.scene is not None), None)
    run = comparison.explanations.get((image, at.get("model", 0)))
    said = ""
    if run and run.predictions and not {"image", "model"} & set(arranged.columns):
        said = f"{run.predictions[0].label} {_percent(run.predictions[0].score)}"
    across = "image" in arranged.columns
    return _Row(
        place=place,
        at=at,
        heading=_heading(comparison, arranged.rows[-1:], at),
        picture=None if across else drawn or scenes.any_of(image),
        path=comparison.pictures[image].path,
        said=said,
        cells=cells,
    )


# --------------------------------------------------------------------------------------- the facts


def _title(comparison: Comparison) -> str:
    """`cat.png: 3 methods, 2 classes`."""
    pictures = comparison.pictures
    of = PurePath(pictures[0].path).name if len(pictures) == 1 else f"{len(pictures)} pictures"
    varied = [_number(comparison, name) for name in reversed(comparison.varying) if name != "image"]
    if varied:
        return f"{of}: {', '.join(varied)}"
    return f"{of}: {comparison.label('method', comparison.cells[0].at)}" if comparison.cells else of


def _number(comparison: Comparison, name: AxisName) -> str:
    count = len(comparison.axis(name))
    return f"{count} {NAMES[name][count > 1]}"


def _counts(comparison: Comparison) -> dict[str, Any]:
    cams = comparison.maps
    return {
        "cells": len(comparison.cells),
        "by": f" {TIMES} ".join(_number(comparison, name) for name in reversed(comparison.varying)),
        "worthless": sum(cam.verdict != "ok" for cam in cams),
        "missing": len(comparison.cells) - len(cams),
    }


@dataclass(frozen=True, kw_only=True)
class _Model:
    """What is true of a model in all its runs."""

    name: str
    failed: str
    random: bool
    checkpoint: str
    sha256: str
    layers: list[str]
    chosen_by: list[str]


def _facts(comparison: Comparison) -> dict[str, Any]:
    runs = list(comparison.explanations.items())
    several = len(comparison.axis("model")) > 1
    said: dict[str, list[str]] = {"repairs": [], "notes": []}
    versions: dict[str, str] = {}
    for (_, model), run in runs:
        prefix = f"{_model_name(comparison, model, run)}: " if several else ""
        for kind, lines in (("repairs", run.repairs), ("notes", run.notes)):
            said[kind] += [prefix + line for line in lines if prefix + line not in said[kind]]
        versions |= run.versions
    targets = {(cam.target.label, cam.target.index): None for cam in comparison.maps}
    return {
        "models": [_model(comparison, place) for place in range(len(comparison.axis("model")))],
        "pictures": [(picture.path, *picture.size[::-1]) for picture in comparison.pictures],
        "classes": list(targets),
        "methods": [label for label in comparison.axis("method").labels if label],
        "baselines": comparison.baselines,
        "versions": versions,
        "faults": [f"{fault} {fault.hint or ''}" for fault in comparison.faults],
        **said,
    }


def _model_name(comparison: Comparison, place: int, run: Explanation | None) -> str:
    return comparison.axis("model").labels[place] or (run.model if run else "")


def _model(comparison: Comparison, place: int) -> _Model:
    runs = [run for (_, model), run in comparison.explanations.items() if model == place]
    cells = [cell for cell in comparison.cells if cell.at["model"] == place]
    cams = [cell.cam for cell in cells if cell.cam is not None]
    first = runs[0] if runs else None
    return _Model(
        name=_model_name(comparison, place, first),
        failed=next((cell.reason for cell in cells if cell.cam is None), "It did not run.") if first is None else "",
        random=first is not None and first.random_weights,
        checkpoint=(first.checkpoint or "") if first else "",
        sha256=(first.checkpoint_sha256 or "") if first else "",
        layers=list(dict.fromkeys(", ".join(cam.layers) for cam in cams)),
        chosen_by=list(dict.fromkeys(cam.chosen_by for cam in cams)),
    )


def _runs(comparison: Comparison) -> list[dict[str, Any]]:
    """What each model takes each picture for; the classes that were asked for are marked."""
    found = []
    for (image, model), run in sorted(comparison.explanations.items()):
        asked = {cell.cam.target.index for cell in comparison.cells if cell.cam and _at(cell.at) == (image, model)}
        found.append(
            {
                "model": _model_name(comparison, model, run),
                "image": comparison.pictures[image].path,
                "random": run.random_weights,
                "predictions": [(target, target.index in asked) for target in run.predictions],
            }
        )
    return found


def _at(at: Place) -> tuple[int, int]:
    return at["image"], at["model"]


# -------------------------------------------------------------------------------------- the tables


def _tables(comparison: Comparison) -> list[tuple[str, list[Standing], list[Standing]]]:
    """(model, its methods by standing, its baselines); the model is empty where there is one."""
    groups = groupby(standings(comparison), key=lambda one: one.model)
    found = [(model, list(group)) for model, group in groups]
    return [
        (model, [one for one in group if not one.baseline], [one for one in group if one.baseline])
        for model, group in found
    ]


def _matrices(comparison: Comparison) -> list[tuple[Agreement, tuple[str, str], list[list[tuple[float, str, int]]]]]:
    """(agreement, the axis's names, rows of (correlation, as text, depth of its colour -10..10))."""
    return [
        (one, NAMES[one.axis], [[(value, *_shade(value)) for value in row] for row in one.matrix])
        for one in agreement(comparison)
    ]


def _shade(value: float) -> tuple[str, int]:
    return (f"{value:.2f}".replace("-", MINUS), round(10 * value)) if isfinite(value) else (DASH, 0)
