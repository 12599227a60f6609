"""Whether camctl understands a model: one default map, and whether it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from shlex import quote
from time import perf_counter
from typing import TYPE_CHECKING, Literal, TypeVar

from camctl.errors import Hint
from camctl.pipeline.check.layer_findings import chosen, claims, gradient, layers, order, shape
from camctl.pipeline.check.model_findings import (
    attention,
    batch,
    class_names,
    pointing,
    preprocessing,
    replay,
    steady,
    untouched,
)
from camctl.pipeline.check.trial import Choice, Trial
from camctl.pipeline.explain import explain
from camctl.pipeline.layer_group import NO_LAYER, default_layers
from camctl.pipeline.load import loaded_of
from camctl.pipeline.plan import plan_of
from camctl.pipeline.scene import scene_of
from camctl.values.check import Check, Finding
from camctl.values.picture import Picture, read_picture
from camctl.values.request import DETECTED, Family

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from camctl.pipeline.load import AnyModel
    from camctl.pipeline.scene import Scene
    from camctl.values.cam import Cam, VerdictName
    from camctl.values.picture import AnyPicture

Result = TypeVar("Result")

NOISE = "noise"
GRADCAM = "camctl[gradcam]"
"""Named by its package: another package's method of this name must not judge a model."""

BARE_ROUNDS = 3

OF_LAYERS = (chosen, claims, gradient, shape, order)
OF_MAP = (*OF_LAYERS, pointing, steady, batch, replay, attention, class_names, preprocessing, untouched)
WITHOUT_MAP = (layers, steady, batch, class_names, preprocessing, untouched)
"""Findings with and without a map, in the report's order. Whether the model is unchanged comes last."""


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
        The model or the picture cannot be used.

    Examples
    --------
    >>> import camctl
    >>> report = camctl.check("demo:resnet")
    >>> report.ok, report.layers
    (True, ('backbone.layer4',))
    """
    from camctl.engine.model_state import condition

    loaded = loaded_of(model)
    picture = noise(loaded.input_size) if image is None else read_picture(image)
    start = condition(loaded.module)
    scene = scene_of(plan_of(loaded, family), picture)
    bare, logits = _bare(scene)
    after_bare = condition(loaded.module)
    choice = _choice(scene)
    telling = image is not None and not loaded.random_weights
    result = _map(scene, choice, family, telling=telling)
    trial = Trial(
        scene=scene,
        choice=choice,
        logits=logits,
        cam=result.cam,
        telling=telling,
        family=family,
        bare=bare,
        start=start,
        after_bare=after_bare,
    )
    return Check(
        model=loaded.name,
        image=picture.path,
        input_size=choice.seen.input_size,
        layers=choice.layers,
        chosen_by=choice.chosen_by,
        grid=result.cam.grid if result.cam else None,
        extra_tokens=trial.records()[0].extra_tokens if choice.layers else 0,
        verdict=result.verdict,
        reason=result.reason,
        hint=result.hint,
        seconds=result.seconds,
        finding_passes=choice.seconds / bare if choice.chosen_by == "probe" else 0.0,
        random_weights=loaded.random_weights,
        repairs=loaded.repairs,
        notes=loaded.notes,
        findings=_findings(trial),
    )


def noise(size: tuple[int, int]) -> Picture:
    """Return patches of colour of all sizes, smooth and sharp as in pictures; the same each time."""
    import numpy as np

    height, width = size
    generator = np.random.default_rng(0)
    values = np.zeros((height, width, 3))
    for cells in (3, 6, 12, 24):
        coarse = generator.normal(0, 1, (cells, cells, 3))
        values += coarse[np.arange(height) * cells // height][:, np.arange(width) * cells // width]
    return Picture(NOISE, np.clip(128 + 45 * values, 0, 255).astype(np.uint8))


def _choice(scene: Scene) -> Choice:
    seen, seconds = _timed(scene.probe)
    if not scene.plan.adapter:
        layers = seen.pre_activation or seen.default  # GradCAM's
        seconds = min(seconds, _timed(scene.probe)[1])
        return Choice(layers=layers, chosen_by="probe", seen=seen, alone=seen, seconds=seconds)
    hints = replace(scene.plan.hints, adapter=None, claimed_tokens=None)
    alone = replace(scene, plan=replace(scene.plan, hints=hints)).probe()
    group = default_layers(scene)
    return Choice(layers=group.names, chosen_by=group.chosen_by, seen=seen, alone=alone, seconds=seconds)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Map:
    """The default map and its verdict, or why there is none."""

    cam: Cam | None = None
    verdict: VerdictName | Literal["no-layer"] = "no-layer"
    reason: str = NO_LAYER
    hint: str
    seconds: float = 0.0


def _map(scene: Scene, choice: Choice, family: Family, *, telling: bool) -> _Map:
    """Make the default map; a verdict that says nothing without a class to point at becomes `ok` with a warning.

    Noise shows no class, and random weights know none: then `telling` is False.
    """
    loaded = scene.loaded
    hint = Hint("See every layer's output", "layers", model=quote(loaded.name))
    records = {record.name: record for record in choice.seen.records}
    gridless = next((name for name in choice.layers if records[name].layout is None), None)
    if gridless is not None:
        reason = f"The {choice.chosen_by} names '{gridless}', which has no grid here: {records[gridless].why_not}."
        better = choice.alone.default
        return _Map(reason=reason, hint=Hint("Try another layer", target_layers=better) if better else hint)
    if not choice.layers:
        return _Map(hint=hint)
    picture = scene.picture
    explained, seconds = _timed(lambda: explain(loaded, picture, methods=[GRADCAM], verify=telling, family=family))
    cam = explained.maps[0]
    verdict, advice = cam.verdict, cam.hint
    if verdict in {"border", "diffuse"} and not telling:
        verdict, advice = "ok", ""
    if verdict == "negative-only" and loaded.random_weights:
        text = "With random weights the sign of the map is arbitrary. Give a checkpoint, or draw other weights"
        advice = Hint(text, seed=1)
    return _Map(cam=cam, verdict=verdict, reason=cam.reason, hint=advice, seconds=seconds)


def _findings(trial: Trial) -> tuple[Finding, ...]:
    findings = [find(trial) for find in (WITHOUT_MAP if trial.cam is None else OF_MAP)]
    return tuple(finding for finding in findings if finding is not None)


def _bare(scene: Scene) -> tuple[float, tuple[Tensor, Tensor]]:
    """Return the seconds of a bare forward pass, and the logits of the first and the last one."""
    import torch

    from camctl.engine import model_state

    with torch.no_grad(), model_state.untouched(scene.plan.table):
        first = scene.forward(scene.inputs).float()  # what is done only the first time is done here
        rounds = [_timed(lambda: scene.forward(scene.inputs).float().cpu()) for _ in range(BARE_ROUNDS)]
    return min(seconds for _, seconds in rounds), (first.cpu(), rounds[-1][0])


def _timed(work: Callable[[], Result]) -> tuple[Result, float]:
    start = perf_counter()
    result = work()
    return result, perf_counter() - start
