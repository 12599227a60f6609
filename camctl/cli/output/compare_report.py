"""The words of `camctl compare`: what the models predicted, what maps are worth, which methods to believe."""

from __future__ import annotations

import shlex
from collections import Counter
from itertools import groupby
from math import isnan
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from rich.table import Column
from rich.text import Text

from camctl.cli.output.run_report import RANDOM, notes, saved, score, verdicts
from camctl.cli.output.sink import (
    Parts,
    error_lines,
    hint,
    indented,
    line,
    note,
    plain_table,
    stderr,
    stdout,
    warn,
    write,
)
from camctl.ranking.words import interval_text, too_few
from camctl.values.axis import NAMES
from camctl.values.comparison import ANOTHER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from camctl.cli.output.baseline import Drifts
    from camctl.cli.output.sink import Sink
    from camctl.ranking.agreement import Agreement
    from camctl.ranking.sanity import Likeness
    from camctl.ranking.standings import Standing
    from camctl.values.comparison import Comparison, Measure

BETTER = {"higher": "↑", "lower": "↓", "neither": ""}
"""What stands after a metric's title: which way is better."""

MOST_RUNS = 8
"""Maximum number of predictions of a model for a picture that are printed."""

DOZEN = 12
"""Number of pictures beyond which a folder of results serves better than a figure."""

BOTH_FIGURES = 150
"""Width of a window in columns from which the sanity report has the structural similarity as well."""


def report(
    comparison: Comparison,
    look: dict[str, Any],
    paths: Sequence[str],
    sink: Sink,
    *,
    preview: bool,
    drifts: Drifts | None,
    drawing: float | None,
    data: str = "FOLDER",
) -> None:
    """Print JSON, or paths in a pipe, or the figure in a terminal if nothing was saved; then the words.

    `data` is what `camctl run` would be given for all pictures. `drawing` is the time in milliseconds that drawing and
    writing took; None if times are not wanted.
    """
    from camctl.render.terminal.grid import show_grid

    console, shown = stdout(), False
    if sink.json:
        sink.data(comparison.to_dict(paths, look["cut"]) | ({"baseline": drifts.to_dict()} if drifts else {}))
    elif not console.is_terminal:
        # Scripts read them there; nothing else may stand on a pipe.
        write("".join(f"{line(path).plain}\n" for path in paths))
    elif preview and not paths:
        show_grid(comparison, console, **look)
        shown = True
    if drifts:
        warn(drifts.report(everything=sink.human))
    sink.tell(_summary(comparison, look, paths, drawing, data))
    warn(faults(comparison))
    if not shown and not paths:
        sink.tell([line(("Nothing was saved. ", "bold"), "To keep it: --save-path grid.png report.html")])


def _summary(
    comparison: Comparison, look: dict[str, Any], paths: Sequence[str], drawing: float | None, data: str
) -> Parts:
    from camctl.render.figure.figure import missing_letters

    yield from _predictions(comparison)
    yield _counts(comparison)
    yield from _standings(comparison)
    yield from _agreement(comparison)
    yield from _sanity(comparison)
    if drawing is not None:
        yield indented(_times(comparison))
        yield line((f"  {drawing:.0f} ms to draw and write", "dim"))
    yield from saved(paths)
    yield from notes(tuple(comparison.explanations.values()))
    if paths and (letters := missing_letters(comparison, **look)):
        yield note(f"No font on this machine has {letters}: boxes stand for them in pictures.")
    yield from verdicts(comparison.maps)
    if "image" in comparison.varying and len(comparison.axis("image").labels) > DOZEN:
        words = shlex.join((data, *next(iter(comparison.commands), ("MODEL",))))
        yield hint(f"For so many pictures, rows that can be filtered: camctl run {words} --save-path out")


