"""The layer whose maps measure best on given pictures: `--target-layers best`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isnan
from statistics import fmean
from typing import TYPE_CHECKING

from camctl import registry
from camctl.errors import CamctlError, InputError
from camctl.pipeline.layer_selection import BEST, sound_layers
from camctl.pipeline.metrics import Measuring, measure
from camctl.pipeline.passes import Clock, run_passes
from camctl.pipeline.scene import NO_LAYER, LayerGroup, default_layers

if TYPE_CHECKING:
    from camctl.engine.predictions import Predictions
    from camctl.pipeline.passes import Manner
    from camctl.pipeline.scene import Scene
    from camctl.plugin import Metric
    from camctl.values.explanation import Target

CANDIDATES = 8
"""Layers that are tried, the default ones among them: each map costs the metric's forward passes."""

METRIC = "camctl[adcc]"
"""The figure that decides where none is asked for. Of four it kept most of the map in the box on the demo's ResNet:
insertion and deletion take shallow layers, whose maps look like the picture's edges."""

MOST_PICTURES = 4
"""Pictures that candidates are tried on; with more the first ones decide."""


def best_layer(
    scenes: Sequence[Scene],
    manner: Manner,
    choose: Callable[[Predictions], Sequence[Target | CamctlError]],
    metrics: Sequence[registry.Loaded] = (),
) -> LayerGroup:
    """The layer of the best mean figure over pictures, classes and methods; the ranking is in its `note`.

    Parameters
    ----------
    scenes: one model before one or several pictures.
    manner: the methods that the layer is for.
    choose: from a picture's classes those to explain.
    metrics: the first that says which figure is better decides; without one, ADCC does.

    Raises
    ------
    InputError: no layer draws a map that is worth something.
    """
    names = _candidates(scenes[0])
    groups = [LayerGroup((name,), BEST) for name in names]
    ranking = [metric for metric in metrics if metric.plugin.better != "neither" and "box" not in metric.plugin.needs]
    one = ranking[0] if ranking else registry.pick("metric", METRIC)
    figures: dict[str, list[float]] = {name: [] for name in names}
    for scene in scenes:
        passed = run_passes(scene, groups, manner, choose, Clock())
        measured = measure(scene, groups, manner, passed, Measuring(metrics=[one]), lambda: None)
        for (_, group, _, _), own in measured.figures.items():
            figures[names[group]] += [figure for figure in own.values() if not isnan(figure)]
    # A layer some of whose maps are worthless is ranked by fewer, and so not at all.
    most = max(map(len, figures.values()), default=0)
    means = {name: fmean(own) for name, own in figures.items() if own and len(own) == most}
    if not means:
        raise InputError(NO_LAYER, hint="See what each layer puts out with: camctl layers MODEL")
    return _ranked(one.plugin, means, most)


def _candidates(scene: Scene) -> list[str]:
    """The default layers, and some from shallow to deep, whose maps are worth something; shallow first."""
    from camctl.engine.probe import evenly, ladder

    seen, default = scene.probe(), default_layers(scene)
    steps = evenly(ladder(seen, CANDIDATES, default.names[-1]), CANDIDATES - len(default.pre_activation))
    order = {record.name: record.order for record in seen.records}
    names = sorted({*default.pre_activation, *steps}, key=lambda name: order[name])
    return sound_layers(scene, names) or list(default.names)


def _ranked(metric: Metric, means: dict[str, float], maps: int) -> LayerGroup:
    sign = -1 if metric.better == "higher" else 1
    names = sorted(means, key=lambda name: sign * means[name])
    ranking = ", ".join(f"{name} {means[name]:.3f}" for name in names)
    count = "of one map each, too few to tell" if maps == 1 else f"means of {maps} maps each"
    note = f"layers by {metric.name} ({metric.better} is better; {count}): {ranking}"
    return LayerGroup((names[0],), f"{BEST} of {len(names)} by {metric.name}", note=note)
