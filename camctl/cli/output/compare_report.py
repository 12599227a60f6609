"""The words of `camctl compare`, on stderr: what the models said, what maps are worth, which methods to believe."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from math import isnan
from pathlib import PurePath
from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from camctl.cli.output.run_report import RANDOM, notes, score, verdicts
from camctl.cli.output.screen import err, say, tell
from camctl.ranking import interval_text, too_few
from camctl.values.comparison import ANOTHER, NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camctl.ranking import Agreement, Drift, Likeness, Standing
    from camctl.values.comparison import AxisName, Comparison, Measure

BETTER = {"higher": "↑", "lower": "↓", "neither": ""}
"""Behind a metric's title: which way is better."""

MOST_RUNS = 8
"""Models before pictures that are told of one by one."""


BOTH_FIGURES = 150
"""Columns of a window from which the sanity tells the structural similarity as well."""


def summary(comparison: Comparison, paths: Sequence[str], *, drawing: float | None = None) -> None:
    """All there is to say, the verdicts last; with `drawing`, the milliseconds that this took, what took how long."""
    from camctl.render.figure.figure import missing_letters

    _runs(comparison)
    _counts(comparison)
    _standings(comparison)
    _agreement(comparison)
    _sanity(comparison)
    if drawing is not None:
        _timing(comparison, drawing)
    for path in paths:
        say(("saved: ", "green"), path)
    notes(tuple(comparison.explanations.values()))
    if paths and (letters := missing_letters(comparison)):
        say(("note: ", "cyan"), f"No font on this machine has {letters}: boxes stand for them in pictures.")
    verdicts(comparison.maps)
    faults(comparison)


def faults(comparison: Comparison) -> None:
    """Why places are empty, and what else failed: the same words once."""
    reasons = {cell.reason for cell in comparison.cells}
    for fault in comparison.faults:
        if fault.message not in reasons:
            tell(fault)
    several = "model" in comparison.varying
    told = Counter(
        (comparison.label("model", cell.at) if several else "", cell.reason, cell.hint)
        for cell in comparison.cells
        if cell.cam is None
    )
    for (model, reason, hint), count in told.items():
        of = f" of {model}" if model else ""
        say((f"no map{of} ({count}): " if count > 1 else f"no map{of}: ", "bold yellow"), reason)
        if hint:
            say(("hint: ", "bold cyan"), hint)


def nothing_saved() -> None:
    """One line that says how to keep what was made."""
    say(("Nothing was saved. ", "bold"), "To keep it: --save-path grid.png report.html")


def drifts(comparison: Comparison, found: Sequence[Drift], gone: int, least: float, *, hushed: bool) -> None:
    """Each map's rank correlation with its predecessor, on stderr; where words are not wanted, those that are under."""
    found = [one for one in found if one.under(least) or not hushed]
    if not found:
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    apart: tuple[AxisName, ...] = ("image", "model")
    varying = [name for name in apart if any(one.cell.at[name] for one in found)]
    for heading in (*(NAMES[name][0] for name in varying), "class", "method", "layers"):
        table.add_column(heading, overflow="fold")
    table.add_column("correlation", justify="right")
    table.add_column("")
    for one in found:
        cam = one.cam
        said = "new" if one.correlation is None else "-" if isnan(one.correlation) else f"{one.correlation:.3f}"
        under = one.under(least)
        mark = Text(f"under {least:g}" if under else "", "bold yellow")
        smoothing = "" if cam.smoothing == "none" else f" ({cam.smoothing})"
        which = [comparison.label(name, one.cell.at) for name in varying]
        cells = (*which, cam.target.title, cam.method + smoothing, ", ".join(cam.layers))
        table.add_row(*map(Text, cells), Text(said, "bold yellow" if under else ""), mark)
    err().print(Padding(table, (0, 0, 0, 2)))
    if gone and not hushed:
        say((f"  {gone} maps of the baseline have no successor here", "dim"))


