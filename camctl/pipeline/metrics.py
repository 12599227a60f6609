"""Figures beside maps: every metric that was asked for, of every map that is worth something."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from camctl.errors import CamctlError, InputError, PluginError, as_value
from camctl.pipeline.passes import Clock, Manner, Passed, run_passes
from camctl.pipeline.regions import Regions
from camctl.pipeline.scene import before
from camctl.plugin import Case

if TYPE_CHECKING:
    from torch import Tensor

    from camctl import registry
    from camctl.engine.cam import Drawn
    from camctl.pipeline.passes import Key
    from camctl.pipeline.scene import LayerGroup, Scene
    from camctl.values.explanation import Target

    Step = Callable[[], None]

BATCH = 16
"""Inputs scored at a time."""


@dataclass(frozen=True, kw_only=True)
class Measuring:
    """Which metrics are wanted, and where the objects are."""

    metrics: Sequence[registry.Loaded] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    regions: Regions = field(default_factory=Regions)
    several: bool = False
    """Whether a class that one model lacks, or does not explain, may be another's."""


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
    step: Step,
) -> Measured:
    """Figures of every map that shows something, whatever its verdict; `step` is called after each map.

    A third party's metric that fails is left out from then on. Raises `InputError` for the object of a class that is
    not explained, or that the model is not given, where another model may not have it either, and for a box or mask
    that does not fit the picture.
    """
    from camctl.engine.model_state import untouched

    regions = _regions(scene, passed, measuring)
    found: dict[Key, dict[str, float]] = {}
    faults: dict[str, CamctlError] = {}
    with untouched(scene.loaded.module):
        for key, drawn in passed.maps.items():
            t, g, s, m = key
            target, group = passed.targets[t], groups[g]
            if isinstance(target, CamctlError) or isinstance(group, CamctlError) or isinstance(drawn, CamctlError):
                continue
            if not drawn.verdict.blank:
                one = replace(manner, methods=(manner.methods[m],), smoothings=(manner.smoothings[s],))
                case = _case(scene, group, one, drawn, target, regions)
                found[key] = _figures(case, measuring, faults)
            step()
    return Measured(found, tuple(faults.values()))


def _case(
    scene: Scene, group: LayerGroup, manner: Manner, drawn: Drawn, target: Target, regions: Mapping[int | None, Tensor]
) -> Case:
    from camctl.engine.fusion import resize

    size = (scene.inputs.shape[-2], scene.inputs.shape[-1])

    def map_of(inputs: Tensor) -> Tensor:
        again = run_passes(before(scene, inputs), [group], manner, lambda _classes: [target], Clock())
        one = again.maps[0, 0, 0, 0]
        return drawn.values.new_zeros(inputs.shape[-2:]) if isinstance(one, CamctlError) else one.values

    return Case(
        values=drawn.values,
        raw=resize(drawn.raw[None].float(), size)[0],
        inputs=scene.inputs,
        score=target.score,
        region=regions.get(target.index, regions.get(None)),
        score_of=_scoring(scene, target),
        map_of=map_of,
    )


def _scoring(scene: Scene, target: Target) -> Callable[[Tensor], Tensor]:
    import torch

    from camctl.engine.predictions import class_scores
    from camctl.engine.question import Versus

    versus = Versus.of(target)
    column = versus.column(target.index)

    def score_of(inputs: Tensor) -> Tensor:
        with torch.no_grad():
            scores = [
                class_scores(versus.logits(scene.forward(part), target.index), scene.loaded.score)[:, column]
                for part in inputs.to(scene.inputs.device, scene.inputs.dtype).split(BATCH)
            ]
        return torch.cat(scores)

    return score_of


def _figures(case: Case, measuring: Measuring, faults: dict[str, CamctlError]) -> dict[str, float]:
    figures: dict[str, float] = {}
    for one in measuring.metrics:
        if one.found.label in faults or ("region" in one.plugin.needs and case.region is None):
            continue
        try:
            own = {key: value for key, value in measuring.options.items() if key in one.plugin.options}
            figures[one.found.name] = one.plugin.compute(case, **own)
        except PluginError as error:
            faults[one.found.label] = as_value(error)
    return figures


def _regions(scene: Scene, passed: Passed, measuring: Measuring) -> dict[int | None, Tensor]:
    """Where the objects are by the class's index, in pixels of the model's input."""
    import torch

    measuring.regions.check(scene.picture.size)
    explained = {target.index for target in passed.targets if not isinstance(target, CamctlError)}
    found: dict[int | None, Tensor] = {}
    for name in measuring.regions.names():
        try:
            index = None if name is None else passed.classes.find(name).index
        except InputError:
            if not measuring.several:
                raise
            continue  # another model's class
        if index is not None and index not in explained and not measuring.several:
            message = f"The box or mask is for the class '{name}', which is not explained."
            raise InputError(message, hint=f"Explain it as well: --target-category {name}")
        region = measuring.regions.seen(name, scene.view)
        if region.any():
            found[index] = torch.from_numpy(region).to(scene.inputs.device)
        elif not measuring.several:
            edges = ", ".join(f"{edge:.0f}" for edge in scene.view.box)
            message = "The object lies outside the part of the picture that the model is given, or between its pixels."
            raise InputError(message, hint=f"Mark it within {edges} (left, top, right, lower side).")
    return found
