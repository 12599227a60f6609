"""`camctl demo`: four kinds of network on drawn scenes, with nothing to download."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from camctl.cli.output.progress import working
from camctl.cli.output.screen import out, say
from camctl.demo.photographs import command

if TYPE_CHECKING:
    from rich.table import Table

    from camctl.demo.game import Scores

Output = Annotated[Path, typer.Option(metavar="DIR", help="Folder for the pictures and the index.")]


def demo(*, output: Output = Path("camctl-demo")) -> None:
    """See where four networks looked, and how often each method points at the right thing. Needs no download."""
    with working() as work:
        work.say("Loading four small networks")
        from camctl.demo.tour import FAMILIES, tour

        made = tour(output, progress=work.counted)
    out().print(table(made.scores, FAMILIES))
    say("Pictures and scores: ", (str(made.index), "bold"))
    say("All on one sheet:    ", (str(made.sheet), "bold"))
    say("These networks know drawn scenes only. For a photograph: ", (command(), "bold"))


def table(scores: "Scores", families: dict[str, str]) -> "Table":
    """The pointing game: a row a method, a column a family, each family's best in bold, chance below."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from camctl.demo.game import BASELINES

    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=f"Pointing game, {scores.questions} questions each")
    shown.add_column("method")
    for family in scores.won:
        shown.add_column(families.get(family, family), justify="right")
    for method in next(iter(scores.won.values()), {}):
        usual = "dim" if method in BASELINES else ""
        cells = [
            Text(f"{won[method]:.2f}", "bold green" if method == scores.best(family) else usual)
            for family, won in scores.won.items()
        ]
        shown.add_row(Text(method, usual), *cells)
    shown.add_row(Text("a random point", "dim"), *[Text(f"{scores.chance:.2f}", "dim") for _ in scores.won])
    return shown
