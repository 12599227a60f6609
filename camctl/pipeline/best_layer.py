"""The layer whose maps measure best on given pictures: `--target-layers best`."""

from __future__ import annotations

from math import isnan
from statistics import fmean
from typing import TYPE_CHECKING

from camctl import registry
from camctl.errors import InputError
from camctl.pipeline.layer_group import NO_LAYER, SEE_LAYERS, LayerGroup, default_layers
from camctl.pipeline.layer_selection import BEST, sound_layers
from camctl.pipeline.metrics import Measuring, measure
from camctl.pipeline.passes import Clock, run_passes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camctl.pipeline.passes import Choice, Manner
    from camctl.pipeline.scene import Scene
    from camctl.plugin import Metric

CANDIDATES = 8
"""Number of layers that are tried, including the default ones: each map costs the metric's forward passes."""

METRIC = "camctl[adcc]"
"""The metric that decides by default. Of four it put most of the map into the box on the demo's ResNet: insertion and
deletion choose shallow layers, whose maps look like the picture's edges."""

MOST_PICTURES = 4
"""Number of pictures that candidates are tried on, the first ones."""


def best_layer(
    scenes: Sequence[Scene], manner: Manner, choose: Choice, metrics: Sequence[registry.Loaded] = ()
) -> LayerGroup:
    """Return the layer of the best mean figure over pictures, classes and methods, with the ranking in its `note`.

    Parameters
    ----------
    scenes: One model with one or several pictures.
    manner: The methods that the layer is for.
    choose: Returns the targets of a picture's predictions.
    metrics: The first that says which figures are better decides; ADCC if none does.

    Raises `InputError`: no layer draws a map that shows something.
    """
    names = _candidates(scenes[0])
    groups = [LayerGroup((name,), BEST) for name in names]
    able = (metric for metric in metrics if metric.plugin.better != "neither" and "region" not in metric.plugin.needs)
    metric = next(able, None) or registry.pick("metric", METRIC)
    figures: dict[str, list[float]] = {name: [] for name in names}
    for scene in scenes:
        passed = run_passes(scene, groups, manner, choose, Clock())
        measured = measure(scene, groups, manner, passed, Measuring(metrics=[metric]))
        for (_, group, _, _), own in measured.figures.items():
            figures[names[group]] += [figure for figure in own.values() if not isnan(figure)]
    # A layer some of whose maps are worthless has fewer figures, and is not ranked.
    most = max(map(len, figures.values()), default=0)
    means = {name: fmean(own) for name, own in figures.items() if own and len(own) == most}
    if not means:
        raise InputError(NO_LAYER, hint=SEE_LAYERS)
    return _ranked(metric.plugin, means, most)


def _candidates(scene: Scene) -> list[str]:
    """Return the default layers, and some from shallow to deep, whose maps show something; shallow first."""
    from camctl.engine.probe import evenly, ladder

    layers, default = scene.probe(), default_layers(scene)
    steps = evenly(ladder(layers, CANDIDATES, default.names[-1]), CANDIDATES - len(default.pre_activation))
    order = {record.name: record.order for record in layers.records}
    names = sorted({*default.pre_activation, *steps}, key=lambda name: order[name])
    return sound_layers(scene, names) or list(default.names)


def _ranked(metric: Metric, means: dict[str, float], maps: int) -> LayerGroup:
    sign = -1 if metric.better == "higher" else 1
    names = sorted(means, key=lambda name: sign * means[name])
    ranking = ", ".join(f"{name} {means[name]:.3f}" for name in names)
    count = "of one map each, too few to tell" if maps == 1 else f"means of {maps} maps each"
    note = f"layers by {metric.name} ({metric.better} is better; {count}): {ranking}"
    return LayerGroup((names[0],), f"{BEST} of {len(names)} by {metric.name}", note=note)