def faults(comparison: Comparison) -> Parts:
    """Yield why cells are empty, and what else failed: the same words once."""
    reasons = {cell.reason for cell in comparison.cells}
    for fault in comparison.faults:
        if fault.message not in reasons:
            yield from error_lines(fault)
    several = "model" in comparison.varying
    counts = Counter(
        (comparison.label("model", cell.at) if several else "", cell.reason, cell.hint)
        for cell in comparison.cells
        if cell.cam is None
    )
    for (model, reason, advice), count in counts.items():
        label = f"no map{f' of {model}' if model else ''}{f' ({count})' if count > 1 else ''}: "
        yield line((label, "bold yellow"), reason)
        if advice:
            yield hint(advice)


def _predictions(comparison: Comparison) -> Parts:
    """Yield the scores of every model for every picture."""
    for explanation in list(comparison.explanations.values())[:MOST_RUNS]:
        # Of several synonyms the first will do.
        best = ", ".join(f"{target.label.split(',')[0]} {score(target)}" for target in explanation.predictions[:3])
        heading = line((explanation.model, "bold"), " on ", (explanation.image, "bold"), f": {best}")
        if explanation.random_weights:
            heading.append(f"  ({RANDOM})", "bold yellow")
        yield heading
    if (more := len(comparison.explanations) - MOST_RUNS) > 0:
        yield line((f"  and {more} more", "dim"))


def _counts(comparison: Comparison) -> Text:
    maps = comparison.maps
    worthless = sum(cam.verdict != "ok" for cam in maps)
    missing = len(comparison.cells) - len(maps)
    across = " x ".join(f"{len(axis)} {NAMES[axis.name][1]}" for axis in comparison.axes if len(axis) > 1)
    text = f"{len(maps)} map{'s' if len(maps) != 1 else ''}" + (f" ({across})" if across else "")
    return line(text, f", {worthless} worthless" if worthless else "", f", {missing} missing" if missing else "")


def _standings(comparison: Comparison) -> Parts:
    from camctl.ranking.standings import RANKED, standings

    ranked = False
    for axis in RANKED:
        for model, group in groupby(standings(comparison, axis), key=lambda standing: standing.model):
            rows = list(group)
            if not any(row.figures for row in rows):
                continue  # nothing but worthless maps
            ranked = True
            if model:
                yield line((model, "bold"))
            yield indented(_standings_table(rows, comparison.metrics))
            if reason := too_few(rows, comparison.metrics):
                yield line(("  too few to decide: ", "bold yellow"), reason)
            for row in rows:
                if row.beaten_by:
                    names = _unbeaten(row, rows, comparison.metrics)
                    yield line(("  no better: ", "bold yellow"), f"{row.label} does not beat {names}")
    if ranked and any(measure.rewards for measure in comparison.metrics):
        yield line(("  what besides a good map can raise a value: camctl metrics NAME", "dim"))


def _unbeaten(row: Standing, rows: Sequence[Standing], metrics: Sequence[Measure]) -> str:
    """Return which baselines a method does not beat, and at what."""
    baselines = {standing.label: standing.figures for standing in rows if standing.baseline}
    by_baseline: dict[str, list[str]] = {}
    for measure in metrics:
        if baseline := row.beaten_by.get(measure.name):
            level = row.figures[measure.name] == baselines[baseline][measure.name]
            by_baseline.setdefault(baseline, []).append(f"{measure.title} (level)" if level else measure.title)
    return "; ".join(f"{baseline} at {', '.join(names)}" for baseline, names in by_baseline.items())


def _standings_table(rows: Sequence[Standing], metrics: Sequence[Measure]) -> Table:
    worthless = any(row.worthless for row in rows)
    titles = (f"{measure.title} {BETTER[measure.better]}".strip() for measure in metrics)
    headings = ("mean rank", *titles, *["worthless"] * worthless)
    table = plain_table(NAMES[rows[0].axis][0], *(Column(heading, justify="right") for heading in headings))
    for row in rows:
        style = "dim" if row.baseline else ""
        rank = "" if isnan(row.mean_rank) else f"{row.mean_rank:.1f}"
        cells = [line((row.label, style or "bold")), Text(rank, style)]
        cells += [_figure(row, measure.name, style) for measure in metrics]
        if worthless:
            cells.append(Text(f"{row.worthless}/{row.maps}" if row.worthless else "", "yellow"))
        table.add_row(*cells)
    return table


