"""The games: questions with known answers that a network's maps are scored on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import isnan
from typing import TYPE_CHECKING

import numpy as np

import camctl
from camctl.demo.game import FIRST_SEED
from camctl.demo.scenes import render, scene
from tests.truth.photographs import PHOTOGRAPHS, predictions, windows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from camctl.plugin import LoadedModel
    from camctl.values.cam import Cam
    from camctl.values.view import View
    from tests.truth.photographs import Box, Photograph, Pixels, Window

SIDE = 320
"""Pixels a side of a window, before the network's own preprocessing."""

SURE = 0.5
"""Minimum probability of a photograph's class for the photograph to enter a mosaic."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One map in one game; `share` and `hit` are None if no map was drawn or its verdict makes it empty."""

    game: str
    net: str
    rule: str
    layers: tuple[str, ...]
    method: str
    group: str
    """Photograph, mosaic or scene; rows of one group are not independent samples."""
    verdict: str
    """The map's verdict; `none` if no map was drawn."""
    share: float | None
    """Share of the map's sum that lies on the object."""
    hit: bool | None
    """Whether the map's peak lies on the object."""
    figures: Mapping[str, float] = field(default_factory=dict)
    """Figures of camctl's metrics by name."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """The maps to make of a picture, and the game that they are made for."""

    game: str
    net: str
    rules: Mapping[str, str | None]
    """Layer rule, as the tables name it -> the layer's name; None stands for camctl's default."""
    methods: Sequence[str]
    metrics: Sequence[str] = ()
    baselines: bool = True


@dataclass(frozen=True, kw_only=True)
class Map:
    """A cell of a comparison: the map of a method, a layer rule and a target; None if none was drawn."""

    rule: str
    method: str
    target: int
    """Index in the list of targets."""
    cam: Cam | None
    figures: Mapping[str, float]


def maps(model: LoadedModel, pixels: Pixels, targets: Sequence[int | str], request: Request) -> Iterator[Map]:
    """Yield every requested map, from one forward pass for all named layers and one for the default."""
    named = {rule: layer for rule, layer in request.rules.items() if layer}
    if named:
        yield from _maps(model, pixels, targets, request, named)
    for rule in request.rules.keys() - named.keys():
        yield from _maps(model, pixels, targets, request, {rule: None})


def _maps(
    model: LoadedModel, pixels: Pixels, targets: Sequence[int | str], request: Request, rules: Mapping[str, str | None]
) -> Iterator[Map]:
    layers = [layer for layer in rules.values() if layer]
    comparison = camctl.compare(
        model,
        pixels,
        methods=request.methods,
        targets=list(targets),
        target_layers=layers or None,
        evaluation=camctl.Evaluation(metrics=request.metrics, baselines=request.baselines),
    )
    for cell in comparison.cells:
        yield Map(
            rule=list(rules)[cell.at["layer"]],
            method=comparison.label("method", cell.at),
            target=cell.at["class"],
            cam=cell.cam,
            figures=cell.figures,
        )


def row(request: Request, entry: Map, group: str, box: Box) -> Row:
    """Score a map; `box` is in pixels of the map."""
    cam = entry.cam
    share = hit = None
    if cam is not None and cam.values.any():
        y, x = np.ogrid[0.5 : cam.values.shape[0], 0.5 : cam.values.shape[1]]
        inside = (x >= box[0]) & (x <= box[2]) & (y >= box[1]) & (y <= box[3])
        share = float(cam.values[inside].sum(dtype=np.float64) / cam.values.sum(dtype=np.float64))
        hit = bool(inside.flat[cam.values.argmax()])
    return Row(
        game=request.game,
        net=request.net,
        rule=entry.rule,
        layers=cam.layers if cam else (),
        method=entry.method,
        group=group,
        verdict=cam.verdict if cam else "none",
        share=share,
        hit=hit,
        figures={name: figure for name, figure in entry.figures.items() if not isnan(figure)},
    )


# ------------------------------------------------------------------------------------ grid pointing


@dataclass(frozen=True, kw_only=True)
class Known:
    """A window that a network classifies rightly and with confidence."""

    window: Window
    index: int


def known_windows(model: LoadedModel, photographs: Sequence[Photograph] = PHOTOGRAPHS, most: int = 4) -> list[Known]:
    """Find windows that the network classifies rightly above `SURE`: the `most` widest of each photograph."""
    known = []
    for photograph in photographs:
        squares = windows(photograph)
        scores = predictions(model, [square.pixels(SIDE) for square in squares])
        right = {index for thing in photograph.things for index in thing.classes}
        sure = [k for k in range(len(squares)) if scores[k].max() > SURE and int(scores[k].argmax()) in right]
        known += [Known(window=squares[k], index=int(scores[k].argmax())) for k in sure[:most]]
    return known


def mosaics(known: Sequence[Known], count: int, seed: int = 0) -> list[tuple[Known, ...]]:
    """Draw `count` sets of four windows of four photographs and four classes."""
    draw = np.random.default_rng(seed)
    sets: list[tuple[Known, ...]] = []
    photographs = sorted({item.window.photograph.name for item in known})
    for _ in range(200 * count):
        if len(sets) == count or len(photographs) < 4:
            break
        names = draw.permutation(photographs)[:4]
        choices = [[item for item in known if item.window.photograph.name == name] for name in names]
        four = tuple(choice[draw.integers(len(choice))] for choice in choices)
        if len({item.index for item in four}) == 4 and four not in sets:
            sets.append(four)
    return sets


def twice(model: LoadedModel) -> LoadedModel:
    """Let the network take pictures whose quarters are preprocessed one by one: an input of twice the side."""
    import torch

    def preprocess(pixels: Pixels) -> torch.Tensor:
        h, w = pixels.shape[0] // 2, pixels.shape[1] // 2
        rows = ((pixels[y : y + h, x : x + w] for x in (0, w)) for y in (0, h))
        return torch.cat(
            [torch.cat([model.preprocess(np.ascontiguousarray(quarter)) for quarter in row], 2) for row in rows], 1
        )

    height, width = model.input_size
    return replace(model, preprocess=preprocess, input_size=(2 * height, 2 * width))


def grid_game(model: LoadedModel, four: Sequence[Known], request: Request) -> Iterator[Row]:
    """Play the grid pointing game (Rao et al., 2022, arXiv:2205.10435): explain one mosaic for each of its classes."""
    quarters = [item.window.pixels(SIDE) for item in four]
    pixels = np.concatenate([np.concatenate(quarters[:2], 1), np.concatenate(quarters[2:], 1)])
    group = " ".join(item.window.name for item in four)
    height, width = (2 * side for side in model.input_size)
    for entry in maps(twice(model), pixels, [item.index for item in four], request):
        y, x = divmod(entry.target, 2)
        box = (x * width / 2, y * height / 2, (x + 1) * width / 2, (y + 1) * height / 2)
        yield row(request, entry, group, box)


# -------------------------------------------------------------------------------------------- boxes


def box_game(model: LoadedModel, window: Window, request: Request) -> Iterator[Row]:
    """Score the maps of a window's objects in their boxes; only objects of the five most likely classes count."""
    pixels = window.pixels(SIDE)
    scores = predictions(model, [pixels])[0]
    first = set(np.argsort(-scores)[:5].tolist())
    boxes: dict[int, Box] = {}
    for thing in window.photograph.things:
        index = max(thing.classes, key=lambda index: scores[index])
        box = window.box(thing, SIDE)
        if index in first and box is not None and (box[2] - box[0]) * (box[3] - box[1]) < 0.6 * SIDE**2:
            boxes[index] = box
    yield from boxed(model, pixels, boxes, window.photograph.name, request)


def scene_game(model: LoadedModel, number: int, request: Request) -> Iterator[Row]:
    """Score the maps of both objects of a scene of `camctl demo`'s game."""
    drawn = scene(FIRST_SEED + number, 2)
    side = model.input_size[0]
    boxes = {item.label: tuple(edge * side for edge in item.box) for item in drawn.objects}
    yield from boxed(model, render(drawn, side), boxes, f"scene {number}", request)


def in_view(box: Box, view: View) -> Box:
    """Convert a box from pixels of the picture to pixels of the view."""
    (height, width), (x0, y0, x1, y1) = view.size, view.box
    across, down = width / (x1 - x0), height / (y1 - y0)
    return (box[0] - x0) * across, (box[1] - y0) * down, (box[2] - x0) * across, (box[3] - y0) * down


def boxed(
    model: LoadedModel, pixels: Pixels, boxes: Mapping[int | str, Box], group: str, request: Request
) -> Iterator[Row]:
    """Score the maps of one picture; `boxes` holds a box in its pixels for each target."""
    if not boxes:
        return
    for entry in maps(model, pixels, list(boxes), request):
        box = list(boxes.values())[entry.target]
        yield row(request, entry, group, in_view(box, entry.cam.view) if entry.cam else box)
