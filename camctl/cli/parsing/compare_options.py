"""Arguments and options of `camctl compare` alone, each with its words in `--help`."""

from typing import Annotated, Literal

import typer

from camctl.cli.parsing import completion, options
from camctl.values.look import LARGEST_TILE, SMALLEST_TILE

Image = Annotated[
    str, typer.Argument(metavar="IMAGE", help="The picture; also a folder or a quoted pattern.", show_default=False)
]
OptionalModel = Annotated[
    str | None,
    typer.Argument(
        metavar="MODEL",
        help="As for camctl run; may be left out where --model names one or several.",
        autocompletion=completion.models,
        show_default=False,
    ),
]
Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        metavar="MODEL[@CHECKPOINT]...",
        help="More models, of any source, each with its checkpoint behind an @ where it needs one.",
        autocompletion=completion.models,
        show_default=False,
        rich_help_panel=options.WHAT,
    ),
]
Images = Annotated[
    list[str] | None,
    typer.Option(
        "--image",
        metavar="FILE...",
        help="More pictures, folders or patterns.",
        show_default=False,
        rich_help_panel=options.WHAT,
    ),
]
TargetLayers = Annotated[
    list[str] | None,
    typer.Option(
        metavar="LAYER...",
        help="Each layer is a map of its own: names, patterns, auto:4 for four usable ones from shallow to deep, "
        "best for the one that measures best. A+B fuses two into one.",
        show_default="what the head reads",
        rich_help_panel=options.WHAT,
    ),
]
Methods = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME...",
        help="Names as in camctl methods, or seed (mmpretrain's six), fast (no further passes), all.",
        show_default="seed",
        autocompletion=completion.method_sets,
        rich_help_panel=options.HOW,
    ),
]
Smooth = Annotated[
    list[str] | None,
    typer.Option(
        metavar="HOW...",
        help="none, eigen (principal component), aug (six views), both; several lie side by side.",
        show_default="none",
        rich_help_panel=options.HOW,
    ),
]
Baselines = Annotated[
    bool,
    typer.Option(
        "--baselines",
        help="Draw random, centre and edges as well: a method that does not beat them says nothing of the network.",
        rich_help_panel=options.HOW,
    ),
]

FIGURES = "Figures"
METRICS = "--metrics"
LEAST_CORRELATION = 0.9

Metrics = Annotated[
    list[str] | None,
    typer.Option(
        METRICS,
        metavar="[NAME...]",
        help="Measure every map, and rank the methods: names as in camctl metrics; alone, all but the slow.",
        autocompletion=completion.metrics,
        show_default=False,
        rich_help_panel=FIGURES,
    ),
]
MetricOptions = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=VALUE...",
        help="Options of the metrics; see camctl metrics NAME.",
        show_default=False,
        rich_help_panel=FIGURES,
    ),
]
Sanity = Annotated[
    bool,
    typer.Option(
        "--sanity",
        help="Draw every map again on a copy of the model whose weights are random from the head down: a map that "
        "stays does not see the class. Give three pictures or more.",
        rich_help_panel=FIGURES,
    ),
]
Boxes = Annotated[
    list[str] | None,
    typer.Option(
        "--box",
        metavar="[CLASS=]X0,Y0,X1,Y1...",
        help="Where the object is, in pixels of the picture: for pointing game, energy and IoU. One for all classes, "
        "or one a class.",
        show_default=False,
        rich_help_panel=FIGURES,
    ),
]
Masks = Annotated[
    list[str] | None,
    typer.Option(
        "--mask",
        metavar="[CLASS=]FILE...",
        help="The same as a grey picture of the picture's size, black where the object is not.",
        show_default=False,
        rich_help_panel=FIGURES,
    ),
]
Baseline = Annotated[
    str | None,
    typer.Option(
        metavar="FILE.npz",
        help="Maps of before, from --save-raw: print each map's rank correlation with its predecessor, and exit "
        "with 5 when one is under --min-correlation, or has none.",
        show_default=False,
        rich_help_panel=FIGURES,
    ),
]
MinCorrelation = Annotated[
    float,
    typer.Option(
        metavar="-1..1", min=-1.0, max=1.0, help="Least rank correlation with the --baseline.", rich_help_panel=FIGURES
    ),
]
Timing = Annotated[bool, typer.Option("--timing", help="Say what took how long.", rich_help_panel=FIGURES)]

SavePath = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE...",
        help="A figure (png, jpg, webp, svg, pdf), a report (html), a manifest (json); several at once. "
        "Without it the grid is shown in the terminal.",
        show_default=False,
        rich_help_panel=options.OUTPUT,
    ),
]
Rows = Annotated[
    list[str] | None,
    typer.Option(
        metavar="AXIS...",
        help="What runs down: image, model, layer, class, smoothing, method; outermost first.",
        show_default=False,
        rich_help_panel=options.OUTPUT,
    ),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        metavar="AXIS...",
        help="What runs across; methods by default.",
        show_default=False,
        rich_help_panel=options.OUTPUT,
    ),
]
Scale = Annotated[
    Literal["each", "shared"],
    typer.Option(
        help="Stretch each map over all colours, or share one scale over the classes and pictures of a method.",
        rich_help_panel=options.OUTPUT,
    ),
]
Theme = Annotated[
    Literal["light", "dark"], typer.Option(help="Of the figure; the report has both.", rich_help_panel=options.OUTPUT)
]
Tile = Annotated[
    int,
    typer.Option(
        metavar="PIXELS",
        min=SMALLEST_TILE,
        max=LARGEST_TILE,
        help="Side of a map in the figure.",
        rich_help_panel=options.OUTPUT,
    ),
]
Canvas = Annotated[
    Literal["view", "original"] | None,
    typer.Option(
        help="Draw on what the model saw, or on the whole picture with the unseen margin dimmed.",
        show_default="original where models see different parts",
        rich_help_panel=options.OUTPUT,
    ),
]
