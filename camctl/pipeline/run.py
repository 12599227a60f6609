"""One model with one picture: every map that is asked for, with verdicts, figures and advice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from camctl.errors import CamctlError, Hint, InputError
from camctl.pipeline.metrics import measure
from camctl.pipeline.scene import LayerGroup
from camctl.registry.versions import versions
from camctl.values.cam import Cam
from camctl.values.explanation import Explanation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor

    from camctl.pipeline.manner import Clock, Key, Manner, Passed
    from camctl.pipeline.metrics import Measuring
    from camctl.pipeline.scene import Scene
    from camctl.plugin import Question
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
    faults: Sequence[CamctlError]
    """Why a metric has no figures."""


def finish(  # noqa: PLR0913
    scene: Scene,
    groups: Sequence[LayerGroup | CamctlError],
    manner: Manner,
    passed: Passed,
    clock: Clock,
    *,
    verify: bool = False,
    measuring: Measuring | None = None,
    side: int | None = None,
    step: Callable[[int], None] = lambda _total: None,
) -> Run:
    """Verify and measure the maps of one picture out of a batch, and give advice; an error stands for a missing layer.

    `side`: longest side in pixels of the picture that the maps keep; None keeps it as it is. `step` is called after
    each map that is measured with the number of maps.
    """
    from camctl.engine.model_state import untouched

    with untouched(scene.plan.table):
        if verify:
            passed = verified(scene, manner, passed, clock)
        figures: Mapping[Key, Mapping[str, float]] = {}
        faults: Sequence[CamctlError] = ()
        if measuring and measuring.metrics:
            total = len(passed.maps)
            with clock.timed("metrics", total):
                figures, faults = measure(scene, groups, manner, passed, measuring, lambda: step(total))
        if side is not None:
            small = scene.picture.at_most(side)
            scene = replace(scene, picture=small, view=scene.view.on(scene.picture.size, small.size))
        cams = _cams(scene, groups, manner, passed)
    errors = {key: error for key, error in passed.maps.items() if isinstance(error, CamctlError)}
    return Run(
        explanation=_explanation(scene, groups, passed, tuple(cams.values()), clock),
        targets=passed.targets,
        maps={**cams, **errors},
        figures=figures,
        faults=faults,
    )


def verified(scene: Scene, manner: Manner, passed: Passed, clock: Clock) -> Passed:
    """Judge each `ok` map of a method that looks at the model by two more forward passes in one batch."""
    from camctl.engine.inversion import hidden, judge_inversion
    from camctl.engine.model_state import untouched
    from camctl.engine.verdict import OK

    maps = dict(passed.maps)
    with untouched(scene.plan.table):
        for key, drawn, target in passed.drawn():
            method = manner.methods[key[-1]]
            # A baseline points at no class. What a class loses is measured in logits; a value has a unit of its own.
            unasked = method.baseline or not method.needs or target.direction or target.plain
            if drawn.verdict.name != "ok" or unasked:
                continue
            with clock.timed("verify"):
                question = passed.predictions.question(target)
                verdict = judge_inversion(_leads(scene, passed, question, hidden(scene.inputs, drawn.raw)))
            if verdict is not OK:
                maps[key] = replace(drawn, verdict=verdict)
    return replace(passed, maps=maps)


def _leads(scene: Scene, passed: Passed, question: Question, inputs: Tensor) -> Tensor:
    """Return the target's lead in the picture, and in inputs (N, 3, h, w): (1 + N,)."""
    import torch

    from camctl.engine.inversion import lead

    with torch.no_grad():
        try:
            logits = scene.plan.forward(inputs)
        except InputError:  # some models take one picture at a time
            logits = torch.cat([scene.plan.forward(part) for part in inputs.split(1)])
    logits = torch.cat([passed.predictions.logits[None].to(logits.device), logits])
    return lead(question.answers(logits), question.column, question.score)


def _cams(scene: Scene, groups: Sequence[LayerGroup | CamctlError], manner: Manner, passed: Passed) -> dict[Key, Cam]:
    """Return the maps that were drawn, with advice on those that are worthless."""
    from camctl.engine.verdict import advice

    survey = cache(scene.survey)  # which layers can be used does not depend on the question
    cams: dict[Key, Cam] = {}
    for key, drawn, target in sorted(passed.drawn(), key=lambda entry: entry[0]):
        group = groups[key[1]]
        assert isinstance(group, LayerGroup)  # noqa: S101 - it has a map
        raw = drawn.raw.numpy()
        verdict = drawn.verdict
        if scene.loaded.random_weights and not verdict.blank:
            verdict = replace(verdict, name="ok")  # random weights know no class to point at: the reason is a warning
        hint = advice(
            verdict,
            drawn.method,
            (*group.names, *group.pre_activation),
            scene.loaded.name,
            survey,
            probed=group.chosen_by == "probe",
            notes=scene.loaded.notes,
        )
        if target.direction and verdict.name == "negative-only":
            other = "down" if target.direction == "up" else "up"
            hint = Hint("See the evidence for the other direction", target_category=f"{target.index}:{other}")
        cams[key] = Cam(
            model=scene.loaded.name,
            method=drawn.method.name,
            target=target,
            smoothing=manner.smoothings[key[2]],
            layers=group.of(drawn.method),
            chosen_by=group.chosen_by,
            grid=(raw.shape[0], raw.shape[1]),
            values=drawn.values.numpy(),
            raw=raw,
            raw_by_layer=tuple(layer.numpy() for layer in drawn.raw_by_layer),
            verdict=verdict.name,
            reason=verdict.reason,
            hint=hint,
            milliseconds=drawn.milliseconds,
            picture=scene.picture,
            view=scene.view,
        )
    return cams


def _explanation(
    scene: Scene, groups: Sequence[LayerGroup | CamctlError], passed: Passed, cams: tuple[Cam, ...], clock: Clock
) -> Explanation:
    loaded = scene.loaded
    resizing = (loaded.resizing,) if loaded.resizing and scene.picture.size != loaded.input_size else ()
    picture = (*resizing, *scene.picture.notes, *(() if scene.view.exact else (STRETCHED,)))
    choices = [group.note for group in groups if isinstance(group, LayerGroup) and group.note]
    spent = clock.milliseconds
    return Explanation(
        image=scene.picture.path,
        image_sha256=scene.picture.sha256,
        model=loaded.name,
        predictions=passed.predictions.top(TOP),
        maps=cams,
        random_weights=loaded.random_weights,
        repairs=loaded.repairs,
        output=scene.plan.output,
        notes=(*scene.plan.notes, *picture, *passed.notes, *choices),
        checkpoint=loaded.checkpoint.path if loaded.checkpoint else None,
        checkpoint_sha256=loaded.checkpoint.sha256 if loaded.checkpoint else None,
        forward_milliseconds=spent.get("forward", 0.0) + spent.get("forward (aug)", 0.0),
        backward_milliseconds=spent.get("backward", 0.0) + spent.get("backward (aug)", 0.0),
        versions=versions(),
        device=str(scene.inputs.device),
        precision=loaded.precision,
    )
