"""The pointing game: whether a map peaks inside the object that was asked for.

Zhang et al., 2016, arXiv:1608.00507. Every scene holds two objects of different classes, and both are asked for,
so a map that shows "something" without regard to the class wins half the time at best. Beside it stands the share of
the map's energy (its sum) that lies inside the box: a peak may be right where the rest is spread all over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from camctl.demo.scenes import Scene, render, scene
from camctl.pipeline import explain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from camctl.plugin import LoadedModel
    from camctl.results import Cam

    Box = tuple[float, float, float, float]

METHODS = (
    "GradCAM",
    "GradCAM++",
    "XGradCAM",
    "LayerCAM",
    "HiResCAM",
    "GradCAMElementWise",
    "EigenGradCAM",
    "EigenCAM",
)

FIRST_SEED = 6_000_000
"""The game's scenes are counted from here; no model was trained or tuned on this range."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What a game came to."""

    won: Mapping[str, Mapping[str, float]]
    """Model -> method -> share of the questions won."""
    inside: Mapping[str, Mapping[str, float]]
    """Model -> method -> mean share of the map's energy inside the box."""
    chance: float
    """What a random point wins, and an even map holds inside: the mean area of the boxes asked for."""
    questions: int
    """Asked of each model and method."""

    def best(self, model: str) -> str:
        """The method that won most with a model."""
        return max(self.won[model], key=lambda method: self.won[model][method])


def play(
    models: Mapping[str, LoadedModel],
    scenes: int,
    *,
    methods: Sequence[str] = METHODS,
    first_seed: int = FIRST_SEED,
    step: Callable[[str], None] = lambda _model: None,
) -> Scores:
    """Ask every model for both objects of `scenes` scenes; `step(model)` is called after each scene."""
    played = [scene(first_seed + number, 2) for number in range(scenes)]
    won, inside = {}, {}
    for name, model in models.items():
        count, energy = dict.fromkeys(methods, 0), dict.fromkeys(methods, 0.0)
        for one in played:
            boxes = {each.label: each.box for each in one.objects}
            for cam in explain_scene(model, one, render(one, model.input_size[0]), methods):
                count[cam.method] += points_into(cam, boxes[cam.target.label])
                energy[cam.method] += energy_in(cam, boxes[cam.target.label])
            step(name)
        won[name] = {method: wins / (2 * scenes) for method, wins in count.items()}
        inside[name] = {method: total / (2 * scenes) for method, total in energy.items()}
    areas = [(x1 - x0) * (y1 - y0) for one in played for x0, y0, x1, y1 in (each.box for each in one.objects)]
    return Scores(won=won, inside=inside, chance=float(np.mean(areas)), questions=2 * scenes)


def explain_scene(model: LoadedModel, one: Scene, pixels: np.ndarray, methods: Sequence[str]) -> tuple[Cam, ...]:
    """Maps of every object of the scene, from left to right."""
    labels = [each.label for each in sorted(one.objects, key=lambda each: each.centre[0])]
    return explain(model, pixels, targets=labels, methods=[f"camctl[{method}]" for method in methods]).maps


def points_into(cam: Cam, box: Box) -> bool:
    """Whether the map's peak lies in `box` (x0, y0, x1, y1 in 0..1 of the view); a worthless map points nowhere."""
    if cam.verdict != "ok":
        return False
    height, width = cam.values.shape
    row, column = divmod(int(cam.values.argmax()), width)
    x, y = (column + 0.5) / width, (row + 0.5) / height
    x0, y0, x1, y1 = box
    return bool(x0 <= x <= x1 and y0 <= y <= y1)


def energy_in(cam: Cam, box: Box) -> float:
    """Share of the map's sum that lies in `box`; 0 for a worthless map."""
    height, width = cam.values.shape
    x0, y0, x1, y1 = box
    rows = (np.arange(height) + 0.5) / height
    columns = (np.arange(width) + 0.5) / width
    part = cam.values[(rows >= y0) & (rows <= y1)][:, (columns >= x0) & (columns <= x1)]
    return float(part.sum() / max(float(cam.values.sum()), np.finfo(np.float32).tiny))
