"""The games that a network plays, with their methods and layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import camctl
from camctl import registry
from camctl.demo.game import FIRST_SEED
from camctl.demo.scenes import render, scene
from camctl.ranking.sanity import sanity_rows
from camctl.registry import discovery
from tests.truth import spoilt
from tests.truth.games import SIDE, Request, Row, box_game, grid_game, known_windows, mosaics, scene_game
from tests.truth.nets import BY_GRADIENT, Net
from tests.truth.photographs import PHOTOGRAPHS, Photograph, Window, middle, windows

if TYPE_CHECKING:
    from camctl.plugin import LoadedModel, Method

DEFAULT = "default"
"""What the tables call the layer that camctl takes where none is named."""

METRICS = ("drop", "adcc")

FURTHER = frozenset({"rescoring", "replay"})
"""Needs of methods that run the network many times."""

BUILT_IN: Mapping[str, Method] = {
    entry.label: registry.load(entry).plugin for entry in discovery.find("method") if entry.built_in
}
"""By their full names, so that no installed plugin is measured."""

FAST = [name for name, method in BUILT_IN.items() if not FURTHER & method.needs and method.aggregate != "product"]
"""Methods that can share a forward pass, the baselines among them."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """Numbers of questions a network."""

    mosaics: int = 12
    windows: int = 4
    scenes: int = 30
    slow: bool = True
    """Whether methods that run the network many times are measured too."""


def measure(net: Net, size: Size) -> list[Row]:
    """Every game of a network."""
    model = net.load(net.name)
    rows = []
    for game in (pointing, metrics, products, *((slow,) if size.slow else ()), verdicts, sanity):
        rows += list(game(net, model, size))
        print(f"{net.name}: {game.__name__}, {len(rows)} maps", flush=True)  # noqa: T201
    return rows


def pointing(net: Net, model: LoadedModel, size: Size) -> Iterator[Row]:
    """Grid and boxes of photographs, or drawn scenes, at every layer that is tried and at the default."""
    request = Request(game="boxes", net=net.name, rules={**net.layers, DEFAULT: None}, methods=FAST)
    yield from _boxes(net, model, size, request)
    if not net.demo:
        for four in mosaics(known_windows(model), size.mosaics):
            yield from grid_game(model, four, replace(request, game="grid"))


def metrics(net: Net, model: LoadedModel, size: Size) -> Iterator[Row]:
    """Score maps by hiding parts of the picture, at the default layer; one window a photograph."""
    few = replace(size, windows=1, scenes=min(size.scenes, 10))
    request = Request(game="metrics", net=net.name, rules={DEFAULT: None}, methods=FAST, metrics=METRICS)
    yield from _boxes(net, model, few, request)


def products(net: Net, model: LoadedModel, size: Size) -> Iterator[Row]:
    """Score methods that multiply several layers' maps, alone: camctl chooses other layers for them."""
    names = [name for name, method in BUILT_IN.items() if method.aggregate == "product"]
    request = Request(game="boxes", net=net.name, rules={DEFAULT: None}, methods=names, baselines=False)
    yield from _boxes(net, model, size, request)


def slow(net: Net, model: LoadedModel, size: Size) -> Iterator[Row]:
    """Score methods that run the network many times, at the default layer; one window a photograph."""
    few = replace(size, windows=1, scenes=min(size.scenes, 5))
    names = [name for name, method in BUILT_IN.items() if FURTHER & method.needs]
    request = Request(game="slow", net=net.name, rules={DEFAULT: None}, methods=names)
    yield from _boxes(net, model, few, request)


def sanity(net: Net, model: LoadedModel, size: Size) -> Iterator[Row]:
    """How alike maps stay while weights are randomised from the head down: `rule` is the stage, `verdict` the mark."""
    if net.demo:
        shown = [render(scene(FIRST_SEED + number, 1), model.input_size[0]) for number in range(min(size.scenes, 8))]
    else:
        shown = [middle(photograph).pixels(SIDE) for photograph in PHOTOGRAPHS]
    methods = [name for name in FAST if BUILT_IN[name].needs and not BUILT_IN[name].cannot(model.module)]
    comparison = camctl.compare(model, shown, methods=methods, evaluation=camctl.Evaluation(sanity=True))
    for row in sanity_rows(comparison)[0]:
        for stage, likeness in row.stages.items():
            figures = {"correlation": likeness.correlation, "ssim": likeness.ssim}
            yield Row(
                game="sanity",
                net=net.name,
                rule=stage,
                layers=(),
                method=row.label,
                group="all",
                verdict=row.mark,
                share=None,
                hit=None,
                figures=figures,
            )


def verdicts(net: Net, model: LoadedModel, size: Size) -> Iterator[Row]:
    """Verdicts on maps that the games find right, and on maps made wrong on purpose; `rule` says which.

    The request names a metric, since camctl verifies each map if there are metrics.
    """
    sound = Request(
        game="verdicts",
        net=net.name,
        rules={"sound": net.layers[net.sound]},
        methods=BY_GRADIENT,
        metrics=("coverage",),
        baselines=False,
    )
    # A map with its peak in the object's box is right; of others nobody knows whether the network looks elsewhere.
    yield from (row for row in _boxes(net, model, size, sound) if row.hit or row.share is None)
    with spoilt.installed() as inverted:
        turned = replace(sound, rules={"inverted": net.layers[net.sound]}, methods=inverted)
        yield from (row for row in _boxes(net, model, size, turned) if not row.hit)
    for kind, (layer, methods) in net.spoilt.items():
        wrong = replace(sound, rules={kind: layer}, methods=methods)
        yield from (row for row in _boxes(net, model, size, wrong) if not row.hit)


def _boxes(net: Net, model: LoadedModel, size: Size, request: Request) -> Iterator[Row]:
    if net.demo:
        for number in range(size.scenes):
            yield from scene_game(model, number, request)
        return
    for photograph in PHOTOGRAPHS:
        for window in _spread(photograph, size.windows):
            yield from box_game(model, window, request)


def _spread(photograph: Photograph, count: int) -> list[Window]:
    """Pick `count` windows evenly, the widest one in the middle first."""
    first, others = middle(photograph), windows(photograph)
    step = max(1, len(others) // max(1, count - 1))
    return [first, *(other for other in others[step // 2 :: step] if other != first)][:count]
