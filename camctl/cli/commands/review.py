"""`camctl review`: what a dataset run says as a whole, and which of its pictures to look at."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from camctl.cli.output.saving import expanded
from camctl.cli.output.sink import Sink, line, write
from camctl.cli.parsing.groups import argument, option, switch
from camctl.cli.parsing.options import OUTPUT
from camctl.errors import ExitCode, InputError

if TYPE_CHECKING:
    from camctl.results import Results

PAGE = (".html",)
"""Endings of a review's page."""


@dataclass(frozen=True, kw_only=True)
class WorstOptions:
    """Which pictures are printed instead of the review.

    worst: Print the ids of the N worst pictures instead, one a line, for scripts.
    by: What makes a picture bad: a figure, target_score, another column of numbers, or label (the prediction is not the
        label; the surest first).
    """

    panel: ClassVar = "Pictures to look at"

    worst: int | None = option("N", min=1)
    by: str | None = option("COLUMN", shown="label if there are labels, else the first figure, else target_score")

    def __post_init__(self) -> None:
        """Raise `InputError` for an order of nothing."""
        if self.by is not None and self.worst is None:
            raise InputError("--by says how to find the worst pictures, and none are asked for.", hint="Add --worst 50")


@dataclass(frozen=True, kw_only=True)
class ReviewOptions:
    """What is reviewed, and what comes out.

    save_path: The review as a page (html): filter, sort and enlarge the pictures with their maps. Of a training: a film
        of the maps over its epochs (webp, gif, png).
    """

    panel: ClassVar = OUTPUT

    out: str = argument("OUT", help="The results folder of a dataset run, or the folder of a training.")
    save_path: str | None = option("FILE")
    worst: WorstOptions = field(default_factory=WorstOptions)
    json: bool = switch(help="Print JSON on stdout, and no words but errors.")
    quiet: bool = switch(help="Print no words but errors.")


def review(options: ReviewOptions) -> ExitCode:
    """Review what a dataset run found: accuracy, figures by method, classes in trouble, maps that stand out.

    camctl review OUT --save-path review.html

    camctl review OUT --worst 50 --by deletion
    """
    from camctl.files.atomic import check_writable
    from camctl.results import open_results
    from camctl.results.epochs import epochs

    sink = Sink(json=options.json, quiet=options.quiet)
    if epochs(options.out):
        return _training(options, sink)
    path = None if options.save_path is None else check_writable(expanded(options.save_path), PAGE)
    results = open_results(options.out)
    if not len(results):
        message = f"The results folder '{options.out}' has no rows yet."
        raise InputError(message, hint="Run the dataset run again: it goes on where it stopped.")
    if options.worst.worst is not None:
        print_worst(results, options.worst.worst, options.worst.by, sink)
        if path is None:
            return ExitCode.DONE
    return _review(results, path, sink, told=options.worst.worst is None)


def _training(options: ReviewOptions, sink: Sink) -> ExitCode:
    """Print what became of a training's pictures, and write its film. Raises `InputError`."""
    from camctl.cli.output.training_report import report
    from camctl.files.atomic import check_writable
    from camctl.render.review.film import FILM, save_film, unit_of
    from camctl.results.epochs import epochs, open_epochs
    from camctl.results.review import summarise

    folders = list(epochs(options.out).values())
    if options.worst.worst is not None:
        message = f"'{options.out}' holds a training, and --worst is for one of its epochs."
        raise InputError(message, hint=f"Name the epoch: {folders[-1]}")
    path = None if options.save_path is None else check_writable(expanded(options.save_path), FILM)
    training = open_epochs(options.out)
    if not training:
        message = f"The training in '{options.out}' has no rows yet."
        raise InputError(message, hint="Wait until its first pictures are explained.")
    unit = unit_of(folders[0])
    with sink.working() as progress:
        progress.say("Counting")
        summaries = {number: summarise(results) for number, results in training.items()}
        film = None if path is None else save_film(training, path, unit=unit)
    report(summaries, unit, film, sink)
    return ExitCode.DONE


def _review(results: "Results", path: Any, sink: Sink, *, told: bool) -> ExitCode:
    """Print the review, and write its page. `told`: whether anything is printed."""
    from camctl.cli.output.review_report import report
    from camctl.results.review import summarise

    with sink.working() as progress:
        progress.say("Counting")
        summary = summarise(results)
        saved = None
        if path is not None:
            from camctl.render.review.page import save_review

            saved = save_review(results, summary, path, progress=progress.steps())
    if told:
        report(summary, saved, sink)
    elif saved is not None:
        sink.tell([line(("saved ", "bold"), str(saved.path))])
    return ExitCode.DONE


def print_worst(results: "Results", count: int, by: str | None, sink: Sink) -> None:
    """Print the ids of the worst pictures, one a line, or their rows as JSON. Raises `InputError`."""
    from camctl.results.worst import worst_pictures

    rows = worst_pictures(results, count, by)
    sink.data(rows)
    if not sink.json:
        write("".join(f"{line(row['id']).plain}\n" for row in rows))
