"""The first screen: `camctl`, and `camctl --help`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from camctl.cli.output.sink import Parts

TAGLINE = "See where an image classifier looked: class activation maps that say what they are worth."

EXAMPLES = """\
camctl demo                          four networks, nothing to download
camctl run photo.jpg imagenet:lite0  where it looked, in this terminal
camctl compare photo.jpg imagenet:lite0 --topk 2 --save-path report.html"""

COMMANDS = {
    "Explain": {
        "run": "Draw where a network looked, on a picture or a whole data set.",
        "compare": "Lay methods, classes, layers and models side by side, and measure them.",
        "review": "See what a data set's maps say: accuracy, classes in trouble, maps that stand out.",
    },
    "Look up": {
        "layers": "A model's layers, and which can be target layers; --check: are its maps sound?",
        "methods": "The methods; with NAME: paper, formula and options.",
        "metrics": "The metrics of compare; with NAME: paper, formula and options.",
    },
    "More": {
        "demo": "Four networks on drawn scenes, and how often each method is right.",
        "plugins": "What is installed, and what is broken and why. See also: check, new.",
    },
}
"""Task -> its commands, and what each does."""

OPTIONS = {
    "--version": "Show the versions of camctl and of everything that shapes a map; --json for scripts.",
    "--install-completion": "Install completion for the current shell.",
    "--show-completion": "Show completion for the current shell, to copy it or customize the installation.",
    "-h, --help": "Show this message, or that of a command: camctl run --help",
}

EXITS = (
    "0 done · 1 failed, or a part did · 2 wrong usage or input · 3 a plugin failed · 4 a map is not ok (--strict), or "
    "--check failed · 5 a map differs from its --baseline · 129, 130, 143 ended by a signal · 141 by a closed pipe"
)

WIDEST = 88
"""Maximum width of the panels in columns; wider ones are harder to read."""


def first_screen() -> Parts:
    """Yield the parts of the first screen."""
    usage = Text.assemble("Usage: ", ("camctl", "bold"), " COMMAND [OPTIONS]...   ", ("camctl COMMAND --help", "bold"))
    yield Padding(usage.append(" describes a command"), (1, 1, 0, 1))
    yield Padding(Text(TAGLINE, "bold"), 1)
    examples = Text(EXAMPLES, no_wrap=True, overflow="ellipsis")
    examples.highlight_regex(r"(?m)^camctl( \S+)+", "cyan")
    yield _panel("Try", examples)
    for title, entries in {**COMMANDS, "Options": OPTIONS}.items():
        table = Table.grid(padding=(0, 2), expand=True)
        table.add_column(no_wrap=True, min_width=max(map(len, COMMANDS["Look up"])))
        table.add_column(ratio=1)
        for name, words in entries.items():
            table.add_row(Text(name, "bold cyan"), Text(words))
        yield _panel(title, table)
    yield Padding(Text.assemble(("Exit codes  ", "bold"), EXITS, style="dim"), (0, 1, 1, 1))


def _panel(title: str, content: Text | Table) -> Panel:
    return Panel(content, title=title, title_align="left", border_style="dim")
