"""The words of `camctl review`."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from rich.table import Column

from camctl.cli.output.compare_report import BETTER
from camctl.cli.output.run_report import saved
from camctl.cli.output.sink import Parts, indented, line, note, plain_table, warn
from camctl.ranking.words import DASH, percent

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from camctl.cli.output.sink import Sink
    from camctl.render.review.page import Saved
    from camctl.results.summary import ClassSummary, Listed, MeanFigure, Summary

MOST_CAUSES = 8
MOST_CLASSES = 10
MOST_PAIRS = 8
MOST_PICTURES = 8
"""Maximum number of lines of each kind; `--json` has more."""


def report(summary: Summary, page: Saved | None, sink: Sink) -> None:
    """Print JSON, or the review on stdout, and the path of its page."""
    sink.data(summary.to_dict() | {"page": None if page is None else str(page.path)})
    if sink.human:
        sink.show(*parts(summary))
        warn(line(("warning: ", "bold yellow"), text) for text in summary.warnings())
    if page is not None:
        sink.tell(_saved(page))


def _saved(page: Saved) -> Parts:
    yield from saved([str(page.path)])
    if page.pictures < page.total:
        yield note(f"The page has {page.pictures:,} of {page.total:,} pictures: the worst, and others at random.")
    if page.missing:
        few = "picture is" if page.missing == 1 else "pictures are"
        yield note(f"{page.missing:,} {few} no longer there, or cannot be read: the maps lie on grey.")


def parts(summary: Summary) -> Parts:
    """Yield the review, in the order in which it is read."""
    yield line((summary.model or "results", "bold"), " on ", (summary.data or "a data set", "bold"))
    yield from _counts(summary)
    yield from _errors(summary)
    if any(method.figures for method in summary.methods):
        yield from _heading("Figures by method", "mean over pictures, with its 95 % interval")
        yield indented(_figures(summary))
        yield from _no_better(summary)
    if len(summary.classes) > 1:
        words = "the one in the most trouble first; in brackets the share of heat that an evenly spread map has there"
        yield from _heading("Classes", words)
        yield indented(_classes(summary))
        yield from _more(len(summary.classes), MOST_CLASSES, "classes")
    if summary.confused:
        yield from _heading("Mistakes", "label, what was predicted, pictures")
        yield indented(_confused(summary))
        yield from _more(len(summary.confused), MOST_PAIRS, "pairs")
    if summary.differing:
        yield from _heading("Surest predictions that are not the label", "a wrong label, or a wrong model")
        yield indented(_listed(summary.differing, "score"))
    if summary.unlike:
        yield from _heading("Maps most unlike the mean map of their class", "correlation with it")
        yield indented(_listed(summary.unlike, "correlation"))


def _heading(text: str, words: str) -> Parts:
    yield line("")
    yield line((text, "bold"), (f"  {words}", "dim"))


def _more(count: int, shown: int, what: str) -> Parts:
    if count > shown:
        yield line((f"  and {count - shown:,} more {what}: --json has them all", "dim"))


def _counts(summary: Summary) -> Parts:
    pictures = f"{summary.pictures:,} picture{'s' if summary.pictures != 1 else ''}, {summary.rows:,} rows"
    yield line(pictures, f", {summary.failed:,} with an error" if summary.failed else "")
    if summary.accuracy is not None:
        ends = (
            "" if summary.interval is None else f" ({percent(summary.interval[0])}{DASH}{percent(summary.interval[1])})"
        )
        wrong = summary.judged - summary.right
        yield line("accuracy ", (percent(summary.accuracy), "bold"), f"{ends}: {wrong:,} of {summary.judged:,} wrong")
    else:
        yield line("accuracy ", ("not known: no picture has a label that the model knows", "dim"))
    maps = sum(summary.verdicts.values())
    if maps:
        counted = ", ".join(f"{name} {count:,}" for name, count in summary.verdicts.items())
        yield line("verdicts ", (counted, "bold"), f" of {maps:,} maps")
    alike = [
        f"{one.name} {one.likeness:.2f}" for one in summary.methods if one.likeness is not None and not one.baseline
    ]
    if alike:
        words = " (correlation; 1: the same map whatever the picture shows)"
        yield line("how alike maps of different pictures are: ", (", ".join(alike), "bold"), (words, "dim"))


def _errors(summary: Summary) -> Parts:
    if not summary.causes:
        return
    yield from _heading("Errors", "rows by cause")
    table = plain_table(Column(justify="right"), "cause")
    for cause, count in list(summary.causes.items())[:MOST_CAUSES]:
        table.add_row(f"{count:,}", line(cause))
    yield indented(table)
    yield from _more(len(summary.causes), MOST_CAUSES, "causes")


def _figures(summary: Summary) -> Table:
    ways = (f"{name} {BETTER.get(better, '')}".rstrip() for name, better in summary.better.items())
    table = plain_table(
        "method", *(Column(line(way), justify="right") for way in ways), Column("maps", justify="right")
    )
    for method in summary.methods:
        style = "dim italic" if method.baseline else ""
        name = line(method.name, (" baseline", "dim") if method.baseline else "")
        cells = (_figure(method.figures.get(figure)) for figure in summary.better)
        table.add_row(name, *cells, f"{method.maps:,}", style=style)
    return table


def _figure(figure: MeanFigure | None) -> str:
    if figure is None:
        return DASH
    low, high = figure.interval or (None, None)
    return f"{figure.mean:.3f}" + ("" if low is None else f" {low:.3f}{DASH}{high:.3f}")


def _no_better(summary: Summary) -> Parts:
    for method in summary.methods:
        by: dict[str, list[str]] = {}
        for name, figure in method.figures.items():
            if figure.not_above:
                by.setdefault(figure.not_above, []).append(name)
        for baseline, names in by.items():
            yield line(
                ("  no better: ", "bold yellow"), f"{method.name} does not beat {baseline} at {', '.join(names)}"
            )


def _classes(summary: Summary) -> Table:
    names = list(summary.better)
    right = [Column(line(name), justify="right") for name in ("pictures", "accuracy", *names, "heat at the border")]
    table = plain_table("class", *right)
    for item in summary.classes[:MOST_CLASSES]:
        accuracy = DASH if item.accuracy is None else percent(item.accuracy)
        values = (f"{item.figures[name]:.3f}" if name in item.figures else DASH for name in names)
        table.add_row(line(item.name), f"{item.pictures:,}", accuracy, *values, _border(item))
    return table


def _border(item: ClassSummary) -> Text:
    if item.border is None or item.even is None:
        return line(DASH)
    return line((f"{item.border:.0%}", "bold yellow" if item.at_border else ""), (f" ({item.even:.0%})", "dim"))


def _confused(summary: Summary) -> Table:
    table = plain_table("label", "predicted", Column("pictures", justify="right"))
    for label, guess, count in summary.confused[:MOST_PAIRS]:
        names = (summary.names.get(index, str(index)) for index in (label, guess))
        table.add_row(*map(line, names), f"{count:,}")
    return table


def _listed(pictures: tuple[Listed, ...], value: str) -> Table:
    table = plain_table(Column(value, justify="right"), "label", "predicted", "method", "picture")
    once: dict[str, Listed] = {}
    for item in pictures:
        once.setdefault(item.id, item)  # its worst map
    for item in list(once.values())[:MOST_PICTURES]:
        number = percent(item.value) if value == "score" else f"{item.value:.2f}"
        method = "" if value == "score" else item.method or ""
        picture = item.id if len(item.id) < 80 else f"…/{PurePath(item.id).name}"  # noqa: PLR2004
        table.add_row(
            number, *(line(text or DASH) for text in (item.label, item.predicted)), line(method), line(picture)
        )
    return table
