"""Trial of a metric."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import isnan
from typing import TYPE_CHECKING

from camctl.testing.trial import FAILED, NETWORKS, Trial, load_network, picture

if TYPE_CHECKING:
    from camctl.plugin import LoadedModel


def try_metric(trial: Trial, _models: Sequence[str]) -> None:
    """Try whether it measures a map, with the same result twice."""
    for name in NETWORKS:
        model = load_network(name)
        measure = partial(_figure, trial, model)
        with trial.untouched(model.module, name):
            figures = [trial.attempt(f"measures a map ({name})", measure) for _ in range(2)]
        if FAILED in figures:
            continue
        first, second = figures
        same = first == second or (isnan(first) and isnan(second))
        todo = "Draw random numbers from a seed of your own, given as an option."
        trial.note(f"gives the same twice ({name}: {first:.3g})", same, todo)


def _figure(trial: Trial, model: LoadedModel) -> float:
    from camctl.pipeline.compare import compare
    from camctl.values.request import Evaluation

    side = model.input_size[0]
    comparison = compare(
        model,
        picture(model),
        # Its map is never blank, whatever the layer and the class.
        methods=["camctl[gradcamelementwise]"],
        evaluation=Evaluation(metrics=[trial.found.label], boxes=(0, 0, side / 2, side)),
    )
    for error in comparison.faults:
        raise error
    return comparison.cells[0].figures[trial.found.name]
