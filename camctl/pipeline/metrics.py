"""Metrics of maps: every metric that was asked for, on every map that shows something."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from camctl.errors import CamctlError, Hint, InputError, PluginError, as_value
from camctl.pipeline.passes import Clock, Manner, Passed, run_passes
from camctl.pipeline.regions import Regions
from camctl.plugin import Case

if TYPE_CHECKING:
    from torch import Tensor

    from camctl import registry
    from camctl.engine.cam import Drawn
    from camctl.pipeline.layer_group import LayerGroup
    from camctl.pipeline.passes import Key
    from camctl.pipeline.scene import Scene
    from camctl.plugin import Question
    from camctl.values.target import Target

BATCH = 16
"""Number of inputs scored at a time."""


@dataclass(frozen=True, kw_only=True)
class Measuring:
    """The metrics that are wanted, and the objects in the picture."""

    metrics: Sequence[registry.Loaded] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    regions: Regions = field(default_factory=Regions)
    several: bool = False
    """Whether another model may have, or explain, a class that this one does not."""


@dataclass(frozen=True)
class Measured:
    """Figures by map, and why a metric has none."""

    figures: Mapping[Key, Mapping[str, float]] = field(default_factory=dict)
    faults: tuple[CamctlError, ...] = ()


def measure(
    scene: Scene,
    groups: Sequence[LayerGroup | CamctlError],
    manner: Manner,
    passed: Passed,
    measuring: Measuring,
    step: Callable[[], None] = lambda: None,
) -> Measured:
    """Measure every map that shows something, whatever its verdict; `step` is called after each map.

    A third party's metric that fails is left out from then on.

    Raises `InputError`: an object's class is not explained, or the model does not see the object, and no other model
    may have it; or a box or mask does not fit the picture.
    """
    from camctl.engine.model_state import untouched

    regions = _regions(scene, passed, measuring)
    figures: dict[Key, dict[str, float]] = {}
    faults: dict[str, CamctlError] = {}
    with untouched(scene.plan.table):
        for key, drawn in passed.maps.items():
            t, g, s, m = key
            target, group = passed.targets[t], groups[g]
            if isinstance(target, CamctlError) or isinstance(group, CamctlError) or isinstance(drawn, CamctlError):
                continue
            if not drawn.verdict.blank:
                own = replace(manner, methods=(manner.methods[m],), smoothings=(manner.smoothings[s],))
                region = regions.get(target.index, regions.get(None))
                case = _case(scene, group, own, drawn, target, passed.questions[t], region)
                figures[key] = _figures(case, measuring, faults)
            step()
    return Measured(figures, tuple(faults.values()))


def _case(
    scene: Scene,
    group: LayerGroup,
    manner: Manner,
    drawn: Drawn,
    target: Target,
    question: Question,
    region: Tensor | None,
) -> Case:
    from camctl.engine.fusion import resize

    size = (scene.inputs.shape[-2], scene.inputs.shape[-1])

    def map_of(inputs: Tensor) -> Tensor:
        passed = run_passes(scene.with_inputs(inputs), [group], manner, lambda _predictions: [target], Clock())
        again = passed.maps[0, 0, 0, 0]
        return drawn.values.new_zeros(inputs.shape[-2:]) if isinstance(again, CamctlError) else again.values

    return Case(
        values=drawn.values,
        raw=resize(drawn.raw[None].float(), size)[0],
        inputs=scene.inputs,
        score=target.score,
        region=region,
        score_of=_scoring(scene, question),
        map_of=map_of,
    )


def _scoring(scene: Scene, question: Question) -> Callable[[Tensor], Tensor]:
    import torch

    from camctl.engine.predictions import answer_scores

    def score_of(inputs: Tensor) -> Tensor:
        parts = inputs.to(scene.inputs.device, scene.inputs.dtype).split(BATCH)
        with torch.no_grad():
            return torch.cat([answer_scores(question, scene.forward(part)) for part in parts])

    return score_of


def _figures(case: Case, measuring: Measuring, faults: dict[str, CamctlError]) -> dict[str, float]:
    figures: dict[str, float] = {}
    for metric in measuring.metrics:
        if metric.found.label in faults or ("region" in metric.plugin.needs and case.region is None):
            continue
        try:
            own = {key: value for key, value in measuring.options.items() if key in metric.plugin.options}
            figures[metric.found.name] = metric.plugin.compute(case, **own)
        except PluginError as error:
            faults[metric.found.label] = as_value(error)
    return figures


def _regions(scene: Scene, passed: Passed, measuring: Measuring) -> dict[int | None, Tensor]:
    """Return where the objects are, by the class's index, in pixels of the model's input."""
    import torch

    measuring.regions.check(scene.picture.size)
    explained = {target.index for target in passed.targets if not isinstance(target, CamctlError)}
    regions: dict[int | None, Tensor] = {}
    for name in measuring.regions.names():
        try:
            index = None if name is None else passed.predictions.find(name).index
        except InputError:
            if not measuring.several:
                raise
            continue  # another model's class
        if index is not None and index not in explained and not measuring.several:
            message = f"The box or mask is for the class '{name}', which is not explained."
            raise InputError(message, hint=Hint("Explain it as well", target_category=name))
        region = measuring.regions.seen(name, scene.view)
        if region.any():
            regions[index] = torch.from_numpy(region).to(scene.inputs.device)
        elif not measuring.several:
            edges = ", ".join(f"{edge:.0f}" for edge in scene.view.box)
            message = "The object lies outside the part of the picture that the model is given, or between its pixels."
            raise InputError(message, hint=f"Mark it within {edges} (left, top, right, lower side).")
    return regions
