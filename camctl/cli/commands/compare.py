"""`camctl compare`: maps side by side, with measurements that say which to believe."""

from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

from camctl.cli.output.baseline import Baseline
from camctl.cli.output.saving import comparison_files
from camctl.cli.parsing.compare_options import ComparedMethods, ComparisonOutput, EvaluationOptions, SubjectOptions
from camctl.cli.parsing.model_options import SeveralModels
from camctl.cli.parsing.options import ClassOptions
from camctl.errors import ExitCode, PluginError

if TYPE_CHECKING:
    from camctl.cli.output.baseline import Drifts
    from camctl.values.comparison import Comparison


def compare(
    question: ClassOptions,
    subject: SubjectOptions,
    methods: ComparedMethods,
    evaluation: EvaluationOptions,
    output: ComparisonOutput,
    models: SeveralModels,
) -> ExitCode:
    """Lay methods, classes, layers and models side by side, and measure them.

    camctl compare photo.jpg demo:vit --target-category cat dog --save-path grid.png report.html

    camctl compare photo.jpg --model demo:resnet demo:vit timm:resnet50@weights.pth --method LayerCAM

    camctl compare photos/ config.py weights.pth --metrics --baselines --save-raw maps.npz
    """
    from camctl.cli.output.compare_report import Report
    from camctl.pipeline.compare import PendingModel
    from camctl.pipeline.compare import compare as compare_

    # Mistakes in the words are reported before torch loads.
    methods.count(baselines=evaluation.baselines)
    pictures = subject.pictures()
    asked = evaluation.evaluation(len(pictures), verify=methods.maps.verify)
    smoothings, classes, look = methods.smoothings(), question.classes(), output.figure.look(asked)
    files = comparison_files(output.save_path or [], output.save_raw, pictures=pictures, sanity=asked.sanity)
    baseline = Baseline.read(evaluation.baseline, evaluation.min_correlation)
    family, requests, sink = models.family(), models.requests(), output.results.sink
    with sink.working() as progress:
        comparison = compare_(
            [PendingModel(request.model, partial(request.load, progress)) for request in requests],
            pictures,
            methods=methods.names(),
            method_options=methods.settings(),
            targets=classes,
            target_layers=subject.target_layers,
            smooth=smoothings,
            aggregate=methods.maps.aggregate,
            evaluation=asked,
            family=family,
            progress=progress.counted,
        )
        progress.say("Drawing")
        start = perf_counter()
        paths = files.save(comparison, look)
        drawing = (perf_counter() - start) * 1e3 if evaluation.timing else None
    # What was asked for is saved: now it may be judged.
    drifts = baseline.drifts(comparison) if baseline else None
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
