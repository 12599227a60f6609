"""The words of a report: numbers, names, and the facts that its template cannot tell from the comparison alone."""

from __future__ import annotations

import re
from math import isclose, isfinite
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from camctl.ranking.words import DASH, correlation_text, interval_text, percent, too_few
from camctl.values.axis import NAMES
from camctl.values.target import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from markupsafe import Markup
    from numpy.typing import NDArray

    from camctl.ranking.standings import Standing
    from camctl.values.axis import AxisName
    from camctl.values.cam import Cam
    from camctl.values.comparison import Cell, Comparison, Measure
    from camctl.values.target import Target

NO_MAP = "no map"
"""Stands for the verdict of a map that could not be drawn."""

LONG_NAME = 10
"""A name of more letters may be broken between its words."""

WORD_ENDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[._/:@-])(?=\w)")


def title_of(comparison: Comparison) -> str:
    """`cat.png: 3 methods, 2 classes`."""
    pictures = comparison.pictures
    name = PurePath(pictures[0].path).name if len(pictures) == 1 else f"{len(pictures)} pictures"
    axes = [_counted(comparison, axis) for axis in reversed(comparison.varying) if axis != "image"]
    return f"{name}: {', '.join(axes) or comparison.axis('method').labels[0]}"


def dimensions(comparison: Comparison) -> str:
    """`3 methods x 2 classes`; empty for one map."""
    return " \N{MULTIPLICATION SIGN} ".join(_counted(comparison, name) for name in reversed(comparison.varying))


def _counted(comparison: Comparison, name: AxisName) -> str:
    count = len(comparison.axis(name))
    return f"{count} {NAMES[name][count > 1]}"


def model_names(comparison: Comparison) -> list[str]:
    """The label of each model, or the name that its run gave it."""
    runs = {model: run.model for (_, model), run in comparison.explanations.items()}
    return [label or runs.get(index, "") for index, label in enumerate(comparison.axis("model").labels)]


def remarks(comparison: Comparison) -> dict[str, list[str]]:
    """What failed, the repairs and the notes of all runs, each once; with several models, which one it is about."""
    names = model_names(comparison)
    lines: dict[str, list[str]] = {"What failed": [f"{fault} {fault.hint or ''}" for fault in comparison.faults]}
    for (_, model), run in comparison.explanations.items():
        prefix = f"{names[model]}: " if "model" in comparison.varying else ""
        for kind, own in (("Repairs", run.repairs), ("Notes", run.notes)):
            lines[kind] = list(dict.fromkeys([*lines.get(kind, ()), *(prefix + line for line in own)]))
    return lines


def best_methods(group: Iterable[Sequence[Standing]], metrics: Sequence[Measure]) -> str:
    """The methods of the best mean rank with each model, and whether that is by more than chance."""
    firsts = [rows for rows in group if rows[0].ranks]
    models: dict[str, list[str]] = {}
    for rows in firsts:
        rivals = sum(not row.baseline for row in rows)
        level = [row.label for row in rows if isclose(row.mean_rank, rows[0].mean_rank)]
        models.setdefault(f"{listed(level)} (mean rank {rows[0].mean_rank:.1f} of {rivals})", []).append(rows[0].model)
    texts = [name + (f" with {listed(own)}" if own[0] else "") for name, own in models.items()]
    chance = any(too_few(rows, metrics) for rows in firsts)
    return "; ".join(texts) + (", not by more than chance." if chance else ".") if texts else ""


def map_name(comparison: Comparison, cell: Cell) -> str:
    """`GradCAM, class cat, demo:resnet`, and the labels of less usual axes that vary."""
    label = {axis.name: axis.labels[cell.at[axis.name]] for axis in comparison.axes}
    cam, target = cell.cam, label["class"]
    method, model = (label["method"], label["model"])
    if cam:
        target, method, model = cam.target.title, method or cam.method, model or cam.model
    more = [name for name in reversed(comparison.varying) if name in {"layer", "smoothing", "image"}]
    usual = (method, target and f"class {target}", model)
    return ", ".join((*filter(None, usual), *(f"{NAMES[name][0]} {label[name]}" for name in more)))


