"""Layers as the user asks for them: names, patterns, `auto:N` for some from shallow to deep, or the `best`.

`explain` makes one map of all of them; `compare` one map of each, and of `A+B` one.
"""

from __future__ import annotations

import re
from math import isnan
from statistics import fmean
from typing import TYPE_CHECKING

from camctl import registry
from camctl.errors import CamctlError, Hint, InputError, as_value
from camctl.pipeline.layer_names import expand
from camctl.pipeline.manner import Clock, Manner
from camctl.pipeline.method_selection import usual_method
from camctl.pipeline.metrics import Measuring, measure
from camctl.pipeline.passes import run_passes
from camctl.pipeline.scene import NO_LAYER, PICTURE, SEE_LAYERS, LayerGroup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camctl.pipeline.manner import Choice
    from camctl.pipeline.scene import Scene
    from camctl.plugin import Aggregate, Metric
    from camctl.values.layer_map import LayerMap

    Groups = list[LayerGroup | CamctlError]

REFINED = 3
"""Number of layers that a product fuses by default: a single layer cannot be refined (RefineCAM)."""

BEST = "best"
"""The layer that measures best on the pictures."""

AUTO = re.compile(r"auto(?::(\d+))?", re.IGNORECASE)

PLANES = 4
"""Number of dimensions of a convolutional layer's output."""

CANDIDATES = 8
"""Number of layers that are tried, including the default ones: each map costs the metric's forward passes."""

METRIC = "camctl[adcc]"
"""The metric that decides by default. Of four it put most of the map into the box on the demo's ResNet: insertion and
deletion choose shallow layers, whose maps look like the picture's edges."""

MOST_PICTURES = 4
"""Number of pictures that candidates are tried on, the first ones."""


def default_layers(scene: Scene) -> LayerGroup:
    """Return the layers that the adapter names, or the probe chooses. Raises `InputError` if there is none."""
    if scene.loaded.opaque:
        return LayerGroup((PICTURE,), "source")
    if scene.plan.adapter:
        group = LayerGroup(scene.plan.claimed_layers(), f"adapter {scene.plan.adapter}")
    else:
        layers = scene.survey()
        group = LayerGroup(layers.default, "probe", layers.pre_activation, layers.rectified)
        if batch := _batch_inside(layers):
            raise InputError(batch, hint=SEE_LAYERS)
    if not group.names:
        raise InputError(no_layer(scene.survey()), hint=SEE_LAYERS)
    return group


def no_layer(layers: LayerMap) -> str:
    """Return why no layer of a model can be explained: usually none has a grid, or the model makes a batch itself."""
    return _batch_inside(layers) or NO_LAYER


def _batch_inside(layers: LayerMap) -> str:
    """Return what is said if all convolutional layers saw several pictures where one was given; else an empty text."""
    planes = [record for record in layers.records if record.shape and len(record.shape) == PLANES]
    if not planes or any(record.why_not != "window" for record in planes):
        return ""
    shape = planes[0].shape or ()
    return (
        f"The layers saw {shape[0]} pictures where one was given: the model makes a batch of views or crops "
        "itself. Explain the network inside it, which takes one."
    )


def layer_groups(scene: Scene, texts: Sequence[str], aggregate: Aggregate = "mean") -> list[Groups]:
    """Return the layers of the maps that each text asks for; an error stands for what this model does not have.

    Without a text it is the default layer, or for a product one map of `REFINED` layers. A pattern asks for one map of
    every layer that it matches.

    Raises `InputError`: a product is asked for, and no map has several layers.
    """
    if aggregate == "product":
        if not texts:
            return [[fused_layers(scene, (), aggregate)]]
        if not any("+" in text for text in texts):
            message = "A product needs several layers, and each of these is a map of its own."
            raise InputError(message, hint=Hint("Join layers, or name none", target_layers="A+B"))
    return [_groups(scene, text) for text in texts or ("auto",)]


def fused_layers(scene: Scene, texts: Sequence[str], aggregate: Aggregate) -> LayerGroup:
    """Return the layers of one map; without a text the default layer, or for a product `REFINED` layers.

    Raises `InputError`: the model does not have the layers.
    """
    if not texts and aggregate != "product":
        return default_layers(scene)
    names: dict[str, None] = {}
    for text in texts or (f"auto:{REFINED}",):
        first, *_ = groups = _groups(scene, text)
        if isinstance(first, CamctlError):
            raise first
        # Fewer layers than asked for are fused as well.
        names |= dict.fromkeys(name for group in groups if isinstance(group, LayerGroup) for name in group.names)
    return LayerGroup(tuple(names), "you" if texts else f"auto:{REFINED}")


def check_layers(texts: Sequence[str]) -> None:
    """Raise `InputError` for texts that cannot name layers of any model."""
    if BEST in texts and len(texts) > 1:
        message = "best is one layer, and other layers are named besides."
        raise InputError(message, hint=Hint("Ask for the best layer alone, or leave it out", target_layers=BEST))
    for text in texts:
        if "+" in text and any(AUTO.fullmatch(part.strip()) for part in text.split("+")):
            message = f"'{text}' fuses named layers, and auto names none."
            raise InputError(message, hint=Hint("Pass auto:N as a value of its own", target_layers=("auto:2", "A+B")))
        auto = AUTO.fullmatch(text)
        if (auto and auto[1] and not int(auto[1])) or (text.lower().startswith("auto:") and not auto):
            raise InputError(f"'{text}' asks for no layers.", hint=Hint("Give a number", target_layers="auto:4"))
        if "+" in text and not all(part.strip() for part in text.split("+")):
            raise InputError(f"'{text}' lacks a layer next to a +.", hint="Write A+B for one map of two layers.")


