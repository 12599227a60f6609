"""What a figure says in words, and where: each thing once, as high up as it is true."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from camctl.render.figure.arrangement import Arrangement
    from camctl.values.comparison import AxisName, Cell, Comparison
    from camctl.values.explanation import Cam
    from camctl.values.look import Look

DOT = " \N{MIDDLE DOT} "

TOGETHER = "\N{NO-BREAK SPACE}"
"""Between a figure's name and the figure: no line ends there."""

NAMED_LAYERS = 3
"""As many fused layers are named; of more, how many and the ends."""

CLASSES: frozenset[AxisName] = frozenset({"image", "model", "class"})
"""What a class's probability depends on."""

Tone = Literal["strong", "soft", "warning"]


@dataclass(frozen=True)
class Saying:
    """A text and how it is said."""

    text: str
    tone: Tone = "soft"


@dataclass(frozen=True, kw_only=True)
class Told:
    """The words of a comparison as it is arranged."""

    comparison: Comparison
    arrangement: Arrangement
    look: Look

    # ------------------------------------------------------------------------------------- headings

    def heading(self, name: AxisName, at: Mapping[AxisName, int]) -> str:
        """What a value of an axis is called over its column or beside its row."""
        return self.comparison.axis(name).labels[at[name]] or name

    def more(self, name: AxisName, at: Mapping[AxisName, int]) -> list[str]:
        """What is true of everything under a heading: its layer and grid, or that it is a baseline."""
        if name == "method" and self.heading(name, at) in self.comparison.baselines:
            return ["baseline"]
        if name not in {"model", "layer"}:
            return []
        maps = [cell.cam for cell in self.comparison.cells if cell.cam and cell.at[name] == at[name]]
        if name == "model":
            return [] if "layer" in self.comparison.varying else _layer_and_grid(maps)
        return [] if "model" in self.comparison.varying else _grid(maps)

    def row_label(self, at: Mapping[AxisName, int], cells: Iterable[Cell]) -> list[Saying]:
        """What stands left of a row: the innermost value down, and the probability where the row shares it."""
        said = []
        if self.arrangement.rows:
            name = self.arrangement.rows[-1]
            said = [Saying(self.heading(name, at), "strong"), *map(Saying, self.more(name, at))]
        if self.score_stands == "row":
            maps = [cell.cam for cell in cells if cell.cam]
            if maps:
                known = self.class_known(maps[0], at)
                score = score_text(maps[0])
                said.append(Saying(f"probability {score}" if known else f"{class_text(maps[0])} {score}"))
        return [each for each in said if each.text]

    # ----------------------------------------------------------------------------------------- cells

    @cached_property
    def score_stands(self) -> Literal["caption", "row", "cell"]:
        """Where the class's probability is said: once for all maps, once a row, or under each map."""
        varying = CLASSES & set(self.comparison.varying)
        if not varying:
            return "caption"
        return "cell" if varying & set(self.arrangement.columns) else "row"

    def class_known(self, cam: Cam, at: Mapping[AxisName, int]) -> bool:
        """Whether headings, labels or the caption name a map's class already."""
        return self.comparison.axis("class").labels[at.get("class", 0)] == cam.target.title

    def under(self, cell: Cell) -> list[Saying]:
        """What stands under a map: class and probability, what it is worth, its figures."""
        cam = cell.cam
        if cam is None:
            return []
        said = []
        if self.score_stands == "cell":
            score = score_text(cam)
            said.append(Saying(score if self.class_known(cam, cell.at) else f"{class_text(cam)} {score}"))
        if cam.verdict != "ok":
            said.append(Saying(cam.verdict, "warning"))
        said.append(Saying(cam.reason))
        figures = [
            f"{name}{TOGETHER}{number(cell.figures[name])}" for name in self.look.metrics if name in cell.figures
        ]
        said.append(Saying(DOT.join(figures)))
        return [each for each in said if each.text]

    # --------------------------------------------------------------------------------------- caption

    def caption(self) -> list[str]:
        """Under the figure: what all maps share, and how to read what stands beside them."""
        return [text for text in (DOT.join(self._held()), DOT.join(self._legend())) if text]

    def _held(self) -> list[str]:
        """Axes with one value."""
        maps = self.comparison.maps
        varying = self.comparison.varying
        label = {axis.name: axis.labels[0] for axis in self.comparison.axes if len(axis) == 1}
        said = [label.get("model", "")]
        if "layer" in label and "model" not in varying:
            known = ", ".join(_layer_and_grid(maps))
            said.append(known or (f"layer {label['layer']}" if label["layer"] else ""))
        elif label.get("layer"):
            said.append(f"layer {label['layer']}")
        if self.score_stands == "caption" and maps:
            said.append(f"class {maps[0].target.title}, probability {score_text(maps[0])}")
        elif label.get("class"):
            # "top class" is no class's name.
            said.append(label["class"] if label["class"].startswith("top ") else f"class {label['class']}")
        said.append(label.get("method", ""))
        said.append(label.get("smoothing", ""))
        said.append(label.get("image", ""))
        return [each for each in said if each]

    def _legend(self) -> list[str]:
        said = []
        if self.score_stands == "cell" and self.comparison.maps:
            said.append("under each map: the class's probability")
        if any(cam.target.versus for cam in self.comparison.maps):
            said.append("A vs B: what tells A from B, and its probability if there were no other class")
        ranked = [one for one in self.comparison.metrics if one.name in self.look.metrics and one.better != "neither"]
        return said + [f"{one.name}: {one.better} is better" for one in ranked]

    def scale_label(self) -> str:
        """What 1 means on the colour bar."""
        if self.look.scale == "each":
            return "share of the map's own peak"
        apart = [name for name in ("model", "layer", "smoothing", "method") if name in self.comparison.varying]
        if not apart:
            return "share of the largest value in all maps"
        same = _listed(apart)
        return f"share of the largest value with the same {same}; units differ from {apart[-1]} to {apart[-1]}"

    def warning(self) -> str:
        """That weights are random, where they are."""
        random = {model for (_, model), run in self.comparison.explanations.items() if run.random_weights}
        labels = self.comparison.axis("model").labels
        if not random:
            return ""
        if len(random) == len(labels):
            return "Random weights: the maps mean nothing."
        return f"Random weights in {_listed([labels[model] for model in sorted(random)])}: those maps mean nothing."

    def texts(self) -> list[str]:
        """Everything that people or plugins named, to find fonts for."""
        said = [label for axis in self.comparison.axes for label in axis.labels]
        said += [text for cam in self.comparison.maps for text in (cam.target.title, cam.reason, *cam.layers)]
        return [*said, *(cell.reason for cell in self.comparison.cells), self.look.title]