def _runs(comparison: Comparison) -> None:
    """What every model said of every picture."""
    for explanation in list(comparison.explanations.values())[:MOST_RUNS]:
        line = Text.assemble((explanation.model, "bold"), " on ", (explanation.image, "bold"), ": ")
        # Of synonyms the first will do.
        line.append(", ".join(f"{one.label.split(',')[0]} {score(one)}" for one in explanation.predictions[:3]))
        if explanation.random_weights:
            line.append(f"  ({RANDOM})", "bold yellow")
        err().print(line, soft_wrap=True)
    if (more := len(comparison.explanations) - MOST_RUNS) > 0:
        say((f"  and {more} more", "dim"))


def _counts(comparison: Comparison) -> None:
    maps = comparison.maps
    dead = sum(cam.verdict != "ok" for cam in maps)
    missing = len(comparison.cells) - len(maps)
    across = " x ".join(f"{len(axis)} {NAMES[axis.name][1]}" for axis in comparison.axes if len(axis) > 1)
    said = f"{len(maps)} map{'s' if len(maps) != 1 else ''}" + (f" ({across})" if across else "")
    said += f", {dead} worthless" if dead else ""
    say(said + (f", {missing} missing" if missing else ""))


def _standings(comparison: Comparison) -> None:
    from camctl.ranking import RANKED, standings

    ranked = False
    for axis in RANKED:
        for model, group in groupby(standings(comparison, axis), key=lambda one: one.model):
            rows = list(group)
            if not any(one.figures for one in rows):
                continue  # nothing but worthless maps
            ranked = True
            if model:
                say((model, "bold"))
            _stood(rows, comparison.metrics)
    if ranked and any(measure.rewards for measure in comparison.metrics):
        say(("  what else than a good map a figure may come of: camctl metrics NAME", "dim"))


def _stood(rows: Sequence[Standing], metrics: Sequence[Measure]) -> None:
    """One table, and what to make of it."""
    err().print(Padding(_table(rows, metrics), (0, 0, 0, 2)))
    if said := too_few(rows, metrics):
        say(("  too few to tell: ", "bold yellow"), said)
    for one in rows:
        if one.beaten_by:
            said = _in_words(one, rows, metrics)
            say(("  no better: ", "bold yellow"), f"{one.label} does not beat {said}")


def _in_words(one: Standing, rows: Sequence[Standing], metrics: Sequence[Measure]) -> str:
    """Which baselines it does not beat, and at what."""
    baselines = {each.label: each for each in rows if each.baseline}
    by_baseline: dict[str, list[str]] = {}
    for measure in metrics:
        baseline = one.beaten_by.get(measure.name)
        if baseline is not None:
            level = one.figures[measure.name] == baselines[baseline].figures[measure.name]
            by_baseline.setdefault(baseline, []).append(f"{measure.title} (level)" if level else measure.title)
    return "; ".join(f"{baseline} at {', '.join(names)}" for baseline, names in by_baseline.items())


