"""`camctl run`: where a classifier looked."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from camctl.cli.commands.layers import list_layers
from camctl.cli.output.run_report import preview, summary
from camctl.cli.output.saving import map_files
from camctl.cli.parsing import completion
from camctl.cli.parsing.assignments import parse_assignments
from camctl.cli.parsing.groups import flag
from camctl.cli.parsing.model_options import OneModel
from camctl.cli.parsing.names import split_names
from camctl.cli.parsing.options import (
    HOW,
    WHAT,
    AggregateOption,
    ClassOptions,
    HeatmapOptions,
    MethodOptions,
    ResultOptions,
    SaveRaw,
    Verify,
    how,
    output,
    what,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from camctl.values.explanation import Cam, Smoothing

Image = Annotated[str, typer.Argument(metavar="IMAGE", help="The picture.", show_default=False)]
TargetLayers = Annotated[
    list[str] | None,
    what(
        metavar="LAYER...",
        help="Layers whose output is explained, by name or pattern (backbone.layer4.*.bn3), auto:4 for four usable "
        "ones from shallow to deep (several are fused into one map), or best for the one that measures best on the "
        "picture. See camctl layers MODEL.",
        show_default="what the head reads",
    ),
]
PreviewModel = Annotated[
    bool,
    flag("--preview-model", help="Show the model's layers, as camctl layers does, and stop.", rich_help_panel=WHAT),
]
Methods = Annotated[
    list[str] | None,
    how(
        metavar="NAME...",
        help="One or several; see camctl methods. The model runs once for all of them.",
        show_default="auto: GradCAM, or GradCAMElementWise if the head reads a class token alone",
        autocompletion=completion.methods,
    ),
]
EigenSmooth = Annotated[
    bool,
    flag(
        "--eigen-smooth",
        help="Take the first principal component of the evidence instead of its sum: less noise.",
        rich_help_panel=HOW,
    ),
]
AugSmooth = Annotated[
    bool,
    flag(
        "--aug-smooth",
        help="Average over six views of the picture (flips times brightness): a centred map.",
        rich_help_panel=HOW,
    ),
]

SMOOTHINGS: "dict[tuple[bool, bool], Smoothing]" = {
    (False, False): "none",
    (True, False): "eigen",
    (False, True): "aug",
    (True, True): "both",
}
"""(eigen-smooth, aug-smooth) -> what both are called together."""


@dataclass(frozen=True, kw_only=True)
class MapOptions(HeatmapOptions):
    """How an overlay is drawn."""

    canvas: Annotated[
        Literal["view", "original"],
        output(help="Draw on what the model saw, or on the whole picture with the unseen margin dimmed."),
    ] = "view"

    def draw(self, cam: "Cam") -> "NDArray[np.uint8]":
        """Return the overlay of a map, (H, W, 3) uint8 RGB."""
        return cam.overlay(canvas=self.canvas, colormap=self.colormap, opacity=self.opacity)


@dataclass(frozen=True, kw_only=True)
class MapOutput:
    """Where overlays and numbers are saved, and how results are shown."""

    save_path: Annotated[
        str | None,
        output(
            metavar="PATH",
            help="A file for one map (png, jpg, webp), a folder for several. Without it the map is shown in the "
            "terminal.",
            show_default=False,
        ),
    ] = None
    save_raw: SaveRaw = None
    drawing: MapOptions
    results: ResultOptions


def run(  # noqa: PLR0913 - eight options, and four groups of them
    *,
    image: Image,
    question: ClassOptions,
    target_layers: TargetLayers = None,
    preview_model: PreviewModel = False,
    method: Methods = None,
    method_options: MethodOptions = None,
    eigen_smooth: EigenSmooth = False,
    aug_smooth: AugSmooth = False,
    aggregate: AggregateOption = "mean",
    verify: Verify = False,
    output: MapOutput,
    model: OneModel,
) -> int | None:
    """Draw where a classifier looked.

    camctl run photo.jpg imagenet:lite0 --save-path cam.png

    camctl run photo.jpg resnet50_8xb32_in1k --topk 3 --method GradCAM LayerCAM --save-path cams/

    camctl run photo.jpg config.py weights.pth --target-category tabby --target-layers 'backbone.layer4.*.bn3'
    """
    from camctl.pipeline.explain import explain
    from camctl.pipeline.method_selection import pick_methods
    from camctl.values.picture import read_picture

    # Mistakes in the words are reported before torch loads.
    names = split_names(method, default=("auto",))
    settings = parse_assignments(method_options or [], option="--method-options")
    classes = question.classes()
    count = len(pick_methods(names, settings)) * (len(classes.names) or classes.topk)
    files = map_files(output.save_path, output.save_raw, count, picture=image)
    family, request, sink, draw = model.family(), model.request(), output.results.sink, output.drawing.draw
    if preview_model:
        return list_layers(request, family, sink)
    picture = read_picture(image)
    with sink.working() as progress:
        loaded = request.load(progress)
        progress.say("Running it")
        explanation = explain(
            loaded,
            picture,
            methods=names,
            method_options=settings,
            targets=classes,
            target_layers=target_layers,
            smooth=SMOOTHINGS[eigen_smooth, aug_smooth],
            aggregate=aggregate,
            verify=verify,
            family=family,
        )
        paths = files.save(explanation, draw)
    sink.data(explanation.to_dict(paths))
    shown = sink.human and not paths and not output.results.no_preview and preview(explanation, draw)
    sink.tell(summary(explanation, paths.values(), unsaved=not (shown or paths or files.raw)))
    return output.results.exit_code(explanation.maps)