def sound_layers(scene: Scene, names: Sequence[str]) -> list[str]:
    """Return the layers whose GradCAM map of the best class is `ok`, by one forward and one backward pass."""
    manner = Manner(methods=[usual_method(class_token=False)])
    groups = [LayerGroup((name,), "") for name in names]
    maps = run_passes(scene, groups, manner, lambda predictions: predictions.top(1), Clock()).maps
    drawn = {names[group]: cam for (_, group, _, _), cam in maps.items()}
    return [name for name in names if not isinstance(cam := drawn[name], CamctlError) and cam.verdict.name == "ok"]


def _groups(scene: Scene, text: str) -> Groups:
    """Return the layers of the maps that a text asks for, or the error that this model does not have them."""
    try:
        if auto := AUTO.fullmatch(text):
            return _spread(scene, int(auto[1])) if auto[1] else [default_layers(scene)]
        names = expand(scene.plan.table.parts, [part.strip() for part in text.split("+")])
    except CamctlError as error:
        return [as_value(error)]
    return [LayerGroup(names, "you")] if "+" in text else [LayerGroup((name,), "you") for name in names]


def _spread(scene: Scene, count: int) -> Groups:
    """Return usable layers from shallow to deep; those with worthless maps are left out if others remain."""
    names = ladder(scene.survey(), count, default_layers(scene).names[-1])
    if not names:
        return [InputError(NO_LAYER, hint=SEE_LAYERS)]
    spread = evenly(sound_layers(scene, names) or names, count)
    groups: Groups = [LayerGroup((name,), f"auto:{count}") for name in spread]
    message = f"This model has {len(spread)} usable layers."
    fewer = InputError(message, hint=Hint("Ask for fewer", target_layers=f"auto:{len(spread)}"))
    return groups + [fewer] * (count - len(spread))


def best_layer(
    scenes: Sequence[Scene], manner: Manner, choose: Choice, metrics: Sequence[registry.Loaded] = ()
) -> LayerGroup:
    """Return the layer of the best mean figure over pictures, classes and methods, with the ranking in its `note`.

    The first metric that says which figures are better decides; ADCC if none does. Raises `InputError`: no layer draws
    a map that shows something.
    """
    names = _candidates(scenes[0])
    groups = [LayerGroup((name,), BEST) for name in names]
    able = (metric for metric in metrics if metric.plugin.better != "neither" and "region" not in metric.plugin.needs)
    metric = next(able, None) or registry.pick("metric", METRIC)
    figures: dict[str, list[float]] = {name: [] for name in names}
    faults: Sequence[CamctlError] = ()
    for scene in scenes:
        passed = run_passes(scene, groups, manner, choose, Clock())
        measured, faults = measure(scene, groups, manner, passed, Measuring(metrics=[metric]))
        for (_, group, _, _), own in measured.items():
            figures[names[group]] += [figure for figure in own.values() if not isnan(figure)]
    # A layer some of whose maps are worthless has fewer figures, and is not ranked.
    most = max(map(len, figures.values()), default=0)
    means = {name: fmean(own) for name, own in figures.items() if own and len(own) == most}
    if not means:
        raise faults[0] if faults else InputError(NO_LAYER, hint=SEE_LAYERS)
    return _ranked(metric.plugin, means, most)


def _candidates(scene: Scene) -> list[str]:
    """Return the default layers, and some from shallow to deep, whose maps show something; shallow first."""
    layers, default = scene.survey(), default_layers(scene)
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


def ladder(layers: LayerMap, count: int, deepest: str) -> tuple[str, ...]:
    """Return usable layers of one kind in the order they ran, `deepest` last; at least `count` if possible.

    They are of one kind, so that maps differ by depth alone: names that differ by numbers (`layer1.0.bn3`,
    `layer4.2.bn3`), else by all but the last part, else layers of its type or of a block's that ends in it, else all
    usable ones.
    """
    end = next((record for record in layers.records if record.name == deepest), None)
    if end is None:
        return ()
    usable = [record for record in layers.records if record.usable and record.order < end.order]
    kinds = [
        [record for record in usable if record.type == end.type and form(record.name) == form(end.name)]
        for form in (lambda name: re.sub(r"\d+", "#", name), lambda name: name.rpartition(".")[2])
    ]
    kinds += [
        [record for record in usable if record.type == same.type and not same.name.startswith(f"{record.name}.")]
        for same in reversed(layers.records)
        if same.name == deepest or (end.same_as and end.same_as in (same.same_as, same.name))
    ]
    makers = [record for record in usable if not record.same_as and record.name != end.same_as]
    chosen = next((kind for kind in kinds if len(kind) + 1 >= count), makers)
    return (*(record.name for record in chosen), deepest)


def evenly(names: Sequence[str], count: int) -> tuple[str, ...]:
    """Return `count` of the names, evenly spread with the last among them; all if there are no more."""
    if count >= len(names):
        return tuple(names)
    if count == 1:
        return (names[-1],)
    return tuple(names[round(step * (len(names) - 1) / (count - 1))] for step in range(count))
