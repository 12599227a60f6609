"""Real comparisons of the demo's networks on drawn scenes, small and quick, for tests of what is made of them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import camctl
from camctl.demo.scenes import render, scene
from camctl.values.axis import Axis, places
from camctl.values.comparison import Cell, Comparison, Measure
from camctl.values.picture import Picture

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from camctl.plugin import LoadedModel

SCENES = {6_700_024: ("cat", "dog"), 6_702_026: ("car", "flower")}
SIZE = 224


@cache
def network(name: str) -> LoadedModel:
    """One of the demo's networks, loaded once."""
    return camctl.load(f"demo:{name}")


@cache
def drawn_scene(seed: int) -> Picture:
    """A scene of two objects."""
    return Picture(f"scene{seed}.png", render(scene(seed, classes=SCENES[seed]), SIZE))


def comparison(
    *,
    models: Sequence[str] = ("resnet",),
    seeds: Sequence[int] = (6_700_024,),
    targets: Sequence[str] = ("cat", "dog"),
    methods: Sequence[str] = ("GradCAM", "LayerCAM", "EigenCAM"),
    layers: Sequence[str] = (),
    figures: Mapping[str, float] | None = None,
    labels: Mapping[str, Sequence[str]] | None = None,
) -> Comparison:
    """Maps of every combination; `labels` renames an axis's values, `figures` gives every map the same figures."""
    said = {"image": [f"scene{seed}.png" for seed in seeds], "model": [f"demo:{name}" for name in models]}
    said |= {"layer": list(layers) or [""], "class": list(targets), "smoothing": [""], "method": list(methods)}
    said |= {name: list(new) for name, new in (labels or {}).items()}
    axes = tuple(Axis(name=name, labels=tuple(values)) for name, values in said.items())
    runs, maps = {}, {}
    for i, seed in enumerate(seeds):
        for m, model in enumerate(models):
            for each, layer in enumerate(layers or [None]):
                result = camctl.explain(
                    network(model), drawn_scene(seed), targets=list(targets), methods=list(methods), target_layers=layer
                )
                runs[i, m] = result
                for place, cam in enumerate(result.maps):
                    maps[i, m, each, *divmod(place, len(methods))] = cam
    cells = [
        Cell(
            at=at,
            cam=maps[tuple(at[name] for name in ("image", "model", "layer", "class", "method"))],
            figures=figures or {},
        )
        for at in places(axes)
    ]
    measures = tuple(Measure(name=name, title=name, better="higher") for name in figures or {})
    pictures = tuple(drawn_scene(seed) for seed in seeds)
    return Comparison(axes=axes, cells=tuple(cells), explanations=runs, pictures=pictures, metrics=measures)


def without_map(whole: Comparison, at: Mapping[str, int], reason: str, hint: str = "") -> Comparison:
    """The same, with a reason in place of one map."""
    gone = whole.cell(at)
    cells = [
        replace(cell, cam=None, reason=reason, hint=hint, figures={}) if cell is gone else cell for cell in whole.cells
    ]
    return replace(whole, cells=tuple(cells))


def worthless_map(whole: Comparison, at: Mapping[str, int]) -> Comparison:
    """The same, with one map that is worth nothing."""
    dead = whole.cell(at)
    assert dead.cam is not None
    cam = replace(
        dead.cam, values=0 * dead.cam.values, verdict="zero-gradient", reason="The class score does not depend on it."
    )
    cells = [replace(cell, cam=cam, figures={}) if cell is dead else cell for cell in whole.cells]
    return replace(whole, cells=tuple(cells))
