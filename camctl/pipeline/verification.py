"""`--verify`: the model is asked whether a map points at its class or away from it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from camctl.errors import CamctlError, InputError

if TYPE_CHECKING:
    from torch import Tensor

    from camctl.pipeline.passes import Clock, Manner, Passed
    from camctl.pipeline.scene import Scene
    from camctl.values.target import Target


def verified(scene: Scene, manner: Manner, passed: Passed, clock: Clock) -> Passed:
    """The same maps, each `ok` one judged by two more forward passes in one batch.

    Methods that do not look at the model (`needs` is empty) claim nothing about it, and are left as they are.
    """
    from camctl.engine.inversion import hidden, judge_inversion
    from camctl.engine.model_state import untouched
    from camctl.engine.verdict import OK

    maps = dict(passed.maps)
    with untouched(scene.loaded.module):
        for (t, g, s, m), drawn in passed.maps.items():
            target = passed.targets[t]
            if isinstance(drawn, CamctlError) or isinstance(target, CamctlError):
                continue
            if drawn.verdict.name != "ok" or not manner.methods[m].needs:
                continue
            with clock.timed("verify"):
                verdict = judge_inversion(_leads(scene, passed, target, hidden(scene.inputs, drawn.raw)))
            if verdict is not OK:
                maps[t, g, s, m] = replace(drawn, verdict=verdict)
    return replace(passed, maps=maps)


def _leads(scene: Scene, passed: Passed, target: Target, inputs: Tensor) -> Tensor:
    """The target's lead in the picture, and in inputs (N, 3, h, w): (1 + N,)."""
    import torch

    from camctl.engine.inversion import lead
    from camctl.engine.question import Versus

    versus = Versus.of(target)
    with torch.no_grad():
        try:
            logits = scene.forward(inputs)
        except InputError:  # some models take one picture at a time
            logits = torch.cat([scene.forward(each) for each in inputs.split(1)])
    logits = torch.cat([passed.classes.logits[None], logits])
    kind = "softmax" if versus.others else scene.loaded.score
    return lead(versus.logits(logits, target.index), versus.column(target.index), kind)
