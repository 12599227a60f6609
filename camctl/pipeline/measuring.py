"""Figures beside maps: every metric that was asked for, of every map that is worth something."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import TYPE_CHECKING, Any

from camctl import registry
from camctl.errors import CamctlError, InputError, PluginError
from camctl.pipeline.passes import Clock, Manner, Passed, run_passes
from camctl.pipeline.scenes import before
from camctl.plugin import Case

if TYPE_CHECKING:
    from torch import Tensor

    from camctl.engine.maps import Drawn
    from camctl.pipeline.passes import Key
    from camctl.pipeline.scenes import LayerGroup, Scene
    from camctl.results import Target, View

    Box = tuple[float, float, float, float]
    Step = Callable[[], None]

BATCH = 16
"""Inputs scored at a time."""


@dataclass(frozen=True, kw_only=True)
class Measuring:
    """Which metrics are wanted, and where the objects are.

    `boxes`: class (by index or name, None for all others) -> x0, y0, x1, y1 in pixels of the picture.
    """

    metrics: Sequence[registry.Loaded] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    boxes: Mapping[str | int | None, Box] = field(default_factory=dict)


def measure(
    scene: Scene,
    groups: Sequence[LayerGroup | CamctlError],
    manner: Manner,
    passed: Passed,
    measuring: Measuring,
    step: Step,
) -> dict[Key, dict[str, float]]:
    """Figures of every map whose verdict is `ok`; `step` is called after each of them.

    Raises `PluginError` where a third party's metric fails.
    """
    from camctl.engine.capture import untouched

    boxes = _boxes(scene, passed, measuring.boxes)
    found: dict[Key, dict[str, float]] = {}
    with untouched(scene.loaded.module):
        for key, drawn in passed.maps.items():
            t, g, s, m = key
            target, group = passed.targets[t], groups[g]
            if isinstance(target, CamctlError) or isinstance(group, CamctlError) or isinstance(drawn, CamctlError):
                continue
            if drawn.verdict.name == "ok":
                one = replace(manner, methods=(manner.methods[m],), smoothings=(manner.smoothings[s],))
                case = _case(scene, group, one, drawn, target, boxes)
                found[key] = _figures(case, measuring)
            step()
    return found


def _case(
    scene: Scene, group: LayerGroup, manner: Manner, drawn: Drawn, target: Target, boxes: Mapping[int | None, Box]
) -> Case:
    def map_of(inputs: Tensor) -> Tensor:
        again = run_passes(before(scene, inputs), [group], manner, lambda _classes: [target], Clock())
        one = again.maps[0, 0, 0, 0]
        return drawn.values.new_zeros(inputs.shape[-2:]) if isinstance(one, CamctlError) else one.values

    return Case(
        values=drawn.values,
        inputs=scene.inputs,
        score=target.score,
        box=boxes.get(target.index, boxes.get(None)),
        score_of=_scoring(scene, target.index),
        map_of=map_of,
    )


def _scoring(scene: Scene, index: int) -> Callable[[Tensor], Tensor]:
    import torch

    from camctl.engine.targets import class_scores

    def score_of(inputs: Tensor) -> Tensor:
        with torch.no_grad():
            scores = [
                class_scores(scene.forward(part), scene.loaded.score)[:, index]
                for part in inputs.to(scene.inputs.device, scene.inputs.dtype).split(BATCH)
            ]
        return torch.cat(scores)

    return score_of


def _figures(case: Case, measuring: Measuring) -> dict[str, float]:
    figures: dict[str, float] = {}
    for one in measuring.metrics:
        metric = one.plugin
        if "box" in metric.needs and case.box is None:
            continue
        own = {key: value for key, value in measuring.options.items() if key in metric.options}
        with registry.at_work(one):
            figure = metric.compute(case, **own)
        if not isinstance(figure, Real):
            message = f"The metric {one.found.label} gave a {type(figure).__name__} where a number is due."
            raise PluginError(message, hint="Leave it out of --metrics, or report it to its author.")
        figures[one.found.name] = float(figure)
    return figures


def _boxes(scene: Scene, passed: Passed, boxes: Mapping[str | int | None, Box]) -> dict[int | None, Box]:
    """The same boxes by the class's index, in pixels of the model's input; for classes that this model has."""
    found: dict[int | None, Box] = {}
    for name, box in boxes.items():
        try:
            index = None if name is None else passed.classes.find(name).index
        except InputError:
            continue  # another model's class
        found[index] = in_view(box, scene.view)
    return found


def in_view(box: Box, view: View) -> Box:
    """A box in pixels of the picture -> in pixels of what the model was given of it."""
    (height, width), (x0, y0, x1, y1) = view.size, view.box
    across, down = width / (x1 - x0), height / (y1 - y0)
    return (box[0] - x0) * across, (box[1] - y0) * down, (box[2] - x0) * across, (box[3] - y0) * down
