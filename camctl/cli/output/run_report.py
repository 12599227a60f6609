"""The summary of `camctl run`: what the model said, where the maps were taken, what each is worth."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from camctl.cli.output.screen import err, say
from camctl.demo import photographs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from camctl.values.explanation import Cam, Explanation, Target

BAR = 20
"""Characters of a score of 1."""

SMALLEST = 0.0005
"""Score that three decimals still tell from nothing."""

RANDOM = "random weights: the maps mean nothing"


def summary(explanation: Explanation, paths: Mapping[int, str]) -> None:
    """Print the summary on stderr; `paths` tells where each map (by its place) was saved."""
    console = err()
    heading = Text.assemble((explanation.model, "bold"), " on ", (explanation.image, "bold"))
    if explanation.random_weights:
        heading.append(f"  ({RANDOM})", "bold yellow")
    console.print(heading, soft_wrap=True)
    console.print(Padding(_predictions(explanation.predictions), (0, 0, 0, 2)))
    for layers in dict.fromkeys(_whence(cam) for cam in explanation.maps):
        say(*layers)
    console.print(Padding(_maps(explanation), (0, 0, 0, 2)))
    say((f"  {_passes(explanation)}", "dim"))
    for path in paths.values():
        # In no table: a path that is broken over two lines cannot be copied.
        say(("saved: ", "green"), path)
    notes([explanation])
    verdicts(explanation.maps)


def notes(explanations: Sequence[Explanation]) -> None:
    """What was repaired, and what the user should know, the same words once."""
    for repair in dict.fromkeys(repair for one in explanations for repair in one.repairs):
        say(("repaired: ", "cyan"), repair)
    for note in dict.fromkeys(note for one in explanations for note in one.notes):
        say(("note: ", "cyan"), note)
    if advice := photographs.hint(explanations):
        say(("hint: ", "bold cyan"), advice)


def verdicts(maps: Sequence[Cam]) -> None:
    """Say what is wrong with each map that is not `ok`, what to try, and what to beware of; the same words once."""
    told: dict[tuple[str, str, str], list[str]] = {}
    for cam in maps:
        if cam.reason:
            told.setdefault((cam.verdict, cam.reason, cam.hint), []).append(f"{cam.method} of {cam.target.title}")
    for (verdict, reason, hint), names in told.items():
        several = f" and {len(names) - 1} more" if len(names) > 1 else ""
        say(("warning: " if verdict == "ok" else f"{verdict}: ", "bold yellow"), f"{names[0]}{several}. {reason}")
        if hint:
            say(("hint: ", "bold cyan"), hint)


def nothing_saved(count: int) -> None:
    """One line that says how to keep what was made."""
    path = "cam.png" if count == 1 else "cams/"
    say(("Nothing was saved. ", "bold"), f"To keep the {'map' if count == 1 else 'maps'}: --save-path {path}")


def _predictions(predictions: Sequence[Target]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    table.add_column(justify="right")
    table.add_column(overflow="fold")
    table.add_column()
    for target in predictions:
        index = Text(str(target.index), "dim") if target.label != str(target.index) else Text("class", "dim")
        table.add_row(Text(score(target), "bold"), index, Text(target.label), _bar(target.score))
    return table


def _bar(value: float) -> Text:
    return Text("█" * round(BAR * value) if isfinite(value) else "", "green")


def score(target: Target) -> str:
    """A score for people: 0.973, 2.1e-05, or nan."""
    small = 0 < target.score < SMALLEST
    return f"{target.score:.1e}" if small else f"{target.score:.3f}" if isfinite(target.score) else "nan"


def _whence(cam: Cam) -> tuple[str | tuple[str, str], ...]:
    """The target layers, who chose them, and the grid."""
    many = len(cam.layers) > 1
    grid = f"{cam.grid[0]} x {cam.grid[1]}"
    layers = ", ".join(cam.layers)
    return (f"target layer{'s' if many else ''} ", (layers, "bold"), f", chosen by {cam.chosen_by}, grid {grid}")


def _maps(explanation: Explanation) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("class", overflow="fold")
    table.add_column("score", justify="right")
    table.add_column("method", overflow="fold")
    table.add_column("verdict")
    table.add_column("ms", justify="right")
    for cam in explanation.maps:
        verdict = Text(cam.verdict, "green" if cam.verdict == "ok" else "bold yellow")
        if explanation.random_weights:
            verdict.append(" (random weights)", "yellow")
        milliseconds = Text(f"{cam.milliseconds:.1f}")
        table.add_row(Text(cam.target.title), Text(score(cam.target)), Text(cam.method), verdict, milliseconds)
    return table


def _passes(explanation: Explanation) -> str:
    """What the passes took that all maps share."""
    passes = f"{explanation.forward_milliseconds:.0f} ms forward"
    if explanation.backward_milliseconds:
        passes += f", {explanation.backward_milliseconds:.0f} ms backward"
    return f"shared by all maps: {passes}" if len(explanation.maps) > 1 else passes
