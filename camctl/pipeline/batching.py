"""Whether a model can be shown several pictures at once, and the maps of pictures that are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from camctl.errors import CamctlError, SpoiltModelError, out_of_memory
from camctl.pipeline.manner import Clock
from camctl.pipeline.passes import run_batch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from camctl.pipeline.manner import Choice, Manner, Passed
    from camctl.pipeline.plan import Plan
    from camctl.pipeline.scene import LayerGroup, Scene

LEVEL = {2: 5e-2, 4: 1e-3, 8: 1e-6}
"""Bytes of a number -> largest difference of a picture's answers alone and in a batch, as a share of their range."""


ALONE = "The model's scores of a picture depend on the other pictures of its batch: each picture is run alone."

ONE_FITS = "The memory holds one picture at a time."


def why_alone(plan: Plan, scene: Scene) -> str:
    """Return why pictures are run alone; empty if they are not. Found once for each size of input."""
    shape = tuple(scene.inputs.shape)
    if shape not in plan.alone:
        plan.alone[shape] = _beside_another(plan, scene)
    return plan.alone[shape]


def _beside_another(plan: Plan, scene: Scene) -> str:
    """Return whether a picture's answers beside another one differ, or cannot be had, in words; empty if not."""
    import torch

    from camctl.engine.model_state import untouched

    # Another mean and spread as well: a norm over the batch sees no difference between a picture and its mirror image.
    other = (scene.inputs.flip(3) / 2 + scene.inputs.amax() / 4).to(scene.inputs.dtype)
    pair = torch.cat([scene.inputs, other])
    with torch.no_grad(), untouched(plan.table):
        alone = torch.cat([plan.forward(one) for one in pair.split(1)]).float()
        try:
            together = plan.forward(pair).float()
        except CamctlError:
            return ALONE
        except Exception as error:
            if not out_of_memory(error):
                raise
            return ONE_FITS
    if together.shape != alone.shape:
        return ALONE
    span = (alone.nan_to_num().amax() - alone.nan_to_num().amin()).clamp_min(1e-12)
    allowed = float(span) * LEVEL.get(scene.inputs.dtype.itemsize, LEVEL[2])
    return "" if torch.allclose(together, alone, rtol=0, atol=allowed, equal_nan=True) else ALONE


@dataclass(frozen=True, eq=False)
class Together:
    """The maps of one picture out of a batch, and its share of the time."""

    scene: Scene
    passed: Passed
    clock: Clock = field(default_factory=Clock)


def drawn_together(
    scenes: Mapping[int, Scene],
    groups: Sequence[LayerGroup | CamctlError],
    manner: Manner,
    choose: Choice,
    clock: Clock,
) -> dict[int, Together | SpoiltModelError]:
    """Draw the maps of scenes in batches of one size of input; one that fails is left out.

    If a method spoils the model, its error stands for the first scene, and nothing else is returned.
    """
    drawn: dict[int, Together] = {}
    for shape in dict.fromkeys(scene.inputs.shape for scene in scenes.values()):
        own = {i: scene for i, scene in scenes.items() if scene.inputs.shape == shape}
        try:
            found = run_batch(list(own.values()), groups, manner, [choose] * len(own), clock)
        except SpoiltModelError as error:
            return {min(scenes): error}
        except CamctlError:
            continue
        pairs = zip(own.items(), found, strict=True)
        drawn |= {i: Together(scene, one) for (i, scene), one in pairs if not isinstance(one, CamctlError)}
    for number, one in enumerate(drawn.values()):
        for what, milliseconds in clock.milliseconds.items():
            one.clock.add(what, milliseconds / len(drawn), 0 if number else clock.counts[what])
    return {**drawn}
