"""The words of a comparison as it is arranged: each is said once, as high up as it is true."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import TYPE_CHECKING, Literal

from camctl.values.target import CONTRAST, listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from camctl.render.layout.arrangement import Arrangement
    from camctl.values.axis import AxisName
    from camctl.values.cam import Cam
    from camctl.values.comparison import Cell, Comparison
    from camctl.values.look import Look, Scale

DOT = " \N{MIDDLE DOT} "

TOGETHER = "\N{NO-BREAK SPACE}"
"""Joins a metric's name to its value: no line ends there."""

NAMED_LAYERS = 3
"""Most fused layers that are listed by name."""

SCORED_BY: frozenset[AxisName] = frozenset({"image", "model", "class"})
"""Axes that the probability of a class depends on."""

Tone = Literal["strong", "soft", "warning"]
Level = Literal["caption", "row", "cell", "none"]


@dataclass(frozen=True)
class Line:
    """A line of a caption and its tone."""

    text: str
    tone: Tone = "soft"


@dataclass(frozen=True)
class Label:
    """A value of an axis, as headings name it."""

    axis: AxisName
    text: str
    """Empty if the value has no words."""
    notes: tuple[str, ...]
    """What is true of all maps under it: layer and grid, or that it is a baseline."""

    @property
    def lines(self) -> tuple[Line, ...]:
        """The label, and its notes below."""
        return Line(self.text or self.axis, "strong"), *map(Line, self.notes)


@dataclass(frozen=True)
class Captions:
    """Words for the parts of a layout."""

    comparison: Comparison
    arrangement: Arrangement
    look: Look

    @cached_property
    def score_level(self) -> Level:
        """Where the probability of the class stands: once for all maps, once per row, under each map, or nowhere."""
        if self.look.no_scores:
            return "none"
        varying = SCORED_BY & set(self.comparison.varying)
        if not varying:
            return "caption"
        return "cell" if varying & set(self.arrangement.columns) else "row"

    def label(self, name: AxisName, at: Mapping[AxisName, int]) -> Label:
        """The label of the axis `name` at a position."""
        return Label(name, self.comparison.axis(name).labels[at[name]], tuple(self._notes(name, at)))

    def _notes(self, name: AxisName, at: Mapping[AxisName, int]) -> list[str]:
        if name == "method" and self.comparison.axis(name).labels[at[name]] in self.comparison.baselines:
            return ["baseline"]
        if name not in {"model", "layer"}:
            return []
        maps = [cell.cam for cell in self.comparison.cells if cell.cam and cell.at[name] == at[name]]
        if name == "model":
            return [] if "layer" in self.comparison.varying else _layer_and_grid(maps)
        return [] if "model" in self.comparison.varying else _grid(maps)

    def row(self, at: Mapping[AxisName, int], cells: Iterable[Cell]) -> tuple[Line, ...]:
        """The label of a row: its innermost value, and the probability if its maps share it."""
        lines: list[Line] = []
        if self.arrangement.rows:
            lines += self.label(self.arrangement.rows[-1], at).lines
        cam = next((cell.cam for cell in cells if cell.cam), None)
        if self.score_level == "row" and cam is not None:
            word = cam.target.measure if self._names_class(cam, at) else class_text(cam)
            lines.append(Line(f"{word} {score_text(cam)}"))
        return tuple(lines)

    def cell(self, cell: Cell) -> tuple[Line, ...]:
        """The caption of a map: class and probability, verdict, metrics; empty if there is no map."""
        cam = cell.cam
        if cam is None:
            return ()
        lines = []
        if self.score_level == "cell":
            score = score_text(cam)
            lines.append(Line(score if self._names_class(cam, cell.at) else f"{class_text(cam)} {score}"))
        if cam.verdict != "ok":
            lines.append(Line(cam.verdict, "warning"))
        names = [name for name in self.look.metrics if name in cell.figures]
        # In print, where a tile is a few words wide, the verdict stands alone.
        reason = "" if self.look.inches and cam.verdict != "ok" else cam.reason
        figures = [f"{name}{TOGETHER}{number(cell.figures[name])}" for name in names]
        lines += [Line(reason), *map(Line, figures if self.look.inches else [DOT.join(figures)])]
        return tuple(line for line in lines if line.text)

    def _names_class(self, cam: Cam, at: Mapping[AxisName, int]) -> bool:
        """Whether a heading, a row's label or the caption names the class of a map."""
        return self.comparison.axis("class").labels[at.get("class", 0)] == cam.target.title

    def foot(self) -> tuple[str, ...]:
        """The caption of the whole: what all maps share, and how to read the words next to them."""
        return tuple(text for text in (DOT.join(filter(None, self._shared())), DOT.join(self._legend())) if text)

    def _shared(self) -> list[str]:
        """Labels of the axes with one value."""
        maps = self.comparison.maps
        label = {axis.name: axis.labels[0] for axis in self.comparison.axes if len(axis) == 1}
        layer = f"layer {label['layer']}" if label.get("layer") else ""
        if "layer" in label and "model" in label:
            layer = ", ".join(_layer_and_grid(maps)) or layer
        target = label.get("class", "")
        if self.score_level == "caption" and maps:
            own = maps[0].target
            target = f"{'' if own.plain else 'class '}{own.title}, {own.measure} {score_text(maps[0])}"
        elif target and not target.startswith("top "):  # "top 1" is not the name of a class
            target = target if maps and maps[0].target.plain else f"class {target}"
        last = (label.get("method", ""), label.get("smoothing", ""), label.get("image", ""))
        return [label.get("model", ""), layer, target, *last]

    def _legend(self) -> list[str]:
        lines = []
        if self.score_level == "cell" and self.comparison.maps:
            measures = dict.fromkeys(cam.target.measure for cam in self.comparison.maps)
            lines.append(f"under each map: the class's {' or '.join(measures)}")
        if any(cam.target.versus for cam in self.comparison.maps):
            lines.append(CONTRAST)
        lines += [self.look.cut.words] if self.look.cut else []
        metrics = [metric for metric in self.comparison.metrics if metric.name in self.look.metrics]
        ranked = [metric for metric in metrics if metric.better != "neither"]
        return lines + [f"{metric.name}: {metric.better} is better" for metric in ranked]


