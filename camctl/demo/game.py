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
from camctl.pipeline.compare import compare
from camctl.values.request import Evaluation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from camctl.plugin import LoadedModel
    from camctl.values.comparison import Comparison

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

BASELINES = ("Random", "Centre", "Edges")
"""What the methods have to beat."""

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
        """The method that won most with a model; baselines are no methods."""
        won = {method: share for method, share in self.won[model].items() if method not in BASELINES}
        return max(won, key=lambda method: won[method])


def play(
    models: Mapping[str, LoadedModel],
    scenes: int,
    *,
    methods: Sequence[str] = (*METHODS, *BASELINES),
    first_seed: int = FIRST_SEED,
    step: Callable[[str], None] = lambda _model: None,
) -> Scores:
    """Ask every model for both objects of `scenes` scenes; `step(model)` is called after each scene."""
    played = [scene(first_seed + number, 2) for number in range(scenes)]
    won, inside = {}, {}
    for name, model in models.items():
        count, energy = dict.fromkeys(methods, 0.0), dict.fromkeys(methods, 0.0)
        for one in played:
            asked = ask(model, one, render(one, model.input_size[0]), methods)
            for cell in asked.cells:
                # A worthless map has no figures: it points nowhere.
                method = asked.label("method", cell.at)
                count[method] += cell.figures.get("pointing", 0)
                energy[method] += cell.figures.get("energy", 0)
            step(name)
        won[name] = {method: wins / (2 * scenes) for method, wins in count.items()}
        inside[name] = {method: total / (2 * scenes) for method, total in energy.items()}
    areas = [(x1 - x0) * (y1 - y0) for one in played for x0, y0, x1, y1 in (each.box for each in one.objects)]
    return Scores(won=won, inside=inside, chance=float(np.mean(areas)), questions=2 * scenes)


def ask(model: LoadedModel, one: Scene, pixels: np.ndarray, methods: Sequence[str]) -> Comparison:
    """Maps of every object of the scene, from left to right, and whether each points at its own."""
    height, width = pixels.shape[:2]
    objects = sorted(one.objects, key=lambda each: each.centre[0])
    boxes: dict[str | int | None, tuple[float, float, float, float]] = {
        each.label: (each.box[0] * width, each.box[1] * height, each.box[2] * width, each.box[3] * height)
        for each in objects
    }
    return compare(
        model,
        pixels,
        targets=[each.label for each in objects],
        methods=[f"camctl[{method}]" for method in methods],
        # The boxes say whether a map points at its object: the model need not be asked.
        evaluation=Evaluation(metrics=("camctl[pointing]", "camctl[energy]"), boxes=boxes, verify=False),
    )
