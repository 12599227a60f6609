"""One model with one picture: every map that is asked for, with verdicts, figures and advice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from camctl.errors import CamctlError
from camctl.pipeline.layer_group import LayerGroup
from camctl.pipeline.metrics import Measured, measure
from camctl.pipeline.passes import run_passes
from camctl.pipeline.verification import verified
from camctl.registry.versions import versions
from camctl.values.cam import Cam
from camctl.values.explanation import Explanation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from camctl.engine.advice import Advice
    from camctl.pipeline.passes import Choice, Clock, Key, Passed
    from camctl.pipeline.request import Request
    from camctl.pipeline.scene import Scene
    from camctl.values.target import Target

TOP = 5
"""Number of predictions that an explanation lists."""

STRETCHED = "The preprocessing does more than resize, crop and pad: the map is stretched over the whole picture."


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """One model with one picture: what came of every combination, by target, layer, smoothing and method."""

    explanation: Explanation
    targets: Sequence[Target | CamctlError]
    maps: Mapping[Key, Cam | CamctlError]
    figures: Mapping[Key, Mapping[str, float]]
    faults: Sequence[CamctlError] = ()
    """Why a metric has no figures."""

    @property
    def cams(self) -> dict[Key, Cam]:
        """The maps that were drawn."""
        return {key: cam for key, cam in self.maps.items() if isinstance(cam, Cam)}


def run(
    scene: Scene,
    groups: Sequence[LayerGroup | CamctlError],
    request: Request,
    choose: Choice,
    clock: Clock,
    *,
    side: int | None = None,
    step: Callable[[int], None] = lambda _total: None,
) -> Run:
    """Draw, verify and measure the maps of a scene.

    Parameters
    ----------
    groups: The layers of each map; an error stands for layers that the model does not have.
    choose: Returns the targets of the picture's predictions.
    side: Longest side in pixels of the picture that the maps keep; None keeps it as it is.
    step: Called after each map that is measured with the number of maps.
    """
    passed = run_passes(scene, groups, request.manner, choose, clock)
    if request.verify:
        passed = verified(scene, request.manner, passed, clock)
    measured = Measured()
    if request.measuring.metrics:
        total = len(passed.maps)
        with clock.timed("metrics", total):
            measured = measure(scene, groups, request.manner, passed, request.measuring, lambda: step(total))
    if side is not None:
        small = scene.picture.at_most(side)
        scene = replace(scene, picture=small, view=scene.view.on(scene.picture.size, small.size))
    cams = _cams(scene, passed, groups, request)
    return Run(
        explanation=_explanation(scene, passed, list(cams.values()), clock, groups),
        targets=passed.targets,
        maps={**cams, **{key: error for key, error in passed.maps.items() if isinstance(error, CamctlError)}},
        figures=measured.figures,
        faults=measured.faults,
    )


def _cams(scene: Scene, passed: Passed, groups: Sequence[LayerGroup | CamctlError], request: Request) -> dict[Key, Cam]:
    """Return the maps that were drawn, with advice on those that are worthless."""
    from camctl.engine.advice import Advice

    probe = cache(scene.probe)  # shared by all groups
    name = scene.loaded.name
    advice: dict[int, Advice] = {
        g: Advice(probe, group.every, name, probed=group.chosen_by == "probe")
        for g, group in enumerate(groups)
        if isinstance(group, LayerGroup)
    }
    cams: dict[Key, Cam] = {}
    for key in sorted(passed.maps):
        t, g, _, _ = key
        target, group = passed.targets[t], groups[g]
        if not isinstance(target, CamctlError) and isinstance(group, LayerGroup):
            cam = _cam(scene, passed, key, group, advice[g], request)
            cams |= {key: cam} if cam else {}
    return cams


def _cam(scene: Scene, passed: Passed, key: Key, group: LayerGroup, advice: Advice, request: Request) -> Cam | None:
    """Return one map, or None if it was not drawn."""
    drawn, target = passed.maps[key], passed.targets[key[0]]
    if isinstance(drawn, CamctlError) or isinstance(target, CamctlError):
        return None
    raw = drawn.raw.cpu().numpy()
    verdict = drawn.verdict
    if scene.loaded.random_weights and not verdict.blank:
        verdict = replace(verdict, name="ok")  # random weights know no class to point at: the reason is a warning
    return Cam(
        model=scene.loaded.name,
        method=drawn.method.name,
        target=target,
        smoothing=request.manner.smoothings[key[2]],
        layers=group.of(drawn.method),
        chosen_by=group.chosen_by,
        grid=(raw.shape[0], raw.shape[1]),
        values=drawn.values.cpu().numpy(),
        raw=raw,
        raw_by_layer=tuple(layer.cpu().numpy() for layer in drawn.raw_by_layer),
        verdict=verdict.name,
        reason=verdict.reason,
        hint=advice.hint(verdict, drawn.method, passed.questions[key[0]]),
        milliseconds=drawn.milliseconds,
        picture=scene.picture,
        view=scene.view,
    )


def _explanation(
    scene: Scene, passed: Passed, cams: Sequence[Cam], clock: Clock, groups: Sequence[LayerGroup | CamctlError]
) -> Explanation:
    loaded = scene.loaded
    choices = [group.note for group in groups if isinstance(group, LayerGroup) and group.note]
    spent = clock.milliseconds
    return Explanation(
        image=scene.picture.path,
        image_sha256=scene.picture.sha256,
        model=loaded.name,
        predictions=passed.predictions.top(TOP),
        maps=tuple(cams),
        random_weights=loaded.random_weights,
        repairs=loaded.repairs,
        notes=(*loaded.notes, *(() if scene.view.exact else (STRETCHED,)), *passed.notes, *choices),
        checkpoint=loaded.checkpoint.path if loaded.checkpoint else None,
        checkpoint_sha256=loaded.checkpoint.sha256 if loaded.checkpoint else None,
        forward_milliseconds=spent.get("forward", 0.0) + spent.get("forward (aug)", 0.0),
        backward_milliseconds=spent.get("backward", 0.0) + spent.get("backward (aug)", 0.0),
        versions=versions(),
    )
