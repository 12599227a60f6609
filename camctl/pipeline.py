"""The data flow, from a model and a picture to maps with verdicts; the public API.

One forward pass serves every method, layer and class; one truncated backward pass serves every
method and layer of a class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from camctl import registry
from camctl.errors import InputError, PluginError
from camctl.plugin_options import check_options
from camctl.picture import Picture, read_picture
from camctl.plugin import Aggregate, LoadedModel, LoadOptions, Method
from camctl.results import Cam, Explanation, LayerMap, Target, View
from camctl.versions import versions

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image
    from torch import Tensor, nn

    from camctl.engine.advice import Advice
    from camctl.engine.capture import Recorder
    from camctl.engine.layout import LayoutHints
    from camctl.engine.maps import Drawn

    AnyPicture = Picture | str | Path | Image | NDArray[np.uint8]
    AnyModel = LoadedModel | nn.Module | str

TOP = 5
"""How many predictions an explanation lists."""


def load(  # noqa: PLR0913
    model: str,
    checkpoint: str | Path | None = None,
    *,
    device: str = "cpu",
    random_weights: bool = False,
    seed: int = 0,
    trust_checkpoint: bool = False,
    repairs: bool = True,
    cfg_options: Mapping[str, Any] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> LoadedModel:
    """Load a classifier.

    Parameters
    ----------
    model: a config file, a model name of mmpretrain, or `source:reference`, such as `demo:vit`.
    checkpoint: a file or an http(s) address; None takes the published weights of a model name.
    device: `cpu`, `cuda`, `cuda:1`, `mps` or `auto`.
    random_weights: draw all weights from `seed`, to try things without a checkpoint.
    trust_checkpoint: let the checkpoint run code while it is read.
    repairs: mend known defects of the model's own library.
    progress: called as `progress(text, done, total)` while a file is fetched.

    Raises `InputError` for what the user can mend, `PluginError` where a source fails.
    """
    source, reference = registry.split_model(model)
    picked = registry.pick("source", source)
    from camctl.engine.device import pick_device

    options = LoadOptions(
        random_weights=random_weights,
        seed=seed,
        trust_checkpoint=trust_checkpoint,
        repairs=repairs,
        cfg_options=cfg_options or {},
        progress=progress,
    )
    place = pick_device(device)
    with registry.at_work(picked):
        loaded = picked.plugin.load(reference, str(checkpoint) if checkpoint is not None else None, place, options)
        if not isinstance(loaded, LoadedModel):
            message = f"it gave a {type(loaded).__name__}, not a LoadedModel"
            raise TypeError(message)
        return loaded


def explain(  # noqa: PLR0913
    model: AnyModel,
    image: AnyPicture,
    *,
    methods: Sequence[str] = ("GradCAM",),
    targets: Sequence[int | str] | int | str | None = None,
    topk: int = 1,
    target_layers: Sequence[str] | str | None = None,
    eigen_smooth: bool = False,
    aug_smooth: bool = False,
    aggregate: Aggregate = "mean",
    adapter: str | None = None,
    vit_like: bool = False,
    num_extra_tokens: int | None = None,
    method_options: Mapping[str, Any] | None = None,
) -> Explanation:
    """Explain a classifier's view of a picture: one map for each class and method.

    Parameters
    ----------
    model: what `load` gives, its `model` text, or a module of your own (ImageNet preprocessing is assumed then).
    image: a path, a PIL image, or pixels (H, W, 3), uint8 RGB.
    methods: names as in `camctl methods`.
    targets: classes by index or name; None takes the `topk` best.
    target_layers: names of modules, or patterns (`backbone.layer4.*.bn3`); several are fused into one map by
        `aggregate`. None takes the family's default, or what the probe finds.
    eigen_smooth: take the first principal component of the evidence instead of its sum.
    aug_smooth: average over six views, flips times brightness.
    num_extra_tokens: class and other tokens before the patch tokens, where the layer does not tell.
    method_options: for the methods that have options of these names.

    Raises `InputError` for what the user can mend, `PluginError` where a plugin fails.
    """
    chosen = pick_methods(methods, method_options)
    picture = read_picture(image)
    loaded = _loaded(model)
    for method in chosen:
        if reason := method.cannot(loaded.module):
            raise InputError(f"{method.name} cannot work on this model: {reason}", hint="See others: camctl methods")
    return _explain(
        loaded,
        picture,
        chosen,
        targets=[targets] if isinstance(targets, (int, str)) else targets,
        topk=topk,
        target_layers=[target_layers] if isinstance(target_layers, str) else target_layers,
        adapter=adapter,
        vit_like=vit_like,
        num_extra_tokens=num_extra_tokens,
        drawing=_Drawing(aggregate, eigen_smooth, aug_smooth, dict(method_options or {})),
    )


def survey(
    model: AnyModel,
    image: AnyPicture | None = None,
    *,
    adapter: str | None = None,
    vit_like: bool = False,
    num_extra_tokens: int | None = None,
) -> LayerMap:
    """Run the model once and see every module's output, grid and gradient, and the default target layers.

    Without a picture the probe sees seeded noise of the model's usual input size.
    """
    from camctl.engine.inputs import inputs_of
    from camctl.engine.layers import with_default

    loaded = _loaded(model)
    hints, name = _hints(loaded, adapter, vit_like=vit_like, num_extra_tokens=num_extra_tokens)
    inputs = inputs_of(loaded, read_picture(image) if image is not None else None)
    layers = _probe(loaded, hints, inputs)
    return with_default(layers, _claimed(loaded, hints, name), f"adapter {name}") if hints.adapter else layers


def pick_methods(names: Sequence[str], options: Mapping[str, Any] | None = None) -> tuple[Method, ...]:
    """The methods of these names, once each. Raises `InputError` for an unknown name or option; loads no torch."""
    picked = {found.found.name: found.plugin for found in (registry.pick("method", name) for name in names)}
    methods: tuple[Method, ...] = tuple(picked.values())
    check_options("method", methods, options or {})
    return methods


@dataclass(frozen=True)
class _Drawing:
    """How maps are made of captures."""

    aggregate: Aggregate
    eigen_smooth: bool
    aug_smooth: bool
    options: Mapping[str, Any]


def _loaded(model: AnyModel) -> LoadedModel:
    if isinstance(model, LoadedModel):
        return model
    if isinstance(model, str):
        return load(model)
    wrapped: LoadedModel = registry.pick("source", "python").plugin.wrap(model)
    return wrapped


def _hints(
    loaded: LoadedModel, adapter: str | None, *, vit_like: bool, num_extra_tokens: int | None
) -> tuple[LayoutHints, str]:
    """What is known of the layers' layouts, and the adapter's name."""
    from camctl.engine.layout import LayoutHints

    found = registry.match_adapter(loaded.module, adapter)
    plugin = found.plugin if found else None
    claimed = None
    if found is not None:
        with registry.at_work(found):
            claimed = found.plugin.extra_tokens(loaded.module)
    hints = LayoutHints(adapter=plugin, claimed_tokens=claimed, extra_tokens=num_extra_tokens, tokens=vit_like)
    return hints, found.found.name if found else ""


def _claimed(loaded: LoadedModel, hints: LayoutHints, name: str) -> tuple[str, ...]:
    """The target layers that the adapter `name` claims, as far as the model has them."""
    layers = tuple(hints.adapter.target_layers(loaded.module)) if hints.adapter else ()
    known = {part for part, _ in loaded.module.named_modules()}
    if missing := [layer for layer in layers if layer not in known]:
        message = f"The adapter '{name}' names the layer '{missing[0]}', which this model does not have."
        raise PluginError(message, hint="Choose a layer with --target-layers; camctl layers MODEL lists them.")
    return layers


def _probe(loaded: LoadedModel, hints: LayoutHints, inputs: Tensor, target: int | None = None) -> LayerMap:
    from camctl.engine.layers import probe
    from camctl.engine.targets import class_logits

    return probe(loaded.module, class_logits(loaded.forward), inputs, hints, target)


def _explain(  # noqa: PLR0913
    loaded: LoadedModel,
    picture: Picture,
    methods: Sequence[Method],
    *,
    targets: Sequence[int | str] | None,
    topk: int,
    target_layers: Sequence[str] | None,
    adapter: str | None,
    vit_like: bool,
    num_extra_tokens: int | None,
    drawing: _Drawing,
) -> Explanation:
    from camctl.engine.advice import Advice
    from camctl.engine.capture import Recorder
    from camctl.engine.inputs import inputs_of
    from camctl.engine.layers import expand
    from camctl.engine.smoothing import PLAIN, augment
    from camctl.engine.targets import Classes, choose, class_logits

    inputs = inputs_of(loaded, picture)
    hints, adapter_name = _hints(loaded, adapter, vit_like=vit_like, num_extra_tokens=num_extra_tokens)
    if target_layers:
        layers, chosen_by = expand(loaded.module, target_layers), "you"
    elif hints.adapter is not None:
        layers, chosen_by = _claimed(loaded, hints, adapter_name), f"adapter {adapter_name}"
    else:
        layers, chosen_by = _probe(loaded, hints, inputs).default, "probe"
    if not layers:
        message = "No layer of this model has a spatial grid that the class score depends on."
        raise InputError(message, hint="See what each layer puts out with: camctl layers MODEL")
    gradients = any("gradients" in method.needs for method in methods)
    view = _view(loaded.preprocess, picture.pixels.shape[:2])
    with Recorder(loaded.module, layers, hints, gradients=gradients) as recorder:
        logits = recorder.forward(augment(inputs) if drawing.aug_smooth else inputs, class_logits(loaded.forward))
        classes = Classes(logits[PLAIN if drawing.aug_smooth else 0].detach(), loaded)
        chosen = choose(classes, targets, topk)
        drawn = [
            (target, method, one)
            for target in chosen
            for method, one in _draw(recorder, methods, target, drawing, last=target is chosen[-1])
        ]
        milliseconds = dict(recorder.milliseconds)
    advice = Advice(lambda target: _probe(loaded, hints, inputs, target), layers, loaded.name)
    return Explanation(
        image=picture.path,
        model=loaded.name,
        predictions=classes.top(TOP),
        maps=tuple(
            _cam(one, loaded.name, method, target, layers, chosen_by, advice, picture, view)
            for target, method, one in drawn
        ),
        random_weights=loaded.random_weights,
        repairs=loaded.repairs,
        notes=loaded.notes if view.exact else (*loaded.notes, STRETCHED),
        checkpoint=loaded.checkpoint.path if loaded.checkpoint else None,
        checkpoint_sha256=loaded.checkpoint.sha256 if loaded.checkpoint else None,
        forward_milliseconds=milliseconds["forward"],
        backward_milliseconds=milliseconds["backward"],
        versions=versions(),
    )


STRETCHED = "The preprocessing does more than resize, crop and pad: the map is stretched over the whole picture."


def _draw(
    recorder: Recorder, methods: Sequence[Method], target: Target, drawing: _Drawing, *, last: bool
) -> list[tuple[Method, Drawn]]:
    """All methods' maps of one target, out of one backward pass."""
    from camctl.engine.capture import reaches_places
    from camctl.engine.maps import draw

    gradients = recorder.backward(target.index, last=last) if recorder.gradients else None
    captures = recorder.captures(target.index, gradients)
    reached = (
        [reaches_places(g, seen.layout) for g, seen in zip(gradients, recorder.seen, strict=True)]
        if gradients is not None
        else [None] * len(captures)
    )
    return [
        (
            method,
            draw(
                captures,
                method,
                reached,
                aggregate=method.aggregate or drawing.aggregate,
                eigen_smooth=drawing.eigen_smooth,
                options=drawing.options,
            ),
        )
        for method in methods
    ]


@lru_cache(maxsize=8)
def _view(preprocess: Callable[[NDArray[np.uint8]], Tensor], shape: tuple[int, int]) -> View:
    """Measured once a preprocessing and picture size: folders hold many pictures of one size."""
    from camctl.engine.view import measure_view

    return measure_view(preprocess, shape)


def _cam(
    one: Drawn,
    model: str,
    method: Method,
    target: Target,
    layers: tuple[str, ...],
    chosen_by: str,
    advice: Advice,
    picture: Picture,
    view: View,
) -> Cam:
    raw = one.raw.cpu().numpy()
    return Cam(
        model=model,
        method=method.name,
        target=target,
        smoothing="none",
        layers=layers,
        chosen_by=chosen_by,
        grid=(raw.shape[0], raw.shape[1]),
        values=one.values.cpu().numpy(),
        raw=raw,
        raw_by_layer=tuple(layer.cpu().numpy() for layer in one.raw_by_layer),
        verdict=one.verdict.name,
        reason=one.verdict.reason,
        hint=advice.hint(one.verdict, method, target),
        milliseconds=one.milliseconds,
        picture=picture,
        view=view,
    )
