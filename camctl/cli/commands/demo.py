"""`camctl demo`: four kinds of network on drawn scenes, with nothing to download."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Column, Table
from rich.text import Text

from camctl.cli.output.sink import Sink, line, ruled_table
from camctl.cli.parsing.groups import option, switch
from camctl.demo.photographs import command

if TYPE_CHECKING:
    from camctl.demo.game import Scores


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """Where the demo is written."""

    output: Path = option("DIR", Path("camctl-demo"), help="Folder for the pictures and the index.")
    json: bool = switch(help="Print JSON on stdout: the files and the scores.")


def demo(options: DemoOptions) -> None:
    """See where four networks looked, and how often each method points at the object. Needs no download."""
    sink = Sink(json=options.json)
    with sink.working() as progress:
        progress.say("Loading four small networks")
        from camctl.demo.tour import FAMILIES, tour

        result = tour(options.output, progress=progress.steps())
    sink.data(result.to_dict())
    photograph = str(result.photograph or "photo.jpg")
    sink.show(scores_table(result.scores, FAMILIES))
    sink.tell(
        line(label, (text, "bold"))
        for label, text in (
            ("Pictures and scores: ", str(result.index)),
            ("All on one sheet:    ", str(result.sheet)),
            (
                "These networks know drawn scenes only. For a photograph: ",
                command(photograph),
            ),
        )
    )


def scores_table(scores: "Scores", families: dict[str, str]) -> Table:
    """Return the pointing game: a row per method, a column per family, each family's best in bold, chance last."""
    from camctl.demo.game import BASELINES

    headings = (Column(families.get(family, family), justify="right") for family in scores.won)
    table = ruled_table("method", *headings, title=f"Pointing game, {scores.questions} questions each")
    for method in next(iter(scores.won.values()), {}):
        usual = "dim" if method in BASELINES else ""
        cells = (
            Text(f"{won[method]:.2f}", "bold green" if method == scores.best(family) else usual)
            for family, won in scores.won.items()
        )
        table.add_row(Text(method, usual), *cells)
    table.add_row("a random point", *[f"{scores.chance:.2f}"] * len(scores.won), style="dim")
    return table
