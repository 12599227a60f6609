"""The facts of a report: what was compared, by what, and what the models say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from camctl.render.report.words import TIMES, counted
from camctl.values.comparison import NAMES

if TYPE_CHECKING:
    from camctl.values.comparison import AxisName, Comparison, Place
    from camctl.values.explanation import Explanation

ASKED: tuple[AxisName, ...] = ("layer", "smoothing")
"""Axes that are facts only where something was asked for: their labels have no words otherwise."""


def default_title(comparison: Comparison) -> str:
    """`cat.png: 3 methods, 2 classes`."""
    pictures = comparison.pictures
    of = PurePath(pictures[0].path).name if len(pictures) == 1 else f"{len(pictures)} pictures"
    varied = [counted(comparison, name) for name in reversed(comparison.varying) if name != "image"]
    if varied:
        return f"{of}: {', '.join(varied)}"
    return f"{of}: {comparison.label('method', comparison.cells[0].at)}" if comparison.cells else of


def counts(comparison: Comparison) -> dict[str, Any]:
    """How many maps there are, along what, and how many are worth nothing or missing."""
    cams = comparison.maps
    return {
        "cells": len(comparison.cells),
        "by": f" {TIMES} ".join(counted(comparison, name) for name in reversed(comparison.varying)),
        "worthless": sum(cam.verdict != "ok" for cam in cams),
        "missing": len(comparison.cells) - len(cams),
    }


@dataclass(frozen=True, kw_only=True)
class Model:
    """What is true of a model in all its runs."""

    name: str
    failed: str
    random: bool
    checkpoint: str
    sha256: str
    layers: list[str]
    chosen_by: list[str]


def facts(comparison: Comparison) -> dict[str, Any]:
    """What was compared."""
    runs = list(comparison.explanations.items())
    several = len(comparison.axis("model")) > 1
    said: dict[str, list[str]] = {"repairs": [], "notes": []}
    versions: dict[str, str] = {}
    for (_, model), run in runs:
        prefix = f"{_model_name(comparison, model, run)}: " if several else ""
        for kind, lines in (("repairs", run.repairs), ("notes", run.notes)):
            said[kind] += [prefix + line for line in lines if prefix + line not in said[kind]]
        versions |= run.versions
    targets = {(cam.target.title, cam.target.index): None for cam in comparison.maps}
    asked = [(name, [label for label in comparison.axis(name).labels if label]) for name in ASKED]
    return {
        "models": [_model(comparison, place) for place in range(len(comparison.axis("model")))],
        "pictures": [(picture.path, *picture.size[::-1]) for picture in comparison.pictures],
        "classes": list(targets),
        "methods": [label for label in comparison.axis("method").labels if label],
        "asked": [(NAMES[name][len(labels) > 1].capitalize(), labels) for name, labels in asked if labels],
        "baselines": comparison.baselines,
        "versions": versions,
        "faults": [f"{fault} {fault.hint or ''}" for fault in comparison.faults],
        **said,
    }


def _model_name(comparison: Comparison, place: int, run: Explanation | None) -> str:
    return comparison.axis("model").labels[place] or (run.model if run else "")


def _model(comparison: Comparison, place: int) -> Model:
    runs = [run for (_, model), run in comparison.explanations.items() if model == place]
    cells = [cell for cell in comparison.cells if cell.at["model"] == place]
    cams = [cell.cam for cell in cells if cell.cam is not None]
    first = runs[0] if runs else None
    return Model(
        name=_model_name(comparison, place, first),
        failed=next((cell.reason for cell in cells if cell.cam is None), "It did not run.") if first is None else "",
        random=first is not None and first.random_weights,
        checkpoint=(first.checkpoint or "") if first else "",
        sha256=(first.checkpoint_sha256 or "") if first else "",
        layers=list(dict.fromkeys(", ".join(cam.layers) for cam in cams)),
        chosen_by=list(dict.fromkeys(cam.chosen_by for cam in cams)),
    )


def predictions(comparison: Comparison) -> list[dict[str, Any]]:
    """What each model takes each picture for; the classes that were asked for are marked."""
    found = []
    for (image, model), run in sorted(comparison.explanations.items()):
        asked = {cell.cam.target.index for cell in comparison.cells if cell.cam and _at(cell.at) == (image, model)}
        found.append(
            {
                "model": _model_name(comparison, model, run),
                "image": comparison.pictures[image].path,
                "random": run.random_weights,
                "predictions": [(target, target.index in asked) for target in run.predictions],
            }
        )
    return found


def _at(at: Place) -> tuple[int, int]:
    return at["image"], at["model"]
