"""`camctl run`: where the classifier looked."""

from typing import TYPE_CHECKING, Annotated

import typer

from camctl.cli.commands.layers import preview
from camctl.cli.output import saving
from camctl.cli.output.progress import working
from camctl.cli.output.screen import out, print_json
from camctl.cli.parsing import options
from camctl.cli.parsing.assignments import parse_assignments
from camctl.cli.parsing.models import Layout, Loading, named_in_hints, source_of
from camctl.cli.parsing.names import classes_of, labels_of, rivals_of, split_names
from camctl.errors import ExitCode
from camctl.values.look import DEFAULT_COLORMAP, DEFAULT_OPACITY, known_colormap
from camctl.values.request import Classes

if TYPE_CHECKING:
    from camctl.values.explanation import Explanation

Image = Annotated[str, typer.Argument(metavar="IMAGE", help="The picture.", show_default=False)]
PreviewModel = Annotated[
    bool,
    typer.Option(
        "--preview-model",
        help="Show the model's layers, as camctl layers does, and stop.",
        rich_help_panel=options.WHAT,
    ),
]


def run(  # noqa: PLR0913
    image: Image,
    model: options.ModelArgument,
    checkpoint: options.CheckpointArgument = None,
    *,
    target_category: options.TargetCategory = None,
    topk: options.TopK = None,
    versus: options.Versus = None,
    versus_strength: options.VersusStrength = 1.0,
    target_layers: options.TargetLayers = None,
    preview_model: PreviewModel = False,
    method: options.Methods = None,
    method_options: options.MethodOptions = None,
    eigen_smooth: options.EigenSmooth = False,
    aug_smooth: options.AugSmooth = False,
    aggregate: options.AggregateOption = "mean",
    verify: options.Verify = False,
    save_path: options.SavePath = None,
    save_raw: options.SaveRaw = None,
    canvas: options.CanvasOption = "view",
    colormap: options.Colormap = DEFAULT_COLORMAP,
    opacity: options.Opacity = DEFAULT_OPACITY,
    no_preview: options.NoPreview = False,
    json: options.Json = False,
    strict: options.Strict = False,
    quiet: options.Quiet = False,
    device: options.Device = "cpu",
    cfg_options: options.CfgOptions = None,
    labels: options.Labels = None,
    random_weights: options.RandomWeights = False,
    seed: options.Seed = 0,
    trust_checkpoint: options.TrustCheckpoint = False,
    no_repairs: options.NoRepairs = False,
    adapter: options.Adapter = None,
    vit_like: options.VitLike = False,
    num_extra_tokens: options.NumExtraTokens = None,
) -> None:
    """Draw where a classifier looked.

    camctl run photo.jpg imagenet:lite0 --save-path cam.png

    camctl run photo.jpg resnet50_8xb32_in1k --topk 3 --method GradCAM LayerCAM --save-path cams/

    camctl run photo.jpg config.py weights.pth --target-category tabby --target-layers 'backbone.layer4.*.bn3'
    """
    from camctl.pipeline.explain import explain as explain_
    from camctl.pipeline.method_selection import pick_methods
    from camctl.values.picture import read_picture

    # What can be wrong with the words is found before torch loads.
    names = split_names(method, default=("auto",))
    settings = parse_assignments(method_options or [], option="--method-options")
    methods = pick_methods(names, settings)
    classes = classes_of(target_category, topk)
    rivals = rivals_of(versus, versus_strength)
    drawing = saving.Drawing(canvas, known_colormap(colormap), opacity)
    target = None
    if save_path is not None:
        target = saving.destination(save_path, len(methods) * (len(classes) or topk or 1), kept=image)
    if save_raw is not None:
        saving.check_raw(save_raw)
    layout = Layout(adapter=adapter, vit_like=vit_like, num_extra_tokens=num_extra_tokens)
    layout.check()
    loading = Loading(
        model=model,
        checkpoint=checkpoint,
        source=source_of(model),
        device=device,
        cfg_options=parse_assignments(cfg_options or []),
        labels=labels_of(labels),
        random_weights=random_weights,
        seed=seed,
        trust_checkpoint=trust_checkpoint,
        repairs=not no_repairs,
    )
    if preview_model:
        preview(loading, layout, json=json)
        return
    picture = read_picture(image)

    hushed = quiet or json
    with named_in_hints(model), working(quiet=hushed) as work:
        loaded = loading.load(work)
        work.say("Running it")
        explanation = explain_(
            loaded,
            picture,
            methods=names,
            method_options=settings,
            targets=Classes(names=tuple(classes), topk=topk or 1, versus=tuple(rivals), strength=versus_strength),
            target_layers=target_layers,
            smooth=("both" if aug_smooth else "eigen") if eigen_smooth else "aug" if aug_smooth else "none",
            aggregate=aggregate,
            verify=verify,
            family=layout.family,
        )
        paths = saving.save(explanation, target, drawing) if target else {}
        if save_raw:
            saving.save_numbers(explanation, save_raw)
    if json:
        print_json(explanation.to_dict(paths))
    if not hushed:
        report(explanation, paths, drawing, kept=bool(target or save_raw), preview=not no_preview)
    if strict and any(cam.verdict != "ok" for cam in explanation.maps):
        raise typer.Exit(ExitCode.NOT_OK)


def report(
    explanation: "Explanation", paths: dict[int, str], drawing: saving.Drawing, *, kept: bool, preview: bool
) -> None:
    """The summary, below the overlays where they were not saved and a terminal can show them."""
    from camctl.cli.output.run_report import nothing_saved, summary
    from camctl.render.terminal.picture import show

    console = out()
    shown = console.is_terminal and not paths and preview
    if shown:
        for cam in explanation.maps:
            verdict = "" if cam.verdict == "ok" else f": {cam.verdict}"
            console.print(f"{cam.method}, {cam.target.title}{verdict}", soft_wrap=True)
            show(drawing.draw(cam), console)
    summary(explanation, paths)
    if not shown and not kept:
        nothing_saved(len(explanation.maps))
