"""The games: questions whose right answer is known, put to a network's maps."""

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
    from camctl.values.explanation import Cam, View
    from tests.truth.photographs import Box, Photograph, Pixels, Window

SIDE = 320
"""Pixels a side of a window, before the network's own preprocessing."""

SURE = 0.5
"""Probability with which a network must name a photograph alone, to be asked for it in a mosaic."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One map in one game; `share` and `hit` are None where no map was drawn, or its verdict calls it worthless."""

    game: str
    net: str
    rule: str
    layers: tuple[str, ...]
    method: str
    group: str
    """The photograph, mosaic or scene: rows of one group are no independent samples."""
    verdict: str
    """`none` where no map was drawn."""
    share: float | None
    """Of the map's light, how much lies where the object is."""
    hit: bool | None
    """Whether the map peaks there."""
    figures: Mapping[str, float] = field(default_factory=dict)
    """What camctl's metrics say, by name."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What is common to all rows of a call."""

    game: str
    net: str
    rules: Mapping[str, str | None]
    """What a layer is called in the tables -> its name; None takes camctl's default."""
    methods: Sequence[str]
    metrics: Sequence[str] = ()
    baselines: bool = True


@dataclass(frozen=True, kw_only=True)
class Map:
    """A cell of a comparison: the map, or none, of a method, a rule and the target at a place of the list."""

    rule: str
    method: str
    place: int
    cam: Cam | None
    figures: Mapping[str, float]


def maps(model: LoadedModel, pixels: Pixels, targets: Sequence[int | str], ask: Ask) -> Iterator[Map]:
    """Every map that is asked for, out of one forward pass for all named layers and one for the default."""
    named = {rule: layer for rule, layer in ask.rules.items() if layer}
    if named:
        yield from _maps(model, pixels, targets, ask, named)
    for rule in ask.rules.keys() - named.keys():
        yield from _maps(model, pixels, targets, ask, {rule: None})


def _maps(
    model: LoadedModel, pixels: Pixels, targets: Sequence[int | str], ask: Ask, rules: Mapping[str, str | None]
) -> Iterator[Map]:
    layers = [layer for layer in rules.values() if layer]
    comparison = camctl.compare(
        model,
        pixels,
        methods=ask.methods,
        targets=list(targets),
        target_layers=layers or None,
        evaluation=camctl.Evaluation(metrics=ask.metrics, baselines=ask.baselines),
    )
    for cell in comparison.cells:
        yield Map(
            rule=list(rules)[cell.at["layer"]],
            method=comparison.label("method", cell.at),
            place=cell.at["class"],
            cam=cell.cam,
            figures=cell.figures,
        )


def row(ask: Ask, one: Map, group: str, box: Box) -> Row:
    """The row of a map; `box` in pixels of the map."""
    cam = one.cam
    share = hit = None
    if cam is not None and cam.values.any():
        y, x = np.ogrid[0.5 : cam.values.shape[0], 0.5 : cam.values.shape[1]]
        inside = (x >= box[0]) & (x <= box[2]) & (y >= box[1]) & (y <= box[3])
        share = float(cam.values[inside].sum(dtype=np.float64) / cam.values.sum(dtype=np.float64))
        hit = bool(inside.flat[cam.values.argmax()])
    return Row(
        game=ask.game,
        net=ask.net,
        rule=one.rule,
        layers=cam.layers if cam else (),
        method=one.method,
        group=group,
        verdict=cam.verdict if cam else "none",
        share=share,
        hit=hit,
        figures={name: figure for name, figure in one.figures.items() if not isnan(figure)},
    )


# ------------------------------------------------------------------------------------ grid pointing


@dataclass(frozen=True, kw_only=True)
class Known:
    """A window that a network names with confidence."""

    window: Window
    index: int


def known_windows(model: LoadedModel, photographs: Sequence[Photograph] = PHOTOGRAPHS, most: int = 4) -> list[Known]:
    """Windows that the network names rightly and with more than `SURE`: the `most` widest of each photograph."""
    known = []
    for photograph in photographs:
        squares = windows(photograph)
        scores = predictions(model, [square.pixels(SIDE) for square in squares])
        right = {index for thing in photograph.things for index in thing.classes}
        sure = [k for k in range(len(squares)) if scores[k].max() > SURE and int(scores[k].argmax()) in right]
        known += [Known(window=squares[k], index=int(scores[k].argmax())) for k in sure[:most]]
    return known


