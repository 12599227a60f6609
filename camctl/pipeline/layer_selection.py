"""Layers as they are asked for: names, patterns, `auto:N` for some from shallow to deep.

`explain` makes one map of all of them; `compare` a map of each, and of `A+B` one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from camctl.errors import CamctlError, InputError, as_value
from camctl.pipeline.method_selection import usual_method
from camctl.pipeline.passes import Clock, Manner, run_passes
from camctl.pipeline.scene import NO_LAYER, LayerGroup, default_layers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camctl.pipeline.scene import Scene
    from camctl.plugin import Aggregate

    Groups = list[LayerGroup | CamctlError]

REFINED = 3
"""How many layers a product fuses, where none is named: with one there is nothing to refine (RefineCAM)."""

BEST = "best"
"""The layer that measures best on the pictures: `best.best_layer`."""

AUTO = re.compile(r"auto(?::(\d+))?", re.IGNORECASE)


def layer_groups(scene: Scene, asked: Sequence[str], aggregate: Aggregate = "mean") -> list[Groups]:
    """For each text that was asked for, the maps' layers; an error stands for what this model does not have.

    Nothing asked for is the one default, or for a product `REFINED` layers in one map. A pattern gives a map for every
    layer that it matches. Raises `InputError` for a product of which no map has several layers.
    """
    if aggregate == "product":
        if not asked:
            return [[fused_layers(scene, (), aggregate)]]
        if not any("+" in text for text in asked):
            message = "A product is of several layers, and each of these is a map of its own."
            raise InputError(message, hint="Join them: --target-layers A+B, or leave --target-layers out.")
    return [_groups(scene, text) for text in asked or ("auto",)]


def fused_layers(scene: Scene, asked: Sequence[str], aggregate: Aggregate) -> LayerGroup:
    """The layers of one map. Where none is asked for it is the default one; for a product, `REFINED` of them.

    Raises `InputError` for layers that the model does not have.
    """
    from camctl.engine.probe import expand

    if not asked and aggregate != "product":
        return default_layers(scene)
    names: dict[str, None] = {}
    for text in asked or (f"auto:{REFINED}",):
        if auto := AUTO.fullmatch(text):
            groups = _automatic(scene, int(auto[1])) if auto[1] else [default_layers(scene)]
            # Fewer layers than were asked for are fused all the same, where any is there.
            sound = [name for group in groups if isinstance(group, LayerGroup) for name in group.names]
            if not sound and isinstance(groups[0], CamctlError):
                raise groups[0]
            names |= dict.fromkeys(sound)
        else:
            names |= dict.fromkeys(expand(scene.loaded.module, [part.strip() for part in text.split("+")]))
    return LayerGroup(tuple(names), "you" if asked else f"auto:{REFINED}")


def check_layers(asked: Sequence[str]) -> None:
    """Raises `InputError` for what cannot name layers of any model."""
    if BEST in asked and len(asked) > 1:
        message = "best is one layer, and others are named beside it."
        raise InputError(message, hint="Give --target-layers best alone, or leave it out.")
    for text in asked:
        if "+" in text and any(AUTO.fullmatch(part.strip()) for part in text.split("+")):
            message = f"'{text}' fuses layers that are named, and auto names none."
            raise InputError(message, hint="Give auto:N for itself, beside it: --target-layers auto:2 A+B")
        auto = AUTO.fullmatch(text)
        if (auto and auto[1] and not int(auto[1])) or (text.lower().startswith("auto:") and not auto):
            raise InputError(f"'{text}' asks for no layers.", hint="Write a number of layers: --target-layers auto:4")
        if "+" in text and not all(part.strip() for part in text.split("+")):
            raise InputError(f"'{text}' lacks a layer beside a +.", hint="Write A+B for one map of two layers.")


def sound_layers(scene: Scene, names: Sequence[str]) -> list[str]:
    """Those of the layers whose GradCAM map of the best class is `ok`, by one forward and one backward pass."""
    manner = Manner(methods=[usual_method(class_token=False)])
    groups = [LayerGroup((name,), "") for name in names]
    maps = run_passes(scene, groups, manner, lambda classes: classes.top(1), Clock()).maps
    drawn = {names[group]: one for (_, group, _, _), one in maps.items()}
    return [name for name in names if not isinstance(one := drawn[name], CamctlError) and one.verdict.name == "ok"]


def _groups(scene: Scene, text: str) -> Groups:
    from camctl.engine.probe import expand

    try:
        if auto := AUTO.fullmatch(text):
            return _automatic(scene, int(auto[1])) if auto[1] else [default_layers(scene)]
        if "+" in text:
            return [LayerGroup(expand(scene.loaded.module, [part.strip() for part in text.split("+")]), "you")]
        return [LayerGroup((name,), "you") for name in expand(scene.loaded.module, [text])]
    except CamctlError as error:
        return [as_value(error)]


def _automatic(scene: Scene, count: int) -> Groups:
    """`count` layers from shallow to deep; those with worthless maps are left out where others remain."""
    from camctl.engine.probe import evenly, ladder

    names = ladder(scene.probe(), count, default_layers(scene).names[-1])
    if not names:
        return [InputError(NO_LAYER, hint="See what each layer puts out with: camctl layers MODEL")]
    found = evenly(sound_layers(scene, names) or names, count)
    groups: Groups = [LayerGroup((name,), f"auto:{count}") for name in found]
    message = f"This model has {len(found)} usable layers."
    return groups + [InputError(message, hint=f"Ask for auto:{len(found)}.")] * (count - len(found))
