"""`camctl compare`: maps side by side, with measurements that say which to believe."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from shlex import quote
from time import perf_counter
from typing import TYPE_CHECKING, Any, ClassVar

from camctl.cli.output.inputs import Inputs
from camctl.cli.output.latex import latex_files
from camctl.cli.output.saving import expanded, figure_files, raw_file, save_figures
from camctl.cli.output.sink import hint, note
from camctl.cli.parsing import completion, options
from camctl.cli.parsing.assignments import parse_assignments
from camctl.cli.parsing.figure import IN_FIGURE, PAPER, FigureOptions
from camctl.cli.parsing.groups import argument, option, switch, words_of
from camctl.cli.parsing.labels import Labels
from camctl.cli.parsing.texts import parse_boxes, parse_masks, pictures_in, split_names
from camctl.cli.process import keep_memory
from camctl.errors import ExitCode, InputError, PluginError, UnknownNameError
from camctl.values.request import Evaluation

if TYPE_CHECKING:
    from camctl.cli.output.baseline import Drifts
    from camctl.values.cam import Smoothing
    from camctl.values.comparison import Comparison

SMOOTHINGS = ("none", "eigen", "aug", "both")


@dataclass(frozen=True, kw_only=True)
class PicturesOptions:
    """Pictures and layers that are compared.

    target_layers: Layers, each with a map of its own: names, patterns, auto:4 for four usable ones from shallow to
        deep, best for the one that measures best. A+B fuses two into one.
    results: Instead of IMAGE and MODEL: a results folder and ids of its pictures, whose maps are drawn without the
        model.
    """

    panel: ClassVar = options.WHAT

    picture: str | None = argument("IMAGE", None, help="The picture; also a folder or a quoted pattern.")
    target_layers: list[str] | None = option("LAYER...", shown="what the head reads", autocompletion=completion.layers)
    image: list[str] | None = option("FILE...", help="More pictures, folders or patterns.")
    results: list[str] | None = option("OUT ID...")
    reading: options.ReadingOptions

    def pictures(self) -> tuple[str, ...]:
        """Return the paths of the pictures. Raises `InputError`."""
        if self.picture is None:
            hint = "It goes before options that take several values, or after a --. See: camctl compare --help"
            raise InputError("Missing argument 'IMAGE'.", hint=hint)
        return pictures_in([self.picture, *(self.image or [])])

    def data(self, pictures: "Sequence[str]") -> str:
        """Return what `camctl run` takes for all these pictures: what the user gave, or the folder they lie in."""
        folders = {os.path.dirname(path) or "." for path in pictures}  # noqa: PTH120 - texts
        named = [self.picture or "", *(self.image or [])]
        return named[0] if len(named) == 1 else folders.pop() if len(folders) == 1 else "FOLDER"


@dataclass(frozen=True, kw_only=True)
class ComparedMethods(options.MethodOptions):
    """Methods and smoothings that are compared.

    method: Names as in camctl methods, or seed (mmpretrain's six), fast (no further passes), all.
    smooth: none, eigen (principal component), aug (six views), both; several are drawn side by side.
    """

    default: ClassVar = ("seed",)

    method: list[str] | None = option("NAME...", shown="seed", autocompletion=completion.method_sets)
    smooth: list[str] | None = option("HOW...", shown="none")
    maps: options.MapOptions

    def smoothings(self) -> "tuple[Smoothing, ...]":
        """Return smoothings by name, once each. Raises `UnknownNameError`."""
        words = (word.strip().casefold() for word in ",".join(self.smooth or ["none"]).split(","))
        names: dict[Any, None] = dict.fromkeys(word for word in words if word)
        for name in names:
            if name not in SMOOTHINGS:
                raise UnknownNameError("smoothing", name, SMOOTHINGS, hint=f"Choose from: {', '.join(SMOOTHINGS)}.")
        return tuple(names)


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
    baseline: Raw maps of an earlier run (--save-raw), or with --results an earlier results folder. Prints each map's
        rank correlation with the earlier one, and exits with 5 if one is below --min-correlation or has no earlier map.
    """

    panel: ClassVar = "Figures"

    baselines: bool = switch(rich_help_panel=options.HOW)
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
        options.check_range("--min-correlation", self.min_correlation, -1, 1)

    def evaluation(self, pictures: int, *, verify: bool) -> Evaluation:
        """Return the evaluation of that many pictures. Raises `InputError`."""
        return Evaluation(
            metrics=split_names(self.metrics, option="--metrics"),
            options=parse_assignments(self.metric_options, option="--metric-options"),
            boxes=parse_boxes(self.box or [], pictures),
            masks=parse_masks(self.mask or [], pictures),
            verify=verify or None,
            sanity=self.sanity,
            baselines=self.baselines,
        )


@dataclass(frozen=True, kw_only=True)
class ComparisonOutput:
    """What a comparison is saved as, and how it is shown.

    save_path: A figure (png, jpg, webp, svg, pdf), a report (html), a manifest (json); several at once. Without it the
        figure is shown in the terminal.
    latex: Write the figure environment (.tex) and the papers of the methods (.bib) beside the first figure that LaTeX
        can include.
    """

    panel: ClassVar = options.OUTPUT

    save_path: list[str] | None = option("FILE...")
    save_raw: str | None = option("FILE.npz", help=options.SAVE_RAW)
    latex: bool = switch(rich_help_panel=PAPER)
    figure: FigureOptions
    results: options.ResultOptions


def compare(
    question: options.ClassOptions,
    subject: PicturesOptions,
    methods: ComparedMethods,
    evaluation: EvaluationOptions,
    output: ComparisonOutput,
    models: options.SeveralModels,
) -> ExitCode:
    """Lay methods, classes, layers and models side by side, and measure them.

    camctl compare photo.jpg demo:vit --target-category cat dog --save-path grid.png report.html

    camctl compare photo.jpg --model demo:resnet demo:vit timm:resnet50@weights.pth --method LayerCAM

    camctl compare photos/ config.py weights.pth --metrics --baselines --save-raw maps.npz

    camctl compare --results OUT ID ID --save-path grid.png
    """
    from camctl.cli.output.baseline import Drifts
    from camctl.cli.output.compare_report import report
    from camctl.files.raw_maps import load_raw
    from camctl.pipeline.compare import PendingModel
    from camctl.pipeline.compare import compare as compare_
    from camctl.ranking.drift import drift

    if subject.results:
        if evaluation.baseline is not None:
            return moved(subject, evaluation, output)
        return redrawn(subject, output, models)
    # Mistakes in the words are reported before torch loads.
    methods.count(baselines=evaluation.baselines)
    pictures = subject.pictures()
    request = evaluation.evaluation(len(pictures), verify=methods.maps.verify)
    smoothings, classes, look = methods.smoothings(), question.classes(), output.figure.look(request)
    pending, sink = models.requests(), output.results.sink
    inputs = models.inputs(pending)
    inputs.add(pictures, "a picture of the comparison")
    inputs.add(question.others.files(), "a picture that is asked about")
    inputs.add(parse_masks(evaluation.mask or [], len(pictures)).values(), "a mask")
    inputs.add([evaluation.baseline], "the baseline")
    files = figure_files(output.save_path or (), inputs=inputs, sanity=len(pending) if request.sanity else 0)
    files += latex_files(files, inputs) if output.latex else ()
    raw = raw_file(output.save_raw, inputs)
    earlier = load_raw(expanded(evaluation.baseline)).maps if evaluation.baseline is not None else None
    labels = Labels(look["name"], known_words(pictures, methods, evaluation, question))
    loader = labels.loading if len(pending) == 1 else partial
    keep_memory()
    with sink.working() as progress:
        comparison = compare_(
            [PendingModel(model.model, loader(partial(model.load, progress))) for model in pending],
            pictures,
            methods=methods.names(),
            method_options=methods.settings(),
            targets=classes,
            target_layers=subject.target_layers,
            smooth=smoothings,
            aggregate=methods.maps.aggregate,
            evaluation=request,
            family=pending[0].family,
            reading=subject.reading.reading(),
            progress=progress.steps(),
        )
        comparison = replace(comparison, commands=run_words(pending, question, subject, methods, output, models))
        look["name"], unknown = labels.shown(comparison)
        progress.say("Drawing")
        start = perf_counter()
        paths = save_figures(comparison, files, raw, look)
        drawing = (perf_counter() - start) * 1e3 if evaluation.timing else None
    # What was asked for is saved: now it may be judged.
    drifts = None if earlier is None else Drifts(comparison, *drift(comparison, earlier), evaluation.min_correlation)
    report(
        comparison,
        look,
        paths,
        sink,
        preview=not output.results.no_preview,
        drifts=drifts,
        drawing=drawing,
        data=subject.data(pictures),
    )
    sink.tell(part for error in unknown for part in (note(error.message), hint(error.hint)))
    return exit_code(comparison, drifts) or output.results.exit_code(cell.cam for cell in comparison.cells)


def known_words(
    pictures: "Sequence[str]", methods: ComparedMethods, evaluation: EvaluationOptions, question: options.ClassOptions
) -> list[str]:
    """Return what the axes call pictures, methods, smoothings and the classes that the user named."""
    from camctl.pipeline.cells import SMOOTHING_LABELS
    from camctl.pipeline.method_selection import pick_methods, usual_method

    picked = [*pick_methods(methods.names(), methods.settings(), baselines=evaluation.baselines)]
    picked += [usual_method(class_token=read) for read in (False, True) if picked[0].name == "auto"]
    words = [*pictures, *(Path(picture).name for picture in pictures), *(method.name for method in picked)]
    return [*words, *SMOOTHING_LABELS.values(), *(question.target_category or ())]


def run_words(
    pending: "Sequence[options.ModelRequest]",
    question: options.ClassOptions,
    subject: PicturesOptions,
    methods: ComparedMethods,
    output: ComparisonOutput,
    models: options.SeveralModels,
) -> tuple[tuple[str, ...], ...]:
    """Return `Comparison.commands`: per model, the words of `camctl run` after the picture that all its maps share."""
    shared = [*words_of(subject.reading), *words_of(replace(methods, method=None, smooth=None))]
    shared += [*words_of(replace(question.others, like=None, target_box=None)), *words_of(output.figure.parts)]
    shared += words_of(replace(models, model=None))
    return tuple((*filter(None, (each.model, each.checkpoint)), *shared) for each in pending)


def moved(subject: PicturesOptions, evaluation: EvaluationOptions, output: ComparisonOutput) -> ExitCode:
    """Tell which maps of a results folder moved since an earlier one. Raises `InputError`."""
    from camctl.cli.output.drift_report import drift_report, drift_to_dict
    from camctl.results import open_results
    from camctl.results.drift import drift

    out, *ids = subject.results or []
    if ids or output.save_path or output.save_raw:
        message = "--results with a --baseline compares all maps of two results folders, and draws none."
        raise InputError(message, hint="Give the two folders alone.")
    sink, least = output.results.sink, evaluation.min_correlation
    with sink.working() as progress:
        progress.say("Comparing")
        found = drift(open_results(out), open_results(str(evaluation.baseline)))
    if not found.maps:
        message = "None of these maps is in the --baseline: it has other pictures, classes or methods."
        raise InputError(message, hint="Compare two runs over the same data set.")
    sink.data(drift_to_dict(found, least))
    sink.tell(drift_report(found, least))
    return ExitCode.DRIFTED if found.new or any(one.under(least) for one in found.maps) else ExitCode.DONE


def redrawn(subject: PicturesOptions, output: ComparisonOutput, models: options.SeveralModels) -> ExitCode:
    """Draw pictures of a results folder side by side, without the model. Raises `InputError`."""
    from camctl.cli.output.compare_report import report
    from camctl.results import open_results
    from camctl.results.comparison import compared

    out, *ids = subject.results or []
    if subject.picture is not None or subject.image or models.first_model is not None or models.model:
        message = "--results has pictures and maps of its own: IMAGE and MODEL are not needed."
        raise InputError(message, hint=f"Leave them out: camctl compare --results {quote(out)} ID...")
    if not ids:
        message = "--results needs a results folder and the ids of pictures in it."
        raise InputError(message, hint=f"See ids: camctl review {quote(out)} --worst 10")
    look, sink, results = output.figure.look(Evaluation()), output.results.sink, open_results(out)
    files = figure_files(output.save_path or (), inputs=Inputs(), sanity=0)
    files += latex_files(files, Inputs()) if output.latex else ()
    raw = raw_file(output.save_raw, Inputs())
    with sink.working() as progress:
        progress.say("Drawing")
        comparison = compared(results, ids)
        look["metrics"] = tuple(measure.name for measure in comparison.metrics[: len(IN_FIGURE)])
        paths = save_figures(comparison, files, raw, look)
    report(comparison, look, paths, sink, preview=not output.results.no_preview, drifts=None, drawing=None)
    return output.results.exit_code(cell.cam for cell in comparison.cells)


def exit_code(comparison: "Comparison", drifts: "Drifts | None") -> ExitCode:
    """Return the exit code that failures and drifts ask for. Raises `InputError` for a baseline of something else."""
    if drifts and drifts.unrelated:
        message = "None of these maps is in the --baseline: it has other pictures, classes or methods."
        raise InputError(message, hint="Compare as the baseline was made; its manifest says how.")
    if any(isinstance(fault, PluginError) for fault in comparison.faults):
        return ExitCode.PLUGIN
    if comparison.failed:
        return ExitCode.FAILED
    return ExitCode.DRIFTED if drifts and drifts.drifted else ExitCode.DONE