def mosaics(known: Sequence[Known], count: int, seed: int = 0) -> list[tuple[Known, ...]]:
    """`count` draws of four windows of four photographs and four classes."""
    draw = np.random.default_rng(seed)
    found: list[tuple[Known, ...]] = []
    photographs = sorted({one.window.photograph.name for one in known})
    for _ in range(200 * count):
        if len(found) == count or len(photographs) < 4:
            break
        names = draw.permutation(photographs)[:4]
        of = [[one for one in known if one.window.photograph.name == name] for name in names]
        four = tuple(some[draw.integers(len(some))] for some in of)
        if len({one.index for one in four}) == 4 and four not in found:
            found.append(four)
    return found


def twice(model: LoadedModel) -> LoadedModel:
    """The network, given pictures whose quarters are prepared one by one: an input of twice the side."""
    import torch

    def preprocess(pixels: Pixels) -> torch.Tensor:
        h, w = pixels.shape[0] // 2, pixels.shape[1] // 2
        rows = ((pixels[y : y + h, x : x + w] for x in (0, w)) for y in (0, h))
        return torch.cat(
            [torch.cat([model.preprocess(np.ascontiguousarray(one)) for one in row], 2) for row in rows], 1
        )

    height, width = model.input_size
    return replace(model, preprocess=preprocess, input_size=(2 * height, 2 * width))


def grid_game(model: LoadedModel, four: Sequence[Known], ask: Ask) -> Iterator[Row]:
    """The grid pointing game of Rao et al., 2022, arXiv:2205.10435: one mosaic, asked for each of its classes."""
    quarters = [one.window.pixels(SIDE) for one in four]
    pixels = np.concatenate([np.concatenate(quarters[:2], 1), np.concatenate(quarters[2:], 1)])
    group = " ".join(one.window.name for one in four)
    height, width = (2 * side for side in model.input_size)
    for one in maps(twice(model), pixels, [one.index for one in four], ask):
        y, x = divmod(one.place, 2)
        box = (x * width / 2, y * height / 2, (x + 1) * width / 2, (y + 1) * height / 2)
        yield row(ask, one, group, box)


# -------------------------------------------------------------------------------------------- boxes


def box_game(model: LoadedModel, window: Window, ask: Ask) -> Iterator[Row]:
    """Objects of a window whose class is among the network's first five: does the map show each in its box?"""
    pixels = window.pixels(SIDE)
    scores = predictions(model, [pixels])[0]
    first = set(np.argsort(-scores)[:5].tolist())
    boxes: dict[int, Box] = {}
    for thing in window.photograph.things:
        index = max(thing.classes, key=lambda one: scores[one])
        box = window.box(thing, SIDE)
        if index in first and box is not None and (box[2] - box[0]) * (box[3] - box[1]) < 0.6 * SIDE**2:
            boxes[index] = box
    yield from boxed(model, pixels, boxes, window.photograph.name, ask)


def scene_game(model: LoadedModel, number: int, ask: Ask) -> Iterator[Row]:
    """A scene of `camctl demo`'s game, asked for both of its objects."""
    one = scene(FIRST_SEED + number, 2)
    side = model.input_size[0]
    boxes = {each.label: tuple(edge * side for edge in each.box) for each in one.objects}
    yield from boxed(model, render(one, side), boxes, f"scene {number}", ask)


def in_view(box: Box, view: View) -> Box:
    """A box in pixels of the picture -> in pixels of what the network was given of it."""
    (height, width), (x0, y0, x1, y1) = view.size, view.box
    across, down = width / (x1 - x0), height / (y1 - y0)
    return (box[0] - x0) * across, (box[1] - y0) * down, (box[2] - x0) * across, (box[3] - y0) * down


def boxed(model: LoadedModel, pixels: Pixels, boxes: Mapping[int | str, Box], group: str, ask: Ask) -> Iterator[Row]:
    """Rows of one picture with boxes in its pixels."""
    if not boxes:
        return
    for one in maps(model, pixels, list(boxes), ask):
        box = list(boxes.values())[one.place]
        yield row(ask, one, group, in_view(box, one.cam.view) if one.cam else box)
