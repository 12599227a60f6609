"""Whether camctl understands a model: one default map, and whether it can be trusted."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Literal, TypeVar

from camctl.errors import Hint, InputError
from camctl.pipeline.check import layer_checks, model_checks
from camctl.pipeline.check.trial import Trial
from camctl.pipeline.explain import explain
from camctl.pipeline.layer_selection import default_layers, no_layer
from camctl.pipeline.load import loaded_of
from camctl.pipeline.plan import plan_of
from camctl.pipeline.scene import scene_of
from camctl.values.check import Check, Finding
from camctl.values.picture import Picture, read_picture
from camctl.values.request import DETECTED, Family

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from camctl.pipeline.check.trial import Outcome
    from camctl.pipeline.load import AnyModel
    from camctl.pipeline.scene import Scene
    from camctl.values.cam import Cam, VerdictName
    from camctl.values.layer_map import LayerMap
    from camctl.values.picture import AnyPicture

    Verdict = tuple[VerdictName | Literal["no-layer"], str, str]
    """Verdict, reason and hint."""

Result = TypeVar("Result")

NOISE = "noise"
GRADCAM = "camctl[gradcam]"
"""Named by its package: another package's method of this name must not judge a model."""

BARE_ROUNDS = 3

FINDINGS: dict[str, Callable[[Trial], Outcome | None]] = {
    "layers": layer_checks.layers,
    "layer": layer_checks.chosen,
    "adapter": layer_checks.claims,
    "gradient": layer_checks.gradient,
    "grid": layer_checks.shape,
    "places": layer_checks.order,
    "pointing": model_checks.pointing,
    "repeatable": model_checks.steady,
    "batches": model_checks.batch,
    "replay": model_checks.replay,
    "attention": model_checks.attention,
    "classes": model_checks.class_names,
    "picture": model_checks.preprocessing,
    "untouched": model_checks.untouched,
}
"""Name -> how it is found, in the report's order. Whether the model is unchanged comes last."""

WITHOUT_MAP = ("layers", "repeatable", "batches", "classes", "picture", "untouched")


def check(model: AnyModel, image: AnyPicture | None = None, *, family: Family = DETECTED) -> Check:
    """Make a GradCAM map of the best class with default settings, and check whether it can be trusted.

    A model without a layer that can be explained is a `Check` that says so, and not an error.

    Parameters
    ----------
    model
        What `load` returns, its `model` text, or a module of your own.
    image
        A path, a PIL image, or pixels (H, W, 3), uint8 RGB; None takes seeded noise of the model's usual input size.
    family
        What is known about the model's family.

    Raises
    ------
    InputError
        The model or the picture cannot be used, or nothing inside the model can be seen.

    Examples
    --------
    >>> import camctl
    >>> report = camctl.check("demo:resnet")
    >>> report.ok, report.layers
    (True, ('backbone.layer4',))
    """
    from camctl.engine.model_state import condition

    loaded = loaded_of(model)
    if loaded.opaque:
        message = f"{loaded.name} is a black box, without layers to check."
        raise InputError(message, hint=Hint("Draw what it looked at", "run", model=loaded.name))
    picture = _noise(loaded.input_size, loaded.bands) if image is None else read_picture(image)
    start = condition(loaded.module)
    scene = scene_of(plan_of(loaded, family), picture)
    bare, logits = _bare(scene)
    after_bare = condition(loaded.module)
    seen, alone, layers, finding_seconds = _layers(scene)
    telling = image is not None and not loaded.random_weights
    cam, seconds = None, 0.0
    verdict, reason, hint = _no_map(scene, seen, alone, layers)
    if not reason:
        draw = partial(explain, loaded, picture, methods=[GRADCAM], verify=telling, family=family)
        explanation, seconds = _timed(draw)
        cam = explanation.maps[0]
        verdict, reason, hint = _judged(cam, telling=telling, random_weights=loaded.random_weights)
    trial = Trial(
        scene=scene,
        family=family,
        layers=layers,
        seen=seen,
        alone=alone,
        logits=logits,
        cam=cam,
        telling=telling,
        bare=bare,
        start=start,
        after_bare=after_bare,
    )
    return Check(
        model=loaded.name,
        image=picture.path,
        input_size=seen.input_size,
        layers=layers,
        chosen_by=_chosen_by(scene),
        grid=cam.grid if cam else None,
        extra_tokens=trial.records()[0].extra_tokens if layers else 0,
        verdict=verdict,
        reason=reason,
        hint=hint,
        seconds=seconds,
        finding_passes=0.0 if scene.plan.adapter else finding_seconds / bare,
        random_weights=loaded.random_weights,
        repairs=loaded.repairs,
        notes=scene.plan.notes,
        output=scene.plan.output,
        findings=_findings(trial),
    )