def class_text(cam: Cam) -> str:
    """A map's class, by number where nobody knows its name."""
    target = cam.target
    return f"class {target.index}," if target.title == str(target.index) else target.title


def score_text(cam: Cam) -> str:
    """A class's probability in two figures."""
    score = cam.target.score
    return "<0.01" if 0 < score < 0.005 else f"{score:.2f}"  # noqa: PLR2004 (rounds to 0.00)


def number(figure: float) -> str:
    """A metric's figure, short."""
    return f"{figure:.2f}" if isfinite(figure) else "\N{EN DASH}"


def _layer_and_grid(maps: Iterable[Cam]) -> list[str]:
    maps = list(maps)
    if not maps or len({cam.layers for cam in maps}) > 1:
        return []
    return [layers_text(maps[0].layers), *_grid(maps)]


def layers_text(layers: tuple[str, ...]) -> str:
    """The target layers of a map."""
    if len(layers) > NAMED_LAYERS:
        return f"{len(layers)} layers, {layers[0]} to {layers[-1]}"
    return f"{'layers' if len(layers) > 1 else 'layer'} {', '.join(layers)}"


def _grid(maps: Iterable[Cam]) -> list[str]:
    grids = {cam.grid for cam in maps}
    return ["{} x {}".format(*grids.pop())] if len(grids) == 1 else []


def _listed(names: Sequence[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
