"""Options of `camctl compare` alone, in groups."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from camctl.cli.parsing import completion
from camctl.cli.parsing.assignments import parse_assignments
from camctl.cli.parsing.boxes import parse_boxes, parse_masks
from camctl.cli.parsing.groups import flag
from camctl.cli.parsing.names import split_names
from camctl.cli.parsing.options import HOW, HeatmapOptions, ResultOptions, SaveRaw, Verify, check_range, output
from camctl.errors import UnknownNameError
from camctl.values.look import LARGEST_TILE, SMALLEST_TILE, Looks
from camctl.values.request import Evaluation

if TYPE_CHECKING:
    from camctl.values.comparison import AxisName

FIGURES = "Figures"

figures = partial(typer.Option, rich_help_panel=FIGURES, show_default=False)

AXIS_WORDS: "dict[str, AxisName]" = {
    "image": "image",
    "picture": "image",
    "model": "model",
    "layer": "layer",
    "target layer": "layer",
    "class": "class",
    "target": "class",
    "smooth": "smoothing",
    "smoothing": "smoothing",
    "method": "method",
}
"""What an axis may be called -> its name; each also in the plural."""

IN_FIGURE = ("adcc", "insertion", "deletion")
"""Metrics whose values stand under each map if all are measured: more would crowd it."""


@dataclass(frozen=True, kw_only=True)
class EvaluationOptions:
    """How maps are evaluated."""

    baselines: Annotated[
        bool,
        flag(
            "--baselines",
            help="Draw random, centre and edges as well: a method that does not beat them says nothing about the "
            "network.",
            rich_help_panel=HOW,
        ),
    ] = False
    verify: Verify = False
    metrics: Annotated[
        list[str] | None,
        figures(
            metavar="[NAME...]",
            help="Measure every map, and rank the methods: names as in camctl metrics; without a name, all but the "
            "slow ones.",
            autocompletion=completion.metrics,
        ),
    ] = None
    metric_options: Annotated[
        list[str] | None, figures(metavar="KEY=VALUE...", help="Options of the metrics; see camctl metrics NAME.")
    ] = None
    box: Annotated[
        list[str] | None,
        figures(
            metavar="[CLASS=]X0,Y0,X1,Y1...",
            help="Where the object is, in pixels of the picture: for pointing game, energy and IoU. One box for all "
            "classes, or one per class.",
        ),
    ] = None
    sanity: Annotated[
        bool,
        flag(
            "--sanity",
            help="Draw every map again on a copy of the model whose weights are random from the head down: a map that "
            "stays the same does not depend on the class. Give three pictures or more.",
            rich_help_panel=FIGURES,
        ),
    ] = False
    mask: Annotated[
        list[str] | None,
        figures(
            metavar="[CLASS=]FILE...",
            help="Where the object is, as a grey picture of the picture's size that is black outside the object.",
        ),
    ] = None
    baseline: Annotated[
        str | None,
        figures(
            metavar="FILE.npz",
            help="Raw maps of an earlier run (--save-raw). Prints each map's rank correlation with the earlier one, "
            "and exits with 5 if one is below --min-correlation or has no earlier map.",
        ),
    ] = None
    min_correlation: Annotated[
        float, figures(metavar="-1..1", help="Minimum rank correlation with the --baseline.", show_default=True)
    ] = 0.9
    timing: Annotated[bool, flag("--timing", help="Print the time of each step.", rich_help_panel=FIGURES)] = False

    def __post_init__(self) -> None:
        """Raise `InputError` for a correlation that is none."""
        check_range("--min-correlation", self.min_correlation, -1, 1)

    def evaluation(self, pictures: int) -> Evaluation:
        """Return the evaluation of that many pictures. Raises `InputError`."""
        return Evaluation(
            metrics=split_names(self.metrics, option="--metrics"),
            options=parse_assignments(self.metric_options or [], option="--metric-options"),
            boxes=parse_boxes(self.box or [], pictures),
            masks=parse_masks(self.mask or [], pictures),
            verify=self.verify or None,
            sanity=self.sanity,
            baselines=self.baselines,
        )


@dataclass(frozen=True, kw_only=True)
class FigureOptions(HeatmapOptions):
    """How the figure is drawn."""

    rows: Annotated[
        list[str] | None,
        output(
            metavar="AXIS...",
            help="What varies down the rows: image, model, layer, class, smoothing, method; outermost first.",
            show_default=False,
        ),
    ] = None
    columns: Annotated[
        list[str] | None,
        output(metavar="AXIS...", help="What varies across the columns; methods by default.", show_default=False),
    ] = None
    scale: Annotated[
        Literal["each", "shared"],
        output(help="Stretch each map over all colours, or share one scale over the classes and pictures of a method."),
    ] = "each"
    theme: Annotated[
        Literal["light", "dark"], output(help="Colour theme of the figure. (The HTML report can switch.)")
    ] = "light"
    tile: Annotated[
        int, output(metavar="PIXELS", min=SMALLEST_TILE, max=LARGEST_TILE, help="Side of a map in the figure.")
    ] = 224
    canvas: Annotated[
        Literal["view", "original"] | None,
        output(
            help="Draw on what the model saw, or on the whole picture with the unseen margin dimmed.",
            show_default="original if the models see different parts",
        ),
    ] = None

    def look(self, metrics: Iterable[str]) -> Looks:
        """Return how the figure looks, with the metrics whose values stand under each map. Raises `InputError`."""
        return Looks(
            columns=axes_of("--columns", self.columns),
            rows=axes_of("--rows", self.rows),
            scale=self.scale,
            theme=self.theme,
            tile=self.tile,
            canvas=self.canvas,
            colormap=self.colormap,
            opacity=self.opacity,
            metrics=tuple(metrics),
        )


@dataclass(frozen=True, kw_only=True)
class ComparisonOutput:
    """What a comparison is saved as, and how it is shown."""

    save_path: Annotated[
        list[str] | None,
        output(
            metavar="FILE...",
            help="A figure (png, jpg, webp, svg, pdf), a report (html), a manifest (json); several at once. "
            "Without it the figure is shown in the terminal.",
            show_default=False,
        ),
    ] = None
    save_raw: SaveRaw = None
    figure: FigureOptions
    results: ResultOptions


def axes_of(option: str, texts: Sequence[str] | None) -> "tuple[AxisName, ...]":
    """Return axes, each in one of its many spellings. Raises `UnknownNameError`."""
    axes = []
    for text in texts or []:
        for word in text.split(","):
            name = word.strip().casefold()
            singular = {"classes": "class", "class": "class"}.get(name) or name.removesuffix("s")
            if singular not in AXIS_WORDS:
                known = list(dict.fromkeys(AXIS_WORDS.values()))
                raise UnknownNameError("axis", name, known, hint=f"{option} takes: {', '.join(known)}.")
            axes.append(AXIS_WORDS[singular])
    return tuple(axes)
