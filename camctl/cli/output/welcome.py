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
camctl run photo.jpg imagenet:lite0  the map, in this terminal
camctl run photo.jpg config.py weights.pth --target-category tabby
camctl compare photo.jpg demo:vit --topk 2 --save-path report.html
camctl compare photo.jpg --model demo:vit demo:swin --metrics --baselines
camctl compare photo.jpg demo:vit --target-category dog --versus cat
camctl layers resnet50_8xb32_in1k    its layers, and which can be targets
camctl layers demo:vit --check       can its maps be trusted?
camctl methods GradCAM++             paper, formula and options"""

COMMANDS = {
    "run": "Draw where a classifier looked.",
    "compare": "Lay methods, classes, layers and models side by side, and measure them.",
    "review": "Review what a dataset run found: accuracy, classes in trouble, maps that stand out.",
    "layers": "List a model's layers, and mark those that can be target layers.",
    "methods": "List the methods; with NAME, show paper, formula and options.",
    "metrics": "List the metrics of compare; with NAME, show paper, formula and options.",
    "demo": "See where four networks looked, and how often each method is right. Needs no download.",
    "plugins": "List the plugins, and which are broken and why. See also: check, new.",
}

OPTIONS = {
    "--version": "Show the versions of camctl and of everything that shapes a map.",
    "--install-completion": "Install completion for the current shell.",
    "--show-completion": "Show completion for the current shell, to copy it or customize the installation.",
    "--help": "Show this message and exit.",
}

PROMISE = "No option names the architecture: for a CNN, ViT, Swin or another, target layer and grid are detected."

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
    for title, entries in (("Commands", COMMANDS), ("Options", OPTIONS)):
        table = Table.grid(padding=(0, 2), expand=True)
        table.add_column(no_wrap=True)
        table.add_column(ratio=1)
        for name, words in entries.items():
            table.add_row(Text(name, "bold cyan"), Text(words))
        yield _panel(title, table)
    yield Padding(Text(PROMISE, "dim"), (0, 1, 1, 1))


def _panel(title: str, content: Text | Table) -> Panel:
    return Panel(content, title=title, title_align="left", border_style="dim")