def scale_text(comparison: Comparison, scale: Scale, *, signed: bool = False) -> str:
    """What 1 means on the colour bar, and -1 of signed maps."""
    if signed:
        largest = "map's largest" if scale == "each" else scale_text(comparison, scale).removeprefix("share of the ")
        return f"evidence against the class and for it; 1 is the {largest}"
    if scale == "each":
        return "share of the map's own peak"
    units = [name for name in ("model", "layer", "smoothing", "method") if name in comparison.varying]
    if not units:
        return "share of the largest value in all maps"
    return f"share of the largest value with the same {listed(units)}; units differ from {units[-1]} to {units[-1]}"


def contour_text(look: Look) -> str:
    """What the lines on the maps mean; empty without lines."""
    if not look.contours:
        return ""
    sign = "\N{PLUS-MINUS SIGN}" if look.signed else ""
    return f"; lines at {sign}{listed([f'{level:g}' for level in look.contours])}"


def weights_warning(comparison: Comparison) -> str:
    """A warning if models have random weights, else empty."""
    random = {model for (_, model), run in comparison.explanations.items() if run.random_weights}
    labels = comparison.axis("model").labels
    if not random:
        return ""
    if len(random) == len(labels):
        return "Random weights: the maps mean nothing."
    return f"Random weights in {listed([labels[model] for model in sorted(random)])}: those maps mean nothing."


def all_texts(comparison: Comparison, title: str) -> list[str]:
    """All words that users or plugins named, to find fonts for."""
    texts = [label for axis in comparison.axes for label in axis.labels]
    texts += [text for cam in comparison.maps for text in (cam.target.title, cam.reason, *cam.layers)]
    return [*texts, *(cell.reason for cell in comparison.cells), title]


def class_text(cam: Cam) -> str:
    """The class of a map, by number if it has no name."""
    target = cam.target
    return f"class {target.index}," if target.title == str(target.index) else target.title


def score_text(cam: Cam) -> str:
    """The probability of a map's class, with two decimals; a value in its own unit."""
    score = cam.target.score
    if cam.target.direction and isfinite(score):
        return f"{score:.4g}"
    return "<0.01" if 0 < score < 0.005 else f"{score:.2f}"  # noqa: PLR2004 (rounds to 0.00)


def number(value: float) -> str:
    """A metric's value, with two decimals."""
    return f"{value:.2f}" if isfinite(value) else "\N{EN DASH}"


def _layer_and_grid(maps: Sequence[Cam]) -> list[str]:
    if len({cam.layers for cam in maps}) != 1:
        return []
    layers = maps[0].layers
    if len(layers) > NAMED_LAYERS:
        return [f"{len(layers)} layers, {layers[0]} to {layers[-1]}", *_grid(maps)]
    return [f"{'layers' if len(layers) > 1 else 'layer'} {', '.join(layers)}", *_grid(maps)]


def _grid(maps: Iterable[Cam]) -> list[str]:
    grids = {cam.grid for cam in maps}
    return ["{} x {}".format(*grids.pop())] if len(grids) == 1 else []
