"""Arguments and options that commands share, each with its words in `--help`."""

from typing import Annotated, Literal

import typer

from camctl.cli.parsing import completion
from camctl.values.look import COLORMAPS

WHAT = "What to explain"
HOW = "How the map is made"
MODEL = "Model"
OUTPUT = "What comes out"

Aggregate = Literal["mean", "max", "product"]
Canvas = Literal["view", "original"]

ModelArgument = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A config file or model name of mmpretrain, or source:reference, such as imagenet:lite0, "
        "demo:vit or python:package.module:factory.",
        autocompletion=completion.models,
        show_default=False,
    ),
]
CheckpointArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="CHECKPOINT",
        help="A file or an http(s) address. May be left out for a model name with published weights, "
        "for demo: and imagenet: models and with --random-weights.",
        show_default=False,
    ),
]

# ------------------------------------------------------------------------------------------ model

Device = Annotated[
    str,
    typer.Option(
        metavar="DEVICE",
        help="cpu, cuda, cuda:1, mps or auto (the fastest one here).",
        autocompletion=completion.devices,
        rich_help_panel=MODEL,
    ),
]
CfgOptions = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=VALUE...",
        help="Changes to the config file, such as model.head.num_classes=10.",
        show_default=False,
        rich_help_panel=MODEL,
    ),
]
Labels = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TEXT...",
        help="What the classes are called: texts, or a file with one a line. A zero-shot model (CLIP, SigLIP) scores "
        "the picture against them: --labels 'a photo of a cat,a photo of a dog'.",
        show_default=False,
        rich_help_panel=MODEL,
    ),
]
RandomWeights = Annotated[
    bool,
    typer.Option(
        "--random-weights",
        help="Draw the weights at random, to try things without a checkpoint. The map means nothing then.",
        rich_help_panel=MODEL,
    ),
]
Seed = Annotated[
    int, typer.Option(metavar="N", min=0, max=2**32 - 1, help="Of the random weights.", rich_help_panel=MODEL)
]
TrustCheckpoint = Annotated[
    bool,
    typer.Option(
        "--trust-checkpoint",
        help="Read a checkpoint that holds more than weights. It can run any code on this machine: "
        "for files of your own.",
        rich_help_panel=MODEL,
    ),
]
NoRepairs = Annotated[
    bool,
    typer.Option(
        "--no-repairs",
        help="Leave known defects of the model's library as they are (mmpretrain's T2T-ViT attention).",
        rich_help_panel=MODEL,
    ),
]
Adapter = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Take this adapter's word on the family, instead of whichever knows the model.",
        autocompletion=completion.adapters,
        show_default=False,
        rich_help_panel=MODEL,
    ),
]
VitLike = Annotated[
    bool,
    typer.Option(
        "--vit-like",
        help="The layer's output is tokens. Hardly ever needed: it is found out.",
        rich_help_panel=MODEL,
    ),
]
NumExtraTokens = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=0,
        help="Class, distillation and register tokens before the patch tokens. Hardly ever needed: they are found out.",
        show_default=False,
        rich_help_panel=MODEL,
    ),
]

# ----------------------------------------------------------------------------------------- explain

TargetLayers = Annotated[
    list[str] | None,
    typer.Option(
        metavar="LAYER...",
        help="Layers whose output is explained, by name or pattern (backbone.layer4.*.bn3), auto:4 for four usable "
        "ones from shallow to deep (several are fused into one map), or best for the one that measures best on the "
        "picture. See camctl layers MODEL.",
        show_default="what the head reads",
        rich_help_panel=WHAT,
    ),
]
TargetCategory = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CLASS...",
        help="Classes to explain, by index or name; a map each.",
        show_default="the predicted class",
        rich_help_panel=WHAT,
    ),
]
TopK = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        help="Explain the N classes with the highest scores.",
        show_default=False,
        rich_help_panel=WHAT,
    ),
]
Versus = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CLASS...",
        help="Tell the target from these classes (Finer-CAM, with any method): what speaks for it and not for them. "
        "auto:3 takes the three that come nearest.",
        show_default=False,
        rich_help_panel=WHAT,
    ),
]
VersusStrength = Annotated[
    float,
    typer.Option(
        metavar="S",
        min=0.0,
        help="How strongly these count against the target, from 0 (not at all).",
        rich_help_panel=WHAT,
    ),
]
Methods = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME...",
        help="One or several; see camctl methods. The model runs once for all of them.",
        show_default="auto: GradCAM, or GradCAMElementWise where a class token alone is read",
        autocompletion=completion.methods,
        rich_help_panel=HOW,
    ),
]
MethodOptions = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=VALUE...",
        help="Options of the methods; see camctl methods NAME.",
        show_default=False,
        rich_help_panel=HOW,
    ),
]
EigenSmooth = Annotated[
    bool,
    typer.Option(
        "--eigen-smooth",
        help="Take the first principal component of the evidence instead of its sum: less noise.",
        rich_help_panel=HOW,
    ),
]
AugSmooth = Annotated[
    bool,
    typer.Option(
        "--aug-smooth",
        help="Average over six views of the picture (flips times brightness): a centred map.",
        rich_help_panel=HOW,
    ),
]
AggregateOption = Annotated[
    Aggregate,
    typer.Option(
        help="How several layers become one map. product is RefineCAM: fine layers sharpen what deep ones point at.",
        rich_help_panel=HOW,
    ),
]

# ------------------------------------------------------------------------------------------ output

SavePath = Annotated[
    str | None,
    typer.Option(
        metavar="PATH",
        help="A file for one map (png, jpg, webp), a folder for several. Without it the map is shown in the terminal.",
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
]
SaveRaw = Annotated[
    str | None,
    typer.Option(
        metavar="FILE.npz",
        help="Keep the numbers: signed and full-size maps, and what made them.",
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
]
CanvasOption = Annotated[
    Canvas,
    typer.Option(
        help="Draw on what the model saw, or on the whole picture with the unseen margin dimmed.",
        rich_help_panel=OUTPUT,
    ),
]
Colormap = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help=f"{', '.join(COLORMAPS)}.",
        autocompletion=completion.colormaps,
        rich_help_panel=OUTPUT,
    ),
]
Opacity = Annotated[
    float,
    typer.Option(metavar="0..1", min=0.0, max=1.0, help="Of the heatmap on the picture.", rich_help_panel=OUTPUT),
]
NoPreview = Annotated[bool, typer.Option("--no-preview", help="Draw nothing in the terminal.", rich_help_panel=OUTPUT)]
Json = Annotated[
    bool,
    typer.Option("--json", help="JSON on stdout, and no words but errors.", rich_help_panel=OUTPUT),
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="Exit with 4 when a map's verdict is not ok.", rich_help_panel=OUTPUT),
]
Verify = Annotated[
    bool,
    typer.Option(
        "--verify",
        help="Ask the model about each map: its verdict is inverted where the model knows the class better without the "
        "map's brighter half than without its darker half. Two more forward passes a map.",
        rich_help_panel=HOW,
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="No words but errors.", rich_help_panel=OUTPUT)]