def _figure(row: Standing, metric: str, style: str) -> Text:
    """Return a metric's value, and its interval."""
    value = row.figures.get(metric)
    style = style or ("bold green" if metric in row.best_at else "yellow" if metric in row.beaten_by else "")
    cell = Text("-" if value is None else f"{value:.3f}", style)
    if ends := row.intervals.get(metric):
        cell.append(f" {interval_text(ends)}", "dim not bold")
    return cell


def _agreement(comparison: Comparison) -> Parts:
    from camctl.ranking.agreement import agreement

    if not comparison.metrics:
        return
    for result in agreement(comparison):
        if 2 + max(map(len, result.labels)) + 6 * len(result.labels) > stderr().width - 2:
            yield line("  (agreement between maps needs a wider window, or a report: --save-path report.html)")
            return
        model = f", {result.model}" if result.model else ""
        yield line((f"agreement between {NAMES[result.axis][1]}", "bold"), f" (rank correlation){model}")
        yield indented(_matrix(result))


def _matrix(result: Agreement) -> Table:
    numbers = (Column(str(number), justify="right") for number, _ in enumerate(result.labels, 1))
    table = plain_table(Column("", no_wrap=True), *numbers, gap=1)
    for number, (label, row) in enumerate(zip(result.labels, result.matrix, strict=True), 1):
        cells = (
            Text("-" if isnan(value) else f"{value:.2f}", "dim" if column == number else "")
            for column, value in enumerate(row, 1)
        )
        table.add_row(line((f"{number} ", "dim"), label), *cells)
    return table


def _sanity(comparison: Comparison) -> Parts:
    """Yield what is left of each method's maps once weights are random, and what two pictures have in common anyway."""
    from camctl.ranking.sanity import FEW, LEAST_PICTURES, sanity_rows
    from camctl.ranking.words import likeness_text, stage_headings

    rows = sanity_rows(comparison)
    wide = stderr().width >= BOTH_FIGURES

    def figures(likeness: Likeness | None) -> Text:
        return Text(likeness_text(likeness) if wide else likeness_text(likeness).partition(" / ")[0])

    for sanity in comparison.sanity:
        headings = (Column(text, justify="right", overflow="fold") for text in stage_headings(sanity, short=True))
        table = plain_table(Column("method", no_wrap=True), *headings, Column("", no_wrap=True))
        for row in rows[sanity.model]:
            stages = (row.stages.get(stage) for stage in (*sanity.stages, ANOTHER))
            table.add_row(line((row.label, "bold")), *map(figures, stages), Text(row.mark, "yellow"))
        model = f", {comparison.axis('model').labels[sanity.model]}" if "model" in comparison.varying else ""
        both = " / structural similarity" if wide else ""
        words = f" (rank correlation{both} with the map of the whole network, weights random from the head down to the"
        yield line(("sanity", "bold"), f"{words} module named; medians){model}")
        yield indented(table)
        if any(row.mark == FEW for row in rows[sanity.model]):
            needed = f"{LEAST_PICTURES} pictures to decide, and more if the values scatter."
            yield hint(f"Whether a method sees the class takes {needed}")


def _times(comparison: Comparison) -> Table:
    """Return milliseconds by step and model, for all pictures together; after an x, how often a step was done."""
    models = dict.fromkeys(time.model for time in comparison.spent)
    table = plain_table("ms", *(Column(PurePath(model).name, justify="right", overflow="fold") for model in models))
    for step in dict.fromkeys(time.what for time in comparison.spent):
        cells = []
        for model in models:
            times = [time for time in comparison.spent if (time.model, time.what) == (model, step)]
            count = sum(time.count for time in times)
            repeated = f" x{count}" if count > 1 else ""
            cells.append(f"{sum(time.milliseconds for time in times):.1f}{repeated}" if times else "")
        table.add_row(step, *cells)
    return table
