"""One picture, one model: the maps of `camctl run`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from camctl.errors import CamctlError
from camctl.pipeline.layer_selection import BEST, best_layer, check_layers, fused_layers
from camctl.pipeline.load import loaded_of
from camctl.pipeline.manner import Clock, Manner
from camctl.pipeline.method_selection import pick_methods, usual_aggregate
from camctl.pipeline.passes import run_passes
from camctl.pipeline.plan import plan_of
from camctl.pipeline.refusals import able_methods, left_out, named_methods
from camctl.pipeline.run import finish
from camctl.pipeline.scene import scene_of
from camctl.values.picture import read_picture
from camctl.values.questions import Likeness
from camctl.values.reading import AS_FOUND, Reading
from camctl.values.request import DETECTED, AnyClasses, Classes, Family

if TYPE_CHECKING:
    from camctl.pipeline.load import AnyModel
    from camctl.pipeline.manner import Step
    from camctl.pipeline.scene import Scene
    from camctl.plugin import Aggregate
    from camctl.values.cam import Smoothing
    from camctl.values.explanation import Explanation
    from camctl.values.picture import AnyPicture


def explain(  # noqa: PLR0913
    model: AnyModel,
    image: AnyPicture,
    *,
    methods: Sequence[str] | str = ("auto",),
    method_options: Mapping[str, Any] | None = None,
    targets: AnyClasses = None,
    target_layers: Sequence[str] | str | None = None,
    smooth: Smoothing = "none",
    aggregate: Aggregate = "mean",
    verify: bool = False,
    expect: str | int | None = None,
    family: Family = DETECTED,
    reading: Reading = AS_FOUND,
    progress: Step = None,
) -> Explanation:
    """Explain a classifier's view of a picture: one map for each class and method.

    Parameters
    ----------
    model
        What `load` returns, its `model` text, or a module of your own (ImageNet preprocessing is assumed then).
    image
        A path, a PIL image, or pixels (H, W, 3), uint8 RGB.
    methods
        Names as in `camctl methods`, or `seed`, `fast` or `all`: methods of these three that cannot work on this model
        are left out, with a note. `auto` is GradCAM, or GradCAMElementWise if the head reads a class token alone.
    method_options
        Options of the methods that have options of these names.
    targets
        Classes by index or name, or `Classes`, which can contrast them with others; `Likeness` to another picture (the
        maps of both pictures are drawn), a class in a `Region`, or a `Detection`. None takes the best class, what makes
        an embedding what it is, the class of most pixels, or the best detection.
    target_layers
        Names of modules, patterns (`backbone.layer4.*.bn3`) or `auto:N` for N usable ones from shallow to deep; several
        are fused into one map by `aggregate`. `best` takes the layer of the best ADCC on this picture. None takes what
        the head reads, or the norm that feeds a class token's last attention.
    smooth
        `eigen` takes the first principal component of the evidence instead of its sum; `aug` averages over six views
        (flips times brightness); `both` does both.
    aggregate
        How several layers become one map; `product` is RefineCAM (arXiv:2605.14641), and takes `auto:3` by default.
    verify
        Ask the model about every map that is `ok`: if it knows the class better without the map's brighter half than
        without its darker half, the verdict is `inverted`. Costs two more forward passes per map, in one batch.
    expect
        The class that should be predicted, by name or index: `Explanation.as_expected` says whether it is.
    family
        What is known about the model's family.
    reading
        How the picture's numbers are read: which bands, and what is black and white.
    progress
        Called as `progress(text, done, total)` before each map, and with the passes done where a method runs the model
        again.

    Returns
    -------
    Explanation
        The maps, classes outermost, and the model's predictions.

    Raises
    ------
    InputError
        Something that the user can mend.
    PluginError
        A plugin fails.

    Examples
    --------
    >>> import camctl
    >>> from camctl.demo.scenes import render, scene
    >>> pixels = render(scene(11, classes=["cat"]), 128)
    >>> explanation = camctl.explain("demo:resnet", pixels, methods=["GradCAM", "LayerCAM"], targets="cat")
    >>> [(cam.method, cam.target.label, cam.verdict) for cam in explanation.maps]
    [('GradCAM', 'cat', 'ok'), ('LayerCAM', 'cat', 'ok')]
    >>> explanation.predictions[0].label
    'cat'
    """
    names = (methods,) if isinstance(methods, str) else tuple(methods)
    picked = pick_methods(names, method_options)
    picture = read_picture(image, reading)
    layers = (target_layers,) if isinstance(target_layers, str) else tuple(target_layers or ())
    check_layers(layers)
    manner = Manner(methods=picked, smoothings=(smooth,), aggregate=aggregate, options=dict(method_options or {}))
    scene = scene_of(plan_of(loaded_of(model), family), picture)
    asked = named_methods(names, picked)
    able, refused = able_methods(picked, scene.plan, asked)
    ask = partial(_explained, manner=replace(manner, methods=able), layers=layers, needed=asked, verify=verify)
    classes = Classes.of(targets)
    explanation = ask(scene, classes, expect=expect, progress=progress)
    maps = list(explanation.maps)
    for question in classes.names:
        if isinstance(question, Likeness):  # a pair is drawn both ways
            other = scene_of(scene.plan, read_picture(question.image, reading))
            maps += ask(other, Classes.of(Likeness(picture))).maps
    return replace(explanation, maps=tuple(maps), notes=(*explanation.notes, *left_out(refused)))


def _explained(
    scene: Scene,
    classes: Classes,
    *,
    manner: Manner,
    layers: tuple[str, ...],
    needed: set[str],
    verify: bool,
    expect: str | int | None = None,
    progress: Step = None,
) -> Explanation:
    """Return the maps of one picture. Raises the first error of a method that is needed, or of the only one."""
    from camctl.engine.predictions import choose

    choice = partial(choose, classes=classes)
    if layers == (BEST,):
        group = best_layer([scene], manner, choice)
    else:
        group = fused_layers(scene, layers, usual_aggregate(manner.methods, manner.aggregate))
    clock = Clock()
    passed = run_passes(scene, [group], manner, choice, clock, progress)
    outcome = finish(scene, [group], manner, passed, clock, verify=verify)
    refused: dict[str, CamctlError] = {}
    for key, cam in outcome.maps.items():
        if isinstance(cam, CamctlError):
            name = manner.methods[key[-1]].name
            if name in needed or not outcome.explanation.maps:
                raise cam
            refused[name] = cam
    notes = (*outcome.explanation.notes, *left_out(list(refused.values())))
    expected = None if expect is None else passed.predictions.expected(expect)
    return replace(outcome.explanation, notes=notes, expected=expected)
