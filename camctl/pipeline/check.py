"""Does camctl understand a model? One default map, and whether it can be trusted."""

from __future__ import annotations

from dataclasses import replace
from shlex import quote
from time import perf_counter
from typing import TYPE_CHECKING, Literal, TypeVar

from camctl.pipeline.explain import explain
from camctl.pipeline.findings import Trial, look
from camctl.pipeline.load import loaded_of
from camctl.pipeline.scene import NO_LAYER, default_layers, set_scene
from camctl.values.check import Check
from camctl.values.picture import Picture, read_picture
from camctl.values.request import DETECTED, Family

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from camctl.pipeline.load import AnyModel
    from camctl.pipeline.scene import Scene
    from camctl.values.explanation import VerdictName
    from camctl.values.picture import AnyPicture

Result = TypeVar("Result")

NOISE = "noise"
GRADCAM = "camctl[gradcam]"
"""By its package: a plugin of the same name must not be what a model is judged by."""

BARE_ROUNDS = 3


def check(model: AnyModel, image: AnyPicture | None = None, *, family: Family = DETECTED) -> Check:
    """Make a GradCAM map of the best class without a flag, and see whether it can be trusted.

    Without a picture the model is shown seeded noise of its usual input size. Raises as `explain` does; a model without
    a layer to look at is a `Check` that says so, and no error.
    """
    from camctl.engine.model_state import condition

    loaded = loaded_of(model)
    # Noise shows no class, and random weights know none: there is nothing for a map to point at.
    telling = image is not None and not loaded.random_weights
    picture = noise(loaded.input_size) if image is None else read_picture(image)
    start = condition(loaded.module)
    scene = set_scene(loaded, picture, family)
    bare, logits = _bare(scene)
    after_bare = condition(loaded.module)
    seen, probing = _timed(scene.probe)
    alone = seen
    layers = seen.pre_activation or seen.default  # GradCAM's
    chosen_by = "probe"
    if scene.hints.adapter is not None:
        alone = replace(scene, hints=replace(scene.hints, adapter=None, claimed_tokens=None)).probe()
        group = default_layers(scene)
        layers, chosen_by = group.names, group.chosen_by
    else:
        probing = min(probing, _timed(scene.probe)[1])
    records = {record.name: record for record in seen.records}
    gridless = next((name for name in layers if records[name].layout is None), None)
    cam, seconds = None, 0.0
    verdict: VerdictName | Literal["no-layer"] = "no-layer"
    reason, hint = NO_LAYER, f"See what each layer puts out with: camctl layers {quote(loaded.name)}"
    if gridless is not None:
        reason = f"The {chosen_by} names '{gridless}', which has no grid here: {records[gridless].why_not}."
        hint = f"Try --target-layers {' '.join(alone.default)}" if alone.default else hint
    elif layers:
        explained, seconds = _timed(lambda: explain(loaded, picture, methods=[GRADCAM], verify=telling, family=family))
        cam = explained.maps[0]
        verdict, reason, hint = cam.verdict, cam.reason, cam.hint
    if verdict in {"border", "diffuse"} and not telling:
        verdict, hint = "ok", ""  # with a warning
    if verdict == "negative-only" and loaded.random_weights:
        hint = "At random weights that is the toss of a coin: draw others with --seed 1, or give a checkpoint."
    trial = Trial(
        scene=scene,
        layers=layers,
        seen=seen,
        alone=alone,
        logits=logits,
        cam=cam,
        telling=telling,
        family=family,
        bare=bare,
        start=start,
        after_bare=after_bare,
    )
    return Check(
        model=loaded.name,
        image=picture.path,
        input_size=seen.input_size,
        layers=layers,
        chosen_by=chosen_by,
        grid=cam.grid if cam else None,
        extra_tokens=records[layers[0]].extra_tokens if layers else 0,
        verdict=verdict,
        reason=reason,
        hint=hint,
        seconds=seconds,
        finding_passes=probing / bare if chosen_by == "probe" else 0.0,
        random_weights=loaded.random_weights,
        repairs=loaded.repairs,
        notes=loaded.notes,
        findings=look(trial),
    )


def noise(size: tuple[int, int]) -> Picture:
    """Patches of colour of all sizes, smooth and sharp as pictures have them; the same each time."""
    import numpy as np

    height, width = size
    generator = np.random.default_rng(0)
    values = np.zeros((height, width, 3))
    for cells in (3, 6, 12, 24):
        coarse = generator.normal(0, 1, (cells, cells, 3))
        values += coarse[np.arange(height) * cells // height][:, np.arange(width) * cells // width]
    return Picture(NOISE, np.clip(128 + 45 * values, 0, 255).astype(np.uint8))


def _bare(scene: Scene) -> tuple[float, tuple[Tensor, Tensor]]:
    """Seconds of a bare forward pass, and what the model said the first time and the last."""
    import torch

    from camctl.engine.model_state import untouched

    with torch.no_grad(), untouched(scene.loaded.module):
        first = scene.forward(scene.inputs).float()  # what is only done the first time is done here
        rounds = [_timed(lambda: scene.forward(scene.inputs).float().cpu()) for _ in range(BARE_ROUNDS)]
    return min(seconds for _, seconds in rounds), (first.cpu(), rounds[-1][0])


def _timed(work: Callable[[], Result]) -> tuple[Result, float]:
    start = perf_counter()
    result = work()
    return result, perf_counter() - start
