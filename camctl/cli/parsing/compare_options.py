"""Options of `camctl compare` alone, in groups."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from camctl.cli.parsing import completion
from camctl.cli.parsing.assignments import parse_assignments
from camctl.cli.parsing.boxes import parse_boxes, parse_masks
from camctl.cli.parsing.groups import argument, option, switch
from camctl.cli.parsing.names import split_names
from camctl.cli.parsing.options import (
    HOW,
    OUTPUT,
    SAVE_RAW,
    WHAT,
    HeatmapOptions,
    MapOptions,
    MethodOptions,
    ResultOptions,
    check_range,
)
from camctl.cli.parsing.pictures import pictures_in
from camctl.errors import UnknownNameError
from camctl.values.axis import AXES
from camctl.values.look import LARGEST_TILE, SMALLEST_TILE, Looks
from camctl.values.request import Evaluation

if TYPE_CHECKING:
    from camctl.values.axis import AxisName
    from camctl.values.cam import Smoothing

SMOOTHINGS: "tuple[Smoothing, ...]" = ("none", "eigen", "aug", "both")

SYNONYMS: "dict[str, AxisName]" = {
    "classes": "class", "picture": "image", "target layer": "layer", "target": "class", "smooth": "smoothing",
}  # fmt: skip
"""What else an axis may be called; each also in the plural."""

IN_FIGURE = ("adcc", "insertion", "deletion")
"""Metrics whose values stand under each map if all are measured: more would crowd it."""


@dataclass(frozen=True, kw_only=True)
class SubjectOptions:
    """Pictures and layers that are compared.

    target_layers: Layers, each with a map of its own: names, patterns, auto:4 for four usable ones from shallow to
        deep, best for the one that measures best. A+B fuses two into one.
    """

    panel: ClassVar = WHAT

    picture: str = argument("IMAGE", help="The picture; also a folder or a quoted pattern.")
    target_layers: list[str] | None = option("LAYER...", shown="what the head reads")
    image: list[str] | None = option("FILE...", help="More pictures, folders or patterns.")

    def pictures(self) -> tuple[str, ...]:
        """Return the paths of the pictures. Raises `InputError`."""
        return pictures_in([self.picture, *(self.image or [])])


@dataclass(frozen=True, kw_only=True)
class ComparedMethods(MethodOptions):
    """Methods and smoothings that are compared.

    method: Names as in camctl methods, or seed (mmpretrain's six), fast (no further passes), all.
    smooth: none, eigen (principal component), aug (six views), both; several are drawn side by side.
    """

    default: ClassVar = ("seed",)

    method: list[str] | None = option("NAME...", shown="seed", autocompletion=completion.method_sets)
    smooth: list[str] | None = option("HOW...", shown="none")
    maps: MapOptions

    def smoothings(self) -> "tuple[Smoothing, ...]":
        """Return smoothings by name, once each. Raises `UnknownNameError`."""
        texts = self.smooth or ["none"]
        names = [name.strip().casefold() for text in texts for name in text.split(",") if name.strip()]
        for name in names:
            if name not in SMOOTHINGS:
                raise UnknownNameError("smoothing", name, SMOOTHINGS, hint=f"Choose from: {', '.join(SMOOTHINGS)}.")
        return tuple(smoothing for name in dict.fromkeys(names) for smoothing in SMOOTHINGS if smoothing == name)


@dataclass(frozen=True, kw_only=True)
class EvaluationOptions:
    """How maps are evaluated.

    baselines: Draw random, centre and edges as well: a method that does not beat them says nothing about the network.
    metrics: Measure every map, and rank the methods: names as in camctl metrics; without a name, all but the slow ones.
    box: Where the object is, in pixels of the picture: for pointing game, energy and IoU. One box for all classes, or
        one per class.
    sanity: Draw every map again on a copy of the model whose weights are random from the head down: a map that stays
        the same does not depend on the class. Give three pictures or more.
    mask: Where the object is, as a grey picture of the picture's size that is black outside the object.
    baseline: Raw maps of an earlier run (--save-raw). Prints each map's rank correlation with the earlier one, and
        exits with 5 if one is below --min-correlation or has no earlier map.
    """

    panel: ClassVar = "Figures"

    baselines: bool = switch(rich_help_panel=HOW)
    metrics: list[str] | None = option("[NAME...]", autocompletion=completion.metrics)
    metric_options: list[str] | None = option("KEY=VALUE...", help="Options of the metrics; see camctl metrics NAME.")
    box: list[str] | None = option("[CLASS=]X0,Y0,X1,Y1...")
    sanity: bool = switch()
    mask: list[str] | None = option("[CLASS=]FILE...")
    baseline: str | None = option("FILE.npz")
    min_correlation: float = option("-1..1", 0.9, help="Minimum rank correlation with the --baseline.")
    timing: bool = switch(help="Print the time of each step.")

    def __post_init__(self) -> None:
        """Raise `InputError` for a correlation that is none."""
        check_range("--min-correlation", self.min_correlation, -1, 1)

    def evaluation(self, pictures: int, *, verify: bool) -> Evaluation:
        """Return the evaluation of that many pictures. Raises `InputError`."""
        return Evaluation(
            metrics=split_names(self.metrics, option="--metrics"),
            options=parse_assignments(self.metric_options or [], option="--metric-options"),
            boxes=parse_boxes(self.box or [], pictures),
            masks=parse_masks(self.mask or [], pictures),
            verify=verify or None,
            sanity=self.sanity,
            baselines=self.baselines,
        )


@dataclass(frozen=True, kw_only=True)
class FigureOptions(HeatmapOptions):
    """How the figure is drawn.

    rows: What varies down the rows: image, model, layer, class, smoothing, method; outermost first.
    scale: Stretch each map over all colours, or share one scale over the classes and pictures of a method.
    theme: Colour theme of the figure. (The HTML report can switch.)
    canvas: Draw on what the model saw, or on the whole picture with the unseen margin dimmed.
    """

    rows: list[str] | None = option("AXIS...")
    columns: list[str] | None = option("AXIS...", help="What varies across the columns; methods by default.")
    scale: Literal["each", "shared"] = option(None, "each")
    theme: Literal["light", "dark"] = option(None, "light")
    tile: int = option("PIXELS", 224, help="Side of a map in the figure.", min=SMALLEST_TILE, max=LARGEST_TILE)
    canvas: Literal["view", "original"] | None = option(None, shown="original if the models see different parts")

    def look(self, evaluation: Evaluation) -> Looks:
        """Return how the figure looks. Raises `InputError` for axes and metrics."""
        from camctl.pipeline.method_selection import pick_metrics
        from camctl.render.layout.arrangement import check_axes

        rows, columns = axes_of("--rows", self.rows), axes_of("--columns", self.columns)
        check_axes(columns, rows)
        region = bool(evaluation.boxes or evaluation.masks)
        metrics = pick_metrics(evaluation.metrics, evaluation.options, region=region)
        names = IN_FIGURE if evaluation.metrics == ("all",) else tuple(metric.found.name for metric in metrics)
        return Looks(
            columns=columns,
            rows=rows,
            scale=self.scale,
            theme=self.theme,
            tile=self.tile,
            canvas=self.canvas,
            colormap=self.colormap,
            opacity=self.opacity,
            metrics=names,
        )


@dataclass(frozen=True, kw_only=True)
class ComparisonOutput:
    """What a comparison is saved as, and how it is shown.

    save_path: A figure (png, jpg, webp, svg, pdf), a report (html), a manifest (json); several at once. Without it the
        figure is shown in the terminal.
    """

    panel: ClassVar = OUTPUT

    save_path: list[str] | None = option("FILE...")
    save_raw: str | None = option("FILE.npz", help=SAVE_RAW)
    figure: FigureOptions
    results: ResultOptions


def axes_of(flag: str, texts: Sequence[str] | None) -> "tuple[AxisName, ...]":
    """Return axes, each in one of its many spellings. Raises `UnknownNameError`."""
    names: dict[str, AxisName] = {axis: axis for axis in AXES} | SYNONYMS
    names |= {f"{name}s": axis for name, axis in names.items()}
    axes = []
    for word in ",".join(texts or []).split(",") if texts else ():
        name = word.strip().casefold()
        if name not in names:
            raise UnknownNameError("axis", name, AXES, hint=f"{flag} takes: {', '.join(AXES)}.")
        axes.append(names[name])
    return tuple(axes)
