"""`camctl compare`: maps side by side, with figures that tell which to believe."""

from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import typer

from camctl.cli.output.progress import working
from camctl.cli.output.screen import out, print_json
from camctl.cli.parsing import compare_options as own
from camctl.cli.parsing import options
from camctl.cli.parsing.assignments import parse_assignments
from camctl.cli.parsing.boxes import parse_boxes, parse_masks
from camctl.cli.parsing.models import Layout, Loading, named_in_hints, source_of
from camctl.cli.parsing.names import classes_of, labels_of, rivals_of, split_names
from camctl.cli.parsing.pictures import pictures_in
from camctl.errors import ExitCode, InputError, PluginError, UnknownNameError
from camctl.render.layout.arrangement import check_axes
from camctl.values.look import DEFAULT_COLORMAP, DEFAULT_OPACITY, Looks, known_colormap
from camctl.values.request import Classes, Evaluation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camctl.pipeline.compare import PendingModel
    from camctl.values.comparison import AxisName, Comparison
    from camctl.values.explanation import Smoothing

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
"""Metrics whose figures stand under each map where all are measured: more would crowd it."""

SMOOTHINGS: "tuple[Smoothing, ...]" = ("none", "eigen", "aug", "both")


def compare(  # noqa: PLR0913
    image: own.Image,
    model: own.OptionalModel = None,
    checkpoint: options.CheckpointArgument = None,
    *,
    target_category: options.TargetCategory = None,
    topk: options.TopK = None,
    versus: options.Versus = None,
    versus_strength: options.VersusStrength = 1.0,
    target_layers: own.TargetLayers = None,
    models: own.Models = None,
    images: own.Images = None,
    method: own.Methods = None,
    method_options: options.MethodOptions = None,
    smooth: own.Smooth = None,
    baselines: own.Baselines = False,
    aggregate: options.AggregateOption = "mean",
    verify: options.Verify = False,
    metrics: own.Metrics = None,
    metric_options: own.MetricOptions = None,
    box: own.Boxes = None,
    sanity: own.Sanity = False,
    mask: own.Masks = None,
    baseline: own.Baseline = None,
    min_correlation: own.MinCorrelation = own.LEAST_CORRELATION,
    timing: own.Timing = False,
    save_path: own.SavePath = None,
    save_raw: options.SaveRaw = None,
    rows: own.Rows = None,
    columns: own.Columns = None,
    scale: own.Scale = "each",
    theme: own.Theme = "light",
    tile: own.Tile = 224,
    canvas: own.Canvas = None,
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
    """Lay methods, classes, layers and models side by side, and measure them.

    camctl compare photo.jpg demo:vit --target-category cat dog --save-path grid.png report.html

    camctl compare photo.jpg --model demo:resnet demo:vit timm:resnet50@weights.pth --method LayerCAM

    camctl compare photos/ config.py weights.pth --metrics --baselines --save-raw maps.npz
    """
    from camctl.cli.output import compare_report
    from camctl.cli.output.comparison_files import plan
    from camctl.pipeline.compare import PendingModel
    from camctl.pipeline.compare import compare as compare_
    from camctl.pipeline.method_selection import pick_methods, pick_metrics

    # What can be wrong with the words is found before torch loads.
    names = split_names(method, default=("seed",))
    settings = parse_assignments(method_options or [], option="--method-options")
    pick_methods(names, settings, baselines=baselines)
    measured = split_names(metrics, option=own.METRICS)
    measure_settings = parse_assignments(metric_options or [], option="--metric-options")
    pictures = pictures_in([image, *(images or [])])
    boxes = parse_boxes(box or [], len(pictures))
    masks = parse_masks(mask or [], len(pictures))
    picked = pick_metrics(measured, measure_settings, region=bool(boxes or masks))
    smoothings = _smoothings(smooth)
    classes = classes_of(target_category, topk)
    rivals = rivals_of(versus, versus_strength)
    across, down = _axes("--columns", columns), _axes("--rows", rows)
    check_axes(across, down)
    look = Looks(
        columns=across,
        rows=down,
        scale=scale,
        theme=theme,
        tile=tile,
        canvas=canvas,
        colormap=known_colormap(colormap),
        opacity=opacity,
        metrics=IN_FIGURE if measured == ("all",) else tuple(one.found.name for one in picked),
    )
    outputs = plan(save_path or [], save_raw, baseline, kept=pictures, sanity=sanity)
    layout = Layout(adapter=adapter, vit_like=vit_like, num_extra_tokens=num_extra_tokens)
    layout.check()
    given = _models(model, checkpoint, models)
    loadings = [
        Loading(
            model=text,
            checkpoint=weights,
            source=source_of(text),
            device=device,
            cfg_options=parse_assignments(cfg_options or []),
            labels=labels_of(labels),
            random_weights=random_weights,
            seed=seed,
            trust_checkpoint=trust_checkpoint,
            repairs=not no_repairs,
        )
        for text, weights in given
    ]
    hushed = quiet or json
    with named_in_hints(given[0][0]), working(quiet=hushed) as work:

        def pending(loading: Loading) -> "PendingModel":
            return PendingModel(loading.model, lambda: loading.load(work))

        comparison = compare_(
            [pending(loading) for loading in loadings],
            pictures,
            methods=names,
            method_options=settings,
            targets=Classes(names=tuple(classes), topk=topk or 1, versus=tuple(rivals), strength=versus_strength),
            target_layers=target_layers,
            smooth=smoothings,
            aggregate=aggregate,
            evaluation=Evaluation(
                metrics=measured,
                options=measure_settings,
                boxes=boxes,
                masks=masks,
                verify=verify or None,
                sanity=sanity,
                baselines=baselines,
            ),
            family=layout.family,
            progress=work.counted,
        )
        drifted = outputs.drifted(comparison, min_correlation)
        work.say("Drawing")
        start = perf_counter()
        paths = outputs.save(comparison, look)
        drawing = (perf_counter() - start) * 1e3
    if json:
        print_json(comparison.to_dict(paths) | outputs.drift_to_dict())
    else:
        shown = _show(comparison, look, paths, preview=not no_preview)
    compare_report.drifts(comparison, outputs.drifts, outputs.gone, outputs.least, hushed=hushed)
    if hushed:
        compare_report.faults(comparison)
    else:
        compare_report.summary(comparison, paths, drawing=drawing if timing else None)
        if not shown and not paths:
            compare_report.nothing_saved()
    if code := _exit_code(comparison, drifted=drifted, strict=strict):
        raise typer.Exit(code)


def _show(comparison: "Comparison", look: Looks, paths: "Sequence[str]", *, preview: bool) -> bool:
    """The grid where nothing was saved and a terminal can show it, else the paths; whether the grid was shown."""
    from camctl.render.terminal.grid import show_grid

    console = out()
    if not console.is_terminal:
        # A script reads them there; nothing else may stand on a pipe.
        console.file.writelines(f"{path}\n" for path in paths)
        console.file.flush()
    elif preview and not paths:
        show_grid(comparison, console, **look)
        return True
    return False


def _exit_code(comparison: "Comparison", *, drifted: bool, strict: bool) -> int:
    if any(isinstance(fault, PluginError) for fault in comparison.faults):
        return ExitCode.PLUGIN
    if comparison.failed:
        return ExitCode.FAILED
    if drifted:
        return ExitCode.DRIFTED
    dead = any(cell.cam is None or cell.cam.verdict != "ok" for cell in comparison.cells)
    return ExitCode.NOT_OK if strict and dead else 0


def _smoothings(given: "Sequence[str] | None") -> "tuple[Smoothing, ...]":
    names = [name.strip().casefold() for text in given or ["none"] for name in text.split(",") if name.strip()]
    for name in names:
        if name not in SMOOTHINGS:
            raise UnknownNameError("smoothing", name, SMOOTHINGS, hint=f"Choose from: {', '.join(SMOOTHINGS)}.")
    return tuple(one for name in dict.fromkeys(names) for one in SMOOTHINGS if one == name)


def _axes(option: str, given: "Sequence[str] | None") -> "tuple[AxisName, ...]":
    """Axes as the user calls them, in one of many spellings. Raises `InputError`."""
    found = []
    for text in given or []:
        for word in text.split(","):
            name = word.strip().casefold()
            singular = {"classes": "class"}.get(name, name.removesuffix("s") if name != "class" else name)
            if singular not in AXIS_WORDS:
                known = list(dict.fromkeys(AXIS_WORDS.values()))
                raise UnknownNameError("axis", name, known, hint=f"{option} takes: {', '.join(known)}.")
            found.append(AXIS_WORDS[singular])
    return tuple(found)


def _models(model: str | None, checkpoint: str | None, more: "Sequence[str] | None") -> list[tuple[str, str | None]]:
    """Every model and its checkpoint. Raises `InputError` where there is none."""
    given = [(model, checkpoint)] if model is not None else []
    given += [_split_checkpoint(text) for text in dict.fromkeys(more or [])]
    if not given:
        raise InputError("No model was named.", hint="Give MODEL, or --model MODEL[@CHECKPOINT] once or several times.")
    return given


def _split_checkpoint(text: str) -> tuple[str, str | None]:
    """`MODEL@CHECKPOINT` -> both; an `@` in the name of a file that exists belongs to it."""
    places = [place for place, sign in enumerate(text) if sign == "@"]
    if not places or Path(text).exists():
        return text, None
    at = next((place for place in places if Path(text[:place]).exists()), places[0])
    model, weights = text[:at], text[at + 1 :]
    if not model or not weights:
        raise InputError(f"'{text}' lacks a side of its @.", hint="Write --model MODEL@CHECKPOINT")
    return model, weights
