"""Metrics of maps, and where the objects are: boxes and masks of the picture as pixels of the model's input."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from camctl.errors import CamctlError, Hint, InputError, PluginError, as_value
from camctl.pipeline.manner import Clock, Manner, Passed
from camctl.pipeline.passes import run_passes
from camctl.plugin import Case
from camctl.values.regions import check_region, check_seen, read_mask, seen

if TYPE_CHECKING:
    from torch import Tensor

    from camctl import registry
    from camctl.engine.cam import Drawn
    from camctl.engine.predictions import Predictions
    from camctl.pipeline.manner import Key
    from camctl.pipeline.scene import LayerGroup, Scene
    from camctl.values.picture import AnyPicture
    from camctl.values.regions import AnyRegion, Box
    from camctl.values.request import ClassName
    from camctl.values.target import Target

BATCH = 16
"""Number of inputs scored at a time."""


@dataclass(frozen=True, kw_only=True)
class Measuring:
    """The metrics that are wanted, and the objects in the picture."""

    metrics: Sequence[registry.Loaded] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    regions: Mapping[ClassName, AnyRegion] = field(default_factory=dict)
    """Objects by class; None stands for all others."""
    several: bool = False
    """Whether there are several models: a class or layer missing in one is then not an error."""


def measure(
    scene: Scene,
    groups: Sequence[LayerGroup | CamctlError],
    manner: Manner,
    passed: Passed,
    measuring: Measuring,
    step: Callable[[], None] = lambda: None,
) -> tuple[dict[Key, dict[str, float]], tuple[CamctlError, ...]]:
    """Measure every map that shows something, whatever its verdict; `step` is called after each map.

    Returns the figures of each map by the metrics' names, and the errors of metrics: of third parties', and of those
    that measure scores where there are none. A metric is left out after its first error.

    Raises `InputError`: an object's class is not explained, or the model does not see the object, and no other model
    may have it; or a box or mask does not fit the picture.
    """
    from camctl.engine.model_state import untouched

    regions = _regions(scene, passed, measuring)
    figures: dict[Key, dict[str, float]] = {}
    faults: dict[str, CamctlError] = {}
    with untouched(scene.plan.table):
        for key, drawn, target in passed.drawn():
            if not drawn.verdict.blank:
                _, g, s, m = key
                own = replace(manner, methods=(manner.methods[m],), smoothings=(manner.smoothings[s],))
                region = regions.get(target.index, regions.get(None))
                case = _case(scene, groups[g], own, passed.predictions, drawn, target, region)
                figures[key] = _figures(case, measuring, faults, value=bool(target.direction))
            step()
    return figures, tuple(faults.values())


def _case(
    scene: Scene,
    group: LayerGroup | CamctlError,
    manner: Manner,
    predictions: Predictions,
    drawn: Drawn,
    target: Target,
    region: Tensor | None,
) -> Case:
    import torch

    from camctl.engine.maps import resize
    from camctl.engine.predictions import answer_scores

    def map_of(inputs: Tensor) -> Tensor:
        passed = run_passes(replace(scene, inputs=inputs), [group], manner, lambda _predictions: [target], Clock())
        again = passed.maps[0, 0, 0, 0]
        values = torch.zeros(inputs.shape[-2:]) if isinstance(again, CamctlError) else again.values
        return values.to(scene.inputs.device)

    def score_of(inputs: Tensor) -> Tensor:
        parts = inputs.to(scene.inputs.device, scene.inputs.dtype).split(BATCH)
        question = predictions.question(target)
        with torch.no_grad():
            return torch.cat([answer_scores(question, scene.plan.forward(part)) for part in parts])

    size = (scene.inputs.shape[-2], scene.inputs.shape[-1])
    return Case(
        values=drawn.values.to(scene.inputs.device),
        raw=resize(drawn.raw[None].float(), size)[0].to(scene.inputs.device),
        inputs=scene.inputs,
        score=target.score,
        region=region,
        score_of=score_of,
        map_of=map_of,
    )


def _figures(case: Case, measuring: Measuring, faults: dict[str, CamctlError], *, value: bool) -> dict[str, float]:
    figures: dict[str, float] = {}
    for metric in measuring.metrics:
        if metric.found.label in faults or ("region" in metric.plugin.needs and case.region is None):
            continue
        if value and "scores" in metric.plugin.needs:
            message = f"{metric.plugin.name} measures scores from 0 to 1, and this model's output is a value."
            faults[metric.found.label] = InputError(message, hint="Choose metrics that do not run the model.")
            continue
        try:
            own = {key: chosen for key, chosen in measuring.options.items() if key in metric.plugin.options}
            figures[metric.found.name] = metric.plugin.compute(case, **own)
        except PluginError as error:
            faults[metric.found.label] = as_value(error)
    return figures


def _regions(scene: Scene, passed: Passed, measuring: Measuring) -> dict[int | None, Tensor]:
    """Return where the objects are, by the class's index, in pixels of the model's input."""
    import torch

    for marked in measuring.regions.values():
        check_region(marked, scene.picture.size)
    explained = {target.index for target in passed.targets if not isinstance(target, CamctlError)}
    regions: dict[int | None, Tensor] = {}
    for name, marked in measuring.regions.items():
        try:
            index = None if name is None else passed.predictions.index_of(name)
        except InputError:
            if not measuring.several:
                raise
            continue  # another model's class
        if index is not None and index not in explained and not measuring.several:
            message = f"The box or mask is for the class '{name}', which is not explained."
            raise InputError(message, hint=Hint("Explain it as well", target_category=name))
        region = seen(marked, scene.view)
        if region.any():
            regions[index] = torch.from_numpy(region).to(scene.inputs.device)
        elif not measuring.several:
            check_seen(region, scene.view)
    return regions


def regions_of(
    boxes: Mapping[ClassName, Box] | Box | None = None, masks: Mapping[ClassName, AnyPicture] | AnyPicture | None = None
) -> dict[ClassName, AnyRegion]:
    """Read the boxes and masks of an `Evaluation`.

    Raises `InputError`: a mask cannot be read or shows no object, or a class has a box and a mask.
    """
    boxes = boxes if isinstance(boxes, Mapping) else {None: boxes} if boxes else {}
    masks = masks if isinstance(masks, Mapping) else {} if masks is None else {None: masks}
    read: dict[ClassName, AnyRegion] = {name: read_mask(mask) for name, mask in masks.items()}
    for name in boxes.keys() & masks.keys():
        of = "every class" if name is None else f"the class '{name}'"
        raise InputError(f"There are a box and a mask for {of}.", hint="Leave out one of them, or name its class.")
    return {**boxes, **read}
