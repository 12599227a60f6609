"""What is tried on a metric."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import isnan
from typing import TYPE_CHECKING

from camctl.testing.trying import FAILED, NETWORKS, Finding, attempt, network, untouched

if TYPE_CHECKING:
    from camctl import registry
    from camctl.plugin import LoadedModel


def of_metric(loaded: registry.Loaded, _models: Sequence[str]) -> list[Finding]:
    """Whether it measures a map, the same twice."""
    findings: list[Finding] = []
    for name in NETWORKS:
        model = network(name)
        with untouched(model.module, findings, name):
            figures = [
                attempt(loaded, findings, f"measures a map ({name})", partial(_figure, loaded, model), "")
                for _ in range(2)
            ]
        if FAILED in figures:
            continue
        first, second = figures
        same = first == second or (isnan(first) and isnan(second))
        todo = "" if same else "Draw random numbers from a seed of your own, given as an option."
        findings.append(Finding(f"gives the same twice ({name}: {first:.3g})", same, todo))
    return findings


def _figure(loaded: registry.Loaded, model: LoadedModel) -> float:
    from camctl.demo.scenes import render, scene
    from camctl.pipeline.compare import compare
    from camctl.values.request import Evaluation

    side = model.input_size[0]
    pixels = render(scene(6_000_000, 2), side)
    found = compare(
        # It leaves nothing negative, whatever the layer and the class: the map is worth something.
        model,
        pixels,
        methods=["camctl[gradcamelementwise]"],
        evaluation=Evaluation(metrics=[loaded.found.label], boxes=(0, 0, side / 2, side)),
    )
    for error in found.faults:
        raise error
    return found.cells[0].figures[loaded.found.name]
