"""`camctl compare`: maps side by side, with measurements that say which to believe."""

from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from camctl.cli.output.baseline import Baseline
from camctl.cli.output.saving import comparison_files
from camctl.cli.parsing import completion
from camctl.cli.parsing.assignments import parse_assignments
from camctl.cli.parsing.compare_options import IN_FIGURE, ComparisonOutput, EvaluationOptions
from camctl.cli.parsing.model_options import SeveralModels
from camctl.cli.parsing.names import split_names
from camctl.cli.parsing.options import AggregateOption, ClassOptions, MethodOptions, how, what
from camctl.cli.parsing.pictures import pictures_in
from camctl.errors import ExitCode, PluginError, UnknownNameError
from camctl.render.figure.arrangement import check_axes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camctl.cli.output.baseline import Drifts
    from camctl.values.comparison import Comparison
    from camctl.values.explanation import Smoothing
    from camctl.values.request import Evaluation

Picture = Annotated[
    str, typer.Argument(metavar="IMAGE", help="The picture; also a folder or a quoted pattern.", show_default=False)
]
TargetLayers = Annotated[
    list[str] | None,
    what(
        metavar="LAYER...",
        help="Layers, each with a map of its own: names, patterns, auto:4 for four usable ones from shallow to deep, "
        "best for the one that measures best. A+B fuses two into one.",
        show_default="what the head reads",
    ),
]
Images = Annotated[list[str] | None, what(metavar="FILE...", help="More pictures, folders or patterns.")]
Methods = Annotated[
    list[str] | None,
    how(
        metavar="NAME...",
        help="Names as in camctl methods, or seed (mmpretrain's six), fast (no further passes), all.",
        show_default="seed",
        autocompletion=completion.method_sets,
    ),
]
Smooth = Annotated[
    list[str] | None,
    how(
        metavar="HOW...",
        help="none, eigen (principal component), aug (six views), both; several are drawn side by side.",
        show_default="none",
    ),
]

SMOOTHINGS: "tuple[Smoothing, ...]" = ("none", "eigen", "aug", "both")


def compare(  # noqa: PLR0913 - seven options, and four groups of them
    *,
    picture: Picture,
    question: ClassOptions,
    target_layers: TargetLayers = None,
    image: Images = None,
    method: Methods = None,
    method_options: MethodOptions = None,
    smooth: Smooth = None,
    aggregate: AggregateOption = "mean",
    evaluation: EvaluationOptions,
    output: ComparisonOutput,
    models: SeveralModels,
) -> int:
    """Lay methods, classes, layers and models side by side, and measure them.

    camctl compare photo.jpg demo:vit --target-category cat dog --save-path grid.png report.html

    camctl compare photo.jpg --model demo:resnet demo:vit timm:resnet50@weights.pth --method LayerCAM

    camctl compare photos/ config.py weights.pth --metrics --baselines --save-raw maps.npz
    """
    from camctl.cli.output.compare_report import Report
    from camctl.pipeline.compare import PendingModel
    from camctl.pipeline.compare import compare as compare_
    from camctl.pipeline.method_selection import pick_methods

    # Mistakes in the words are reported before torch loads.
    names = split_names(method, default=("seed",))
    settings = parse_assignments(method_options or [], option="--method-options")
    pick_methods(names, settings, baselines=evaluation.baselines)
    pictures = pictures_in([picture, *(image or [])])
    asked = evaluation.evaluation(len(pictures))
    smoothings, classes, look = smoothings_of(smooth), question.classes(), output.figure.look(in_figure(asked))
    check_axes(look["columns"], look["rows"])
    files = comparison_files(output.save_path or [], output.save_raw, pictures=pictures, sanity=asked.sanity)
    baseline = Baseline.read(evaluation.baseline, evaluation.min_correlation)
    family, requests, sink = models.family(), models.requests(), output.results.sink
    with sink.working() as progress:
        comparison = compare_(
            [PendingModel(request.model, partial(request.load, progress)) for request in requests],
            pictures,
            methods=names,
            method_options=settings,
            targets=classes,
            target_layers=target_layers,
            smooth=smoothings,
            aggregate=aggregate,
            evaluation=asked,
            family=family,
            progress=progress.counted,
        )
        progress.say("Drawing")
        start = perf_counter()
        paths = files.save(comparison, look)
        drawing = (perf_counter() - start) * 1e3 if evaluation.timing else None
    # What was asked for is saved: now it may be judged.
    drifts = baseline and baseline.drifts(comparison)
    Report(comparison, look, paths, drifts, drawing).show(sink, preview=not output.results.no_preview)
    return exit_code(comparison, drifts) or output.results.exit_code(cell.cam for cell in comparison.cells)


def exit_code(comparison: "Comparison", drifts: "Drifts | None") -> ExitCode:
    """Return the exit code that failures and drifts ask for. Raises `InputError` for a baseline of something else."""
    if drifts:
        drifts.check()
    if any(isinstance(fault, PluginError) for fault in comparison.faults):
        return ExitCode.PLUGIN
    if comparison.failed:
        return ExitCode.FAILED
    return ExitCode.DRIFTED if drifts and drifts.drifted else ExitCode.DONE


def in_figure(evaluation: "Evaluation") -> tuple[str, ...]:
    """Return the metrics whose values stand under each map. Raises as `pick_metrics` does."""
    from camctl.pipeline.method_selection import pick_metrics

    region = bool(evaluation.boxes or evaluation.masks)
    metrics = pick_metrics(evaluation.metrics, evaluation.options, region=region)
    return IN_FIGURE if evaluation.metrics == ("all",) else tuple(metric.found.name for metric in metrics)


def smoothings_of(texts: "Sequence[str] | None") -> "tuple[Smoothing, ...]":
    """Return smoothings by name, once each. Raises `UnknownNameError`."""
    names = [name.strip().casefold() for text in texts or ["none"] for name in text.split(",") if name.strip()]
    for name in names:
        if name not in SMOOTHINGS:
            raise UnknownNameError("smoothing", name, SMOOTHINGS, hint=f"Choose from: {', '.join(SMOOTHINGS)}.")
    return tuple(smoothing for name in dict.fromkeys(names) for smoothing in SMOOTHINGS if smoothing == name)
