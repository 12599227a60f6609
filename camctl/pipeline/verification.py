"""`--verify`: ask the model whether a map points at its class or away from it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from camctl.errors import CamctlError, InputError

if TYPE_CHECKING:
    from torch import Tensor

    from camctl.pipeline.passes import Clock, Manner, Passed
    from camctl.pipeline.scene import Scene
    from camctl.plugin import Question


def verified(scene: Scene, manner: Manner, passed: Passed, clock: Clock) -> Passed:
    """Judge each `ok` map by two more forward passes in one batch; return the same maps with these verdicts.

    Methods that do not look at the model (`needs` is empty) claim nothing about it, and are not judged.
    """
    from camctl.engine.inversion import hidden, judge_inversion
    from camctl.engine.model_state import untouched
    from camctl.engine.verdict import OK

    maps = dict(passed.maps)
    with untouched(scene.plan.table):
        for key, drawn in passed.maps.items():
            if isinstance(drawn, CamctlError) or drawn.verdict.name != "ok" or not manner.methods[key[-1]].needs:
                continue
            with clock.timed("verify"):
                question = passed.questions[key[0]]
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
            logits = scene.forward(inputs)
        except InputError:  # some models take one picture at a time
            logits = torch.cat([scene.forward(part) for part in inputs.split(1)])
    logits = torch.cat([passed.predictions.logits[None], logits])
    return lead(question.answers(logits), question.column, question.score)