def _noise(size: tuple[int, int], bands: int) -> Picture:
    """Return patches of colour of all sizes, smooth and sharp as in pictures; the same each time."""
    import numpy as np

    height, width = size
    generator = np.random.default_rng(0)
    values = np.zeros((height, width, 3))
    for cells in (3, 6, 12, 24):
        coarse = generator.normal(0, 1, (cells, cells, 3))
        values += coarse[np.arange(height) * cells // height][:, np.arange(width) * cells // width]
    pixels = np.clip(128 + 45 * values, 0, 255).astype(np.uint8)
    return Picture(NOISE, pixels, numbers=pixels[..., np.arange(bands) % 3])


def _chosen_by(scene: Scene) -> str:
    return f"adapter {scene.plan.adapter}" if scene.plan.adapter else "probe"


def _layers(scene: Scene) -> tuple[LayerMap, LayerMap, tuple[str, ...], float]:
    """Return what the probe sees with the adapter and without it, the default target layers, and a probe's seconds."""
    seen, seconds = _timed(scene.probe)
    if not scene.plan.adapter:
        layers = seen.pre_activation or seen.default  # GradCAM's
        return seen, seen, layers, min(seconds, _timed(scene.probe)[1])
    hints = replace(scene.plan.hints, adapter=None, claimed_tokens=None)
    alone = replace(scene, plan=replace(scene.plan, hints=hints)).probe()
    return seen, alone, default_layers(scene).names, seconds


def _no_map(scene: Scene, seen: LayerMap, alone: LayerMap, layers: tuple[str, ...]) -> Verdict:
    """Return why no map can be made, with an empty reason if one can."""
    hint = Hint("See every layer's output", "layers", model=scene.loaded.name, all=True)
    records = {record.name: record for record in seen.records}
    gridless = next((name for name in layers if records[name].layout is None), None)
    if gridless is not None:
        reason = f"The {_chosen_by(scene)} names '{gridless}', which has no grid here: {records[gridless].why_not}."
        return "no-layer", reason, Hint("Try another layer", target_layers=alone.default) if alone.default else hint
    return "no-layer", "" if layers else no_layer(seen), hint


def _judged(cam: Cam, *, telling: bool, random_weights: bool) -> Verdict:
    """Return the map's verdict; one that says nothing without a class to point at is `ok` with a warning."""
    if cam.verdict in {"border", "diffuse"} and not telling:
        return "ok", cam.reason, ""
    if cam.verdict == "negative-only" and random_weights:
        text = "With random weights the sign of the map is arbitrary. Give a checkpoint, or draw other weights"
        return cam.verdict, cam.reason, Hint(text, seed=1)
    return cam.verdict, cam.reason, cam.hint


def _findings(trial: Trial) -> tuple[Finding, ...]:
    names = WITHOUT_MAP if trial.cam is None else tuple(FINDINGS)[1:]
    outcomes = {name: FINDINGS[name](trial) for name in names}
    return tuple(
        Finding(name=name, mark=outcome[0], text=outcome[1], hint=outcome[2])
        for name, outcome in outcomes.items()
        if outcome is not None
    )


def _bare(scene: Scene) -> tuple[float, tuple[Tensor, Tensor]]:
    """Return the seconds of a bare forward pass, and the logits of the first and the last one."""
    import torch

    from camctl.engine.model_state import untouched

    with torch.no_grad(), untouched(scene.plan.table):
        first = scene.plan.forward(scene.inputs).float()  # what is done only the first time is done here
        rounds = [_timed(lambda: scene.plan.forward(scene.inputs).float().cpu()) for _ in range(BARE_ROUNDS)]
    return min(seconds for _, seconds in rounds), (first.cpu(), rounds[-1][0])


def _timed(work: Callable[[], Result]) -> tuple[Result, float]:
    start = perf_counter()
    result = work()
    return result, perf_counter() - start