def _table(rows: Sequence[Standing], metrics: Sequence[Measure]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column(NAMES[rows[0].axis][0], no_wrap=True)
    table.add_column("mean rank", justify="right")
    for measure in metrics:
        table.add_column(f"{measure.title} {BETTER[measure.better]}".strip(), justify="right")
    if any(one.worthless for one in rows):
        table.add_column("worthless", justify="right")
    for one in rows:
        style = "dim" if one.baseline else ""
        cells = [Text(one.label, style or "bold"), Text("" if isnan(one.mean_rank) else f"{one.mean_rank:.1f}", style)]
        for measure in metrics:
            figure = one.figures.get(measure.name)
            beaten = measure.name in one.beaten_by
            cell = Text(
                "-" if figure is None else f"{figure:.3f}",
                style or ("bold green" if measure.name in one.best_at else "yellow" if beaten else ""),
            )
            if ends := one.intervals.get(measure.name):
                cell.append(f" {interval_text(ends)}", "dim not bold")
            cells.append(cell)
        if any(each.worthless for each in rows):
            cells.append(Text(f"{one.worthless}/{one.maps}" if one.worthless else "", "yellow"))
        table.add_row(*cells)
    return table


def _agreement(comparison: Comparison) -> None:
    from camctl.ranking import agreement

    if not comparison.metrics:
        return
    for one in agreement(comparison):
        console = err()
        if 2 + max(map(len, one.labels)) + 6 * len(one.labels) > console.width - 2:
            say("  (agreement between maps needs a wider window, or a report: --save-path report.html)")
            return
        say(
            (f"agreement between {NAMES[one.axis][1]}", "bold"),
            f" (rank correlation){f', {one.model}' if one.model else ''}",
        )
        console.print(Padding(_matrix(one), (0, 0, 0, 2)))


def _matrix(one: Agreement) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("", no_wrap=True)
    for number in range(1, len(one.labels) + 1):
        table.add_column(str(number), justify="right")
    for number, (label, row) in enumerate(zip(one.labels, one.matrix, strict=True), 1):
        cells = [
            Text("-" if isnan(value) else f"{value:.2f}", "dim" if place == number - 1 else "")
            for place, value in enumerate(row)
        ]
        table.add_row(Text.assemble((f"{number} ", "dim"), label), *cells)
    return table


def _sanity(comparison: Comparison) -> None:
    """What is left of each method's maps once weights are random, and what two pictures have in common anyway."""
    from camctl.ranking import FEW, LEAST_PICTURES, likeness_text, sanity_rows, stage_headings

    rows = sanity_rows(comparison)
    wide = err().width >= BOTH_FIGURES

    def figures(alike: Likeness | None) -> str:
        return likeness_text(alike) if wide else likeness_text(alike).partition(" / ")[0]

    for one in comparison.sanity:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
        table.add_column("method", no_wrap=True)
        for heading in stage_headings(one, short=True):
            table.add_column(heading, justify="right", overflow="fold")
        table.add_column("", no_wrap=True)
        for row in rows[one.model]:
            stages = [row.stages.get(stage) for stage in (*one.stages, ANOTHER)]
            table.add_row(Text(row.label, "bold"), *map(Text, map(figures, stages)), Text(row.mark, "yellow"))
        model = comparison.axis("model").labels[one.model] if "model" in comparison.varying else ""
        both = " / structural similarity" if wide else ""
        said = f" (rank correlation{both} with the whole network's map, weights random from the head down to the module"
        say(("sanity", "bold"), f"{said} named; medians){f', {model}' if model else ''}")
        err().print(Padding(table, (0, 0, 0, 2)))
        if any(row.mark == FEW for row in rows[one.model]):
            said = f"Which method sees the class takes {LEAST_PICTURES} pictures to tell, more where figures scatter."
            say(("hint: ", "bold cyan"), said)


def _timing(comparison: Comparison, drawing: float) -> None:
    """What took how long in milliseconds, alike works of all pictures together; behind an x, how often it was done."""
    spent: dict[str, dict[str, tuple[float, int]]] = {}
    for one in comparison.spent:
        milliseconds, count = spent.setdefault(one.model, {}).get(one.what, (0.0, 0))
        spent[one.model][one.what] = milliseconds + one.milliseconds, count + one.count
    works = list(dict.fromkeys(work for works in spent.values() for work in works))
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("ms", overflow="fold")
    for work in works:
        table.add_column(work, justify="right")
    for model, done in spent.items():
        cells = (done.get(work) for work in works)
        table.add_row(Text(PurePath(model).name), *[Text(_spent(*each) if each else "") for each in cells])
    err().print(Padding(table, (0, 0, 0, 2)))
    if drawing:
        say((f"  {drawing:.0f} ms to draw and write", "dim"))


def _spent(milliseconds: float, count: int) -> str:
    return f"{milliseconds:.1f}" + (f" x{count}" if count > 1 else "")
