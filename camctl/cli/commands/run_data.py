"""`camctl run` on a data set: rows and overlays in a results folder."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from camctl.cli.output.data_report import Tally, interrupted, summary
from camctl.cli.output.saving import PICTURE_SUFFIXES
from camctl.cli.parsing.assignments import parse_assignments
from camctl.errors import ExitCode, InputError
from camctl.paths import is_address
from camctl.results.folder import START

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from camctl.cli.output.progress import Progress
    from camctl.cli.output.sink import Sink
    from camctl.cli.parsing import options
    from camctl.cli.parsing.data import DataOptions, Drawing
    from camctl.cli.parsing.drawing import DrawnClasses, DrawnMethods, MapOutput, PictureOptions
    from camctl.results import Results

ENDINGS = {"coco": ".json", "fiftyone": ".json", "jsonl": ".jsonl", "parquet": ".parquet"}
"""Format of an export -> the ending of its file."""


def run_data(
    question: DrawnClasses,
    subject: PictureOptions,
    methods: DrawnMethods,
    output: MapOutput,
    model: options.OneModel,
    data: DataOptions,
) -> ExitCode:
    """Explain every picture of a data set, and save rows and overlays."""
    from camctl.pipeline.compare import PendingModel
    from camctl.pipeline.dataset import explain_dataset
    from camctl.pipeline.load import load

    # Mistakes in the words are reported before torch loads.
    classes, drawing, shard = question.classes(), data.drawing(), data.part()
    methods.count(baselines=data.baselines)
    request, sink, look = model.request(), output.results.sink, output.overlay.look()
    look["cut"] = output.parts.cut()
    out = _folder(output, drawing)
    if question.expect is not None and question.expect.strip().casefold() != "label":
        message = f"'{question.expect}' is expected, and each picture of a data set has a label of its own."
        raise InputError(message, hint="Expect that: --expect label")
    with sink.working() as progress, _telling_how_to_go_on(sink, out):
        progress.say(f"Loading {request.model}")
        results = explain_dataset(
            PendingModel(request.model, partial(load, request.model, request.checkpoint, **request.keywords)),
            subject.image,
            out,
            methods=methods.names(),
            method_options=methods.settings(),
            targets=classes,
            target_layers=subject.target_layers,
            smooth=methods.smoothing,
            aggregate=methods.maps.aggregate,
            evaluation=data.evaluation(verify=methods.maps.verify),
            family=request.family,
            reading=subject.reading.reading(),
            batch_size=data.batch_size,
            workers=data.workers,
            shard=shard,
            overwrite=data.overwrite,
            runner=data.runner,
            runner_options=parse_assignments(data.runner_options, option="--runner-options"),
            progress=_explaining(progress),
        )
        found = Tally(results)
        saved = [f"{_many(len(results), 'row')} in {out}"]
        faults: list[str] = []
        if results.status.complete:
            drawn, faults = _drawn(results, out, drawing, look, progress)
            saved += drawn + _exported(results, out, data.format)
        else:
            saved.append(f"part {shard[0]} of {shard[1]}; overlays are drawn by the last one")
    sink.data({"out": out, **found.to_dict(), "saved": saved})
    sink.tell(summary(results, found, saved, faults))
    others = question.expect is not None and found.right < found.labelled
    worthless = others or any(name != "ok" for name in found.verdicts)
    if found.failed:
        return ExitCode.FAILED
    return ExitCode.NOT_OK if output.results.strict and worthless else ExitCode.DONE


@contextmanager
def _telling_how_to_go_on(sink: Sink, out: str) -> Iterator[None]:
    """Tell a user who stops the command where its results are."""
    try:
        yield
    except KeyboardInterrupt:
        if is_address(out) or Path(out, START).exists():
            sink.tell(interrupted(out))
        raise


def _many(count: int, noun: str) -> str:
    """Return a count with its noun."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _folder(output: MapOutput, drawing: Drawing | None) -> str:
    """Return the results folder. Raises `InputError`."""
    if output.save_path is None:
        message = "A data set's maps need a folder."
        raise InputError(message, hint="Name a new one: --save-path OUT")
    if output.save_raw is not None:
        message = "--save-raw is for one picture; a data set's maps are in its results folder."
        raise InputError(message, hint="Leave it out.")
    path = Path(output.save_path)
    if path.suffix.lower() in PICTURE_SUFFIXES and not path.is_dir():
        message = f"A data set's maps need a folder, and '{path}' is named like a picture."
        raise InputError(message, hint=f"Name a folder: --save-path {quote(str(path.with_suffix('')))}")
    if is_address(output.save_path) and drawing is not None and drawing.which != "none":
        message = f"Overlays are drawn into a folder of this machine, and '{output.save_path}' is an address."
        raise InputError(message, hint="Leave them out: --draw none")
    return output.save_path


def _explaining(progress: Progress) -> Callable[[int, int, int], None] | None:
    """Return what shows how many pictures are done, how fast, and how many failed."""
    advance = progress.steps(speed="pictures/s")
    if advance is None:
        return None

    def tell(done: int, total: int, failed: int) -> None:
        errors = f", {failed} failed" if failed else ""
        advance(f"Explaining{errors}", done, total)

    return tell


def _drawn(
    results: Results, out: str, drawing: Drawing | None, look: dict[str, Any], progress: Progress
) -> tuple[list[str], list[str]]:
    """Draw overlays; return what was drawn, and why some were not."""
    from camctl.cli.output.overlays import FOLDER, draw_overlays, rows_to_draw

    if is_address(out):
        return [], []
    rows, which = rows_to_draw(results, drawing)
    if not rows:
        return [], []
    advance = progress.steps()
    count, faults = draw_overlays(
        out, rows, look, lambda done, total: advance("Drawing", done, total) if advance else None
    )
    place = Path(out) / FOLDER
    text = f"{_many(count, 'overlay')} in {place} ({which})"
    if drawing is None and which != "all":
        text += "; for others, --draw all, worst:N or sample:N"
    return [text], faults


def _exported(results: Results, out: str, kind: str | None) -> list[str]:
    """Save the rows in another format; return what was saved."""
    from camctl.results import export

    if kind is None:
        return []
    if is_address(out):
        message = f"Another format is written into a folder of this machine, and '{out}' is an address."
        raise InputError(message, hint="Leave out --format, and export the results where they are opened.")
    return [f"{kind} in {export(results, kind, Path(out) / f'{kind}{ENDINGS[kind]}')}"]
