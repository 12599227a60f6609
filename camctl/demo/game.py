"""The pointing game: whether a map peaks inside the object whose class is explained.

Zhang et al., 2016, arXiv:1608.00507. Every scene has two objects of different classes, and both are explained, so a map
that shows "something" without regard to the class wins half the time at best. The share of the map's energy (its sum)
inside the box is measured as well: a peak may be right although the rest is spread all over.
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
    from camctl.values.regions import Box
    from camctl.values.request import ClassName

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
"""Methods that the others have to beat."""

FIRST_SEED = 6_000_000
"""Seed of the game's first scene; no model was trained or tuned on this range."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Result of a game."""

    won: Mapping[str, Mapping[str, float]]
    """Model -> method -> share of the questions won."""
    inside: Mapping[str, Mapping[str, float]]
    """Model -> method -> mean share of the map's energy inside the box."""
    chance: float
    """Share won by a random point, and inside for an even map: the mean area of the boxes."""
    questions: int
    """Number of questions per model and method."""

    def best(self, model: str) -> str:
        """Return the method that won most with a model, baselines left out."""
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
    """Let every model explain both objects of `scenes` scenes; `step(model)` is called after each scene."""
    played = [scene(first_seed + number, 2) for number in range(scenes)]
    won, inside = {}, {}
    for name, model in models.items():
        count, energy = dict.fromkeys(methods, 0.0), dict.fromkeys(methods, 0.0)
        for drawn in played:
            comparison = maps(model, drawn, render(drawn, model.input_size[0]), methods)
            for cell in comparison.cells:
                # A worthless map has no figures: it points nowhere.
                method = comparison.label("method", cell.at)
                count[method] += cell.figures.get("pointing", 0)
                energy[method] += cell.figures.get("energy", 0)
            step(name)
        won[name] = {method: wins / (2 * scenes) for method, wins in count.items()}
        inside[name] = {method: total / (2 * scenes) for method, total in energy.items()}
    boxes = [sticker.box for drawn in played for sticker in drawn.objects]
    areas = [(x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in boxes]
    return Scores(won=won, inside=inside, chance=float(np.mean(areas)), questions=2 * scenes)


def maps(model: LoadedModel, drawn: Scene, pixels: np.ndarray, methods: Sequence[str]) -> Comparison:
    """Explain every object of a scene, from left to right, and measure whether each map points at its own."""
    side = pixels.shape[0]
    objects = sorted(drawn.objects, key=lambda sticker: sticker.centre[0])
    boxes: dict[ClassName, Box] = {}
    for sticker in objects:
        x0, y0, x1, y1 = sticker.box
        boxes[sticker.label] = (x0 * side, y0 * side, x1 * side, y1 * side)
    return compare(
        model,
        pixels,
        targets=[sticker.label for sticker in objects],
        methods=[f"camctl[{method}]" for method in methods],
        # The boxes say whether a map points at its object: the model need not be asked.
        evaluation=Evaluation(metrics=("camctl[pointing]", "camctl[energy]"), boxes=boxes, verify=False),
    )