def map_facts(comparison: Comparison, cell: Cell) -> dict[str, str]:
    """What is said of a map besides its figures: name -> text, which may be empty; the names are fixed."""
    cam = cell.cam
    return {
        "class": cam.target.title if cam else "",
        "score": score(cam.target) if cam else "",
        "verdict": cam.verdict if cam else NO_MAP,
        "reason": cam.reason if cam else cell.reason,
        "what to try": cam.hint if cam else cell.hint,
        "method": comparison.label("method", cell.at),
        "model": cam.model if cam else comparison.label("model", cell.at),
        "picture": comparison.pictures[cell.at["image"]].path,
        "target layers": _layers(cam) if cam else comparison.label("layer", cell.at),
        "chosen by": cam.chosen_by if cam else "",
        "grid": "{} \N{MULTIPLICATION SIGN} {}".format(*cam.grid) if cam else "",
        "smoothing": comparison.label("smoothing", cell.at),
        "raw values": raw_range(cam) if cam else "",
    }


def _layers(cam: Cam) -> str:
    """The layers of a map; one of several that a results folder holds is drawn from their signed mean."""
    names = ", ".join(cam.layers)
    return names if len(cam.raw_by_layer) == len(cam.layers) else f"{names} (the signed mean of their maps)"


def verdicts(comparison: Comparison) -> list[str]:
    """The verdicts of a comparison, each once."""
    return list(dict.fromkeys(cell.cam.verdict if cell.cam else NO_MAP for cell in comparison.cells))


def size_text(count: int) -> str:
    """The size of a file: `145 kB`, `2.2 MB`."""
    thousand = 1000
    return f"{count / thousand:.0f} kB" if count < thousand**2 else f"{count / thousand**2:.1f} MB"


def map_words(name: str, cam: Cam) -> str:
    """A map in words."""
    content = cam.reason or "no map" if cam.blank else f"peak {peak(cam.values)[2]}"
    return f"{name}, score {score(cam.target)}, verdict {cam.verdict}, {content}"


def peak(values: NDArray[Any]) -> tuple[float, float, str]:
    """Position (x, y) of a map's peak as shares of its width and height, and in words: upper left, centre, ..."""
    height, width = values.shape
    row, column = divmod(int(np.argmax(values)), width)
    x, y = (column + 0.5) / width, (row + 0.5) / height
    vertical, horizontal = ("upper", "centre", "lower")[int(3 * y)], ("left", "centre", "right")[int(3 * x)]
    return round(x, 4), round(y, 4), "centre" if vertical == horizontal else f"{vertical} {horizontal}"


def score(target: Target) -> str:
    """The score of a target: 98.3%, or a value in its own unit."""
    return figure(target.score) if target.direction or target.plain else percent(target.score)


def figure(value: float | None) -> str:
    """A metric's value, or a dash."""
    huge = 1e4
    return DASH if value is None or not isfinite(value) else f"{value:.3f}" if abs(value) < huge else f"{value:.4g}"


def minus(text: str) -> str:
    """A text with real minus signs."""
    return text.replace("-", "\N{MINUS SIGN}")


def depth(value: float) -> int:
    """Depth of a correlation's colour, -10..10."""
    return round(10 * value) if isfinite(value) else 0


def raw_range(cam: Cam) -> str:
    """Smallest and largest raw value of a map; empty if one is not finite."""
    low, high = float(cam.raw.min()), float(cam.raw.max())
    return f"{low:.3g} to {high:.3g}" if isfinite(low) and isfinite(high) else ""


def breakable(name: str) -> Markup:
    """A name, escaped, that may be broken after each of its words."""
    from markupsafe import Markup

    return Markup("<wbr>").join(WORD_ENDS.split(name) if len(name) > LONG_NAME else [name])


FILTERS = (score, figure, minus, correlation_text, depth, interval_text, raw_range, breakable, map_words)
"""What the template can write after a `|`."""
