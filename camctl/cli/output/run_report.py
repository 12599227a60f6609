"""The words of `camctl run`: what the model predicted, where the maps were taken, what each is worth."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from rich.segment import Segment, Segments
from rich.style import Style
from rich.table import Column, Table
from rich.text import Text

from camctl.cli.output.sink import Parts, hint, indented, line, note, plain_table, stdout
from camctl.demo import photographs
from camctl.values.target import CONTRAST

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from camctl.values.cam import Cam
    from camctl.values.explanation import Explanation
    from camctl.values.target import Target

BAR = 20
"""Length of the bar of a score of 1, in characters."""

SMALLEST = 0.0005
"""Smallest score that three decimals tell from zero."""

RANDOM = "random weights: the maps mean nothing"


def preview(explanation: Explanation, look: dict[str, Any]) -> bool:
    """Draw the overlays on stdout if it is a terminal; returns whether it is."""
    from camctl.render.terminal.picture import is_plain, show

    console = stdout()
    if console.is_terminal:
        for cam in explanation.maps:
            verdict = "" if cam.verdict == "ok" else f": {cam.verdict}"
            console.print(f"{cam.method}, {cam.target.title}{verdict}", soft_wrap=True)
            # The words above say what a caption would, in letters that can be read.
            show(cam.overlay(**{**look, "caption": False}), console)
        if look["signed"] and not is_plain(console):
            console.print(_signs(look["colormap"]), end="")
    return console.is_terminal


def _signs(colormap: str) -> Segments:
    """Return what the two colours of signed maps mean."""
    from camctl.render.colormaps import fitting, ramp
    from camctl.render.terminal.picture import letters

    bar = letters(ramp(fitting(colormap, signed=True), BAR, 2), plain=False).segments[:BAR]
    words = Segment("  evidence against the class and for it", Style(dim=True))
    return Segments([Segment("\N{MINUS SIGN}1 "), *bar, Segment(" 1"), words, Segment.line()])


def summary(explanation: Explanation, paths: Iterable[str], *, unsaved: bool) -> Parts:
    """Yield the summary. `unsaved`: the maps were neither saved nor shown."""
    heading = line((explanation.model, "bold"), " on ", (explanation.image, "bold"))
    if explanation.random_weights:
        heading.append(f"  ({RANDOM})", "bold yellow")
    yield heading
    yield indented(_predictions(explanation.predictions))
    if explanation.expected is not None:
        as_it_is = ("as predicted", "green") if explanation.as_expected else ("another is predicted", "bold yellow")
        yield line("expected ", (explanation.expected.label, "bold"), f" {score(explanation.expected)}, ", as_it_is)
    if explanation.output is not None:
        yield line(
            "output ", (explanation.output.kind, "bold"), explanation.output.title.removeprefix(explanation.output.kind)
        )
    for layers, chosen_by, grid in dict.fromkeys((cam.layers, cam.chosen_by, cam.grid) for cam in explanation.maps):
        plural = "s" if len(layers) > 1 else ""
        where = f", chosen by {chosen_by}, grid {grid[0]} x {grid[1]}"
        yield line(f"target layer{plural} ", (", ".join(layers), "bold"), where)
    yield indented(_maps(explanation))
    if any(cam.target.versus for cam in explanation.maps):
        yield line((f"  {CONTRAST}", "dim"))
    shared = "shared by all maps: " if len(explanation.maps) > 1 else ""
    backward = explanation.backward_milliseconds
    passes = f"{explanation.forward_milliseconds:.0f} ms forward" + (
        f", {backward:.0f} ms backward" if backward else ""
    )
    yield line((f"  {shared}{passes}", "dim"))
    yield from saved(paths)
    yield from notes([explanation])
    yield from verdicts(explanation.maps)
    if unsaved:
        what, path = ("map", "cam.png") if len(explanation.maps) == 1 else ("maps", "cams/")
        yield line(("Nothing was saved. ", "bold"), f"To keep the {what}: --save-path {path}")


def saved(paths: Iterable[str]) -> Parts:
    """Yield the paths of saved files."""
    for path in paths:
        yield line(("saved: ", "green"), path)


def notes(explanations: Sequence[Explanation]) -> Parts:
    """Yield what was repaired, and what the user should know, the same words once."""
    for label in ("repaired", "note"):
        texts = (explanation.repairs if label == "repaired" else explanation.notes for explanation in explanations)
        for text in dict.fromkeys(text for several in texts for text in several):
            yield note(text, label)
    if advice := photographs.hint(explanations):
        yield hint(advice)


def verdicts(maps: Sequence[Cam]) -> Parts:
    """Yield what is wrong with each map that is not `ok`, what to try, and what to beware of; the same words once."""
    names: dict[tuple[str, str, str], list[str]] = {}
    for cam in maps:
        if cam.reason:
            names.setdefault((cam.verdict, cam.reason, cam.hint), []).append(f"{cam.method} of {cam.target.title}")
    for (verdict, reason, advice), (first, *others) in names.items():
        more = f" and {len(others)} more" if others else ""
        yield line(("warning: " if verdict == "ok" else f"{verdict}: ", "bold yellow"), f"{first}{more}. {reason}")
        if advice:
            yield hint(advice)


def score(target: Target) -> str:
    """Return a score for people: 0.973, 2.1e-05, or nan; of a value 34.2, in its own unit."""
    if target.direction and isfinite(target.score):
        return f"{target.score:.4g}"
    small = 0 < target.score < SMALLEST
    return f"{target.score:.1e}" if small else f"{target.score:.3f}" if isfinite(target.score) else "nan"


def _predictions(predictions: Sequence[Target]) -> Table:
    table = Table.grid(Column(justify="right"), Column(justify="right"), Column(overflow="fold"), padding=(0, 2))
    for target in predictions:
        index = str(target.index) if target.label != str(target.index) else "class"
        share = isfinite(target.score) and not target.direction
        bar = "█" * round(BAR * target.score) if share else ""
        table.add_row(Text(score(target), "bold"), Text(index, "dim"), line(target.label), Text(bar, "green"))
    return table


def _maps(explanation: Explanation) -> Table:
    class_, score_ = Column("class", overflow="fold"), Column("score", justify="right")
    table = plain_table(class_, score_, Column("method", overflow="fold"), "verdict", Column("ms", justify="right"))
    for cam in explanation.maps:
        verdict = Text(cam.verdict, "green" if cam.verdict == "ok" else "bold yellow")
        if explanation.random_weights:
            verdict.append(" (random weights)", "yellow")
        texts = map(line, (cam.target.title, score(cam.target), cam.method))
        table.add_row(*texts, verdict, f"{cam.milliseconds:.1f}")
    return table
