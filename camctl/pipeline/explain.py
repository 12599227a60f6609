"""One picture, one model: the maps of `camctl run`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from camctl.errors import CamctlError, InputError
from camctl.pipeline.best_layer import best_layer
from camctl.pipeline.layer_selection import BEST, check_layers, fused_layers
from camctl.pipeline.load import loaded_of
from camctl.pipeline.method_selection import pick_methods, usual_aggregate
from camctl.pipeline.passes import Clock, Manner, Passed, run_passes
from camctl.pipeline.scene import LayerGroup, Scene, set_scene
from camctl.pipeline.verification import verified
from camctl.registry.versions import versions
from camctl.values.explanation import Cam, Explanation
from camctl.values.picture import read_picture
from camctl.values.request import DETECTED, AnyClasses, Classes, Family

if TYPE_CHECKING:
    from camctl.engine.advice import Advice
    from camctl.engine.cam import Drawn
    from camctl.engine.predictions import Predictions
    from camctl.pipeline.load import AnyModel
    from camctl.pipeline.passes import Key
    from camctl.plugin import Aggregate
    from camctl.values.explanation import Smoothing, Target
    from camctl.values.picture import AnyPicture

TOP = 5
"""How many predictions an explanation lists."""

STRETCHED = "The preprocessing does more than resize, crop and pad: the map is stretched over the whole picture."


def explain(  # noqa: PLR0913
    model: AnyModel,
    image: AnyPicture,
    *,
    methods: Sequence[str] = ("auto",),
    method_options: Mapping[str, Any] | None = None,
    targets: AnyClasses = None,
    target_layers: Sequence[str] | str | None = None,
    smooth: Smoothing = "none",
    aggregate: Aggregate = "mean",
    verify: bool = False,
    family: Family = DETECTED,
) -> Explanation:
    """Explain a classifier's view of a picture: one map for each class and method.

    Parameters
    ----------
    model: what `load` gives, its `model` text, or a module of your own (ImageNet preprocessing is assumed then).
    image: a path, a PIL image, or pixels (H, W, 3), uint8 RGB.
    methods: names as in `camctl methods`; `auto` is GradCAM, or GradCAMElementWise where a class token alone is read.
    targets: classes by index or name, or `Classes`; None takes the best.
    target_layers: names of modules, patterns (`backbone.layer4.*.bn3`) or `auto:N` for N usable ones from shallow to
        deep; several are fused into one map by `aggregate`. `best` takes the layer of the best ADCC on this picture.
        None takes what the head reads, or the norm that feeds a class token's last attention.
    smooth: `eigen` takes the first principal component of the evidence instead of its sum, `aug` averages over six
        views (flips times brightness), `both` does both.
    aggregate: how several layers become one map; `product` is RefineCAM (arXiv:2605.14641), and takes `auto:3` where no
        layers are named.
    method_options: for the methods that have options of these names.
    family: what is known of the model's family.
    verify: ask the model about every map that is `ok`: where it knows the class better without the map's brighter half
        than without its darker half, the verdict is `inverted`. Two more forward passes a map, in one batch.

    Raises `InputError` for what the user can mend, `PluginError` where a plugin fails.
    """
    chosen = pick_methods(methods, method_options)
    picture = read_picture(image)
    loaded = loaded_of(model)
    for method in chosen:
        if reason := method.cannot(loaded.module):
            raise InputError(f"{method.name} cannot work on this model: {reason}", hint="See others: camctl methods")
    asked = [target_layers] if isinstance(target_layers, str) else list(target_layers or ())
    check_layers(asked)
    classes = Classes.of(targets)
    manner = Manner(
        methods=chosen,
        smoothings=(smooth,),
        aggregate=aggregate,
        options=dict(method_options or {}),
    )
    from camctl.engine.predictions import choose

    scene = set_scene(loaded, picture, family)

    def choice(predictions: Predictions) -> tuple[Target, ...]:
        return choose(predictions, classes)

    if asked == [BEST]:
        group = best_layer([scene], manner, choice)
    else:
        group = fused_layers(scene, asked, usual_aggregate(chosen, aggregate))
    clock = Clock()
    passed = run_passes(scene, [group], manner, choice, clock)
    for one in passed.maps.values():
        if isinstance(one, CamctlError):
            raise one
    if verify:
        passed = verified(scene, manner, passed, clock)
    return explanation(scene, passed, cams(scene, passed, [group], manner).values(), clock, (group,))


def cams(scene: Scene, passed: Passed, groups: Sequence[LayerGroup | CamctlError], manner: Manner) -> dict[Key, Cam]:
    """The maps that were drawn, with advice for those that are worthless; classes outermost, methods innermost."""
    from camctl.engine.advice import Advice

    probe = cache(scene.probe)  # of all groups together
    advice = [
        Advice(probe, (), scene.loaded.name)
        if isinstance(group, CamctlError)
        else Advice(probe, group.every, scene.loaded.name, probed=group.chosen_by == "probe")
        for group in groups
    ]
    found: dict[Key, Cam] = {}
    for key in sorted(passed.maps):
        t, g, s, _ = key
        drawn, target, group = passed.maps[key], passed.targets[t], groups[g]
        if isinstance(drawn, CamctlError) or isinstance(target, CamctlError) or isinstance(group, CamctlError):
            continue
        found[key] = _cam(scene, drawn, target, group, manner.smoothings[s], advice[g])
    return found


def _cam(
    scene: Scene,
    drawn: Drawn,
    target: Target,
    group: LayerGroup,
    smoothing: Smoothing,
    advice: Advice,
) -> Cam:
    raw = drawn.raw.cpu().numpy()
    method = drawn.method
    verdict = drawn.verdict
    if scene.loaded.random_weights and not verdict.blank:
        verdict = replace(verdict, name="ok")  # there is no class to point at: its reason is a warning
    return Cam(
        model=scene.loaded.name,
        method=method.name,
        target=target,
        smoothing=smoothing,
        layers=group.of(method),
        chosen_by=group.chosen_by,
        grid=(raw.shape[0], raw.shape[1]),
        values=drawn.values.cpu().numpy(),
        raw=raw,
        raw_by_layer=tuple(layer.cpu().numpy() for layer in drawn.raw_by_layer),
        verdict=verdict.name,
        reason=verdict.reason,
        hint=advice.hint(verdict, method, target),
        milliseconds=drawn.milliseconds,
        picture=scene.picture,
        view=scene.view,
    )


def explanation(
    scene: Scene, passed: Passed, maps: Iterable[Cam], clock: Clock, groups: Sequence[LayerGroup | CamctlError]
) -> Explanation:
    """What is true of all maps of a scene, and the maps."""
    loaded = scene.loaded
    choices = [group.note for group in groups if isinstance(group, LayerGroup) and group.note]
    spent = clock.milliseconds
    return Explanation(
        image=scene.picture.path,
        image_sha256=scene.picture.sha256,
        model=loaded.name,
        predictions=passed.classes.top(TOP),
        maps=tuple(maps),
        random_weights=loaded.random_weights,
        repairs=loaded.repairs,
        notes=(*loaded.notes, *(() if scene.view.exact else (STRETCHED,)), *passed.notes, *choices),
        checkpoint=loaded.checkpoint.path if loaded.checkpoint else None,
        checkpoint_sha256=loaded.checkpoint.sha256 if loaded.checkpoint else None,
        forward_milliseconds=spent.get("forward", 0.0) + spent.get("forward (aug)", 0.0),
        backward_milliseconds=spent.get("backward", 0.0) + spent.get("backward (aug)", 0.0),
        versions=versions(),
    )
