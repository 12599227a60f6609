"""The first screen: `camctl`, and `camctl --help`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from camctl.cli.output.boundary import usage_in_words
from camctl.cli.output.screen import out
from camctl.cli.parsing.params import PlainGroup

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.panel import Panel

TAGLINE = "See where an image classifier looked: class activation maps that say what they are worth."

EXAMPLES = (
    ("camctl demo", "four networks, nothing to download"),
    ("camctl run photo.jpg imagenet:lite0", "the map, in this terminal"),
    ("camctl run photo.jpg config.py weights.pth --target-category tabby", ""),
    ("camctl compare photo.jpg demo:vit --topk 2 --save-path report.html", ""),
    ("camctl compare photo.jpg --model demo:vit demo:swin --metrics --baselines", ""),
    ("camctl compare photo.jpg demo:vit --target-category dog --versus cat", ""),
    ("camctl layers resnet50_8xb32_in1k", "each layer, and those to ask for"),
    ("camctl layers demo:vit --check", "can its maps be trusted?"),
    ("camctl methods GradCAM++", "paper, formula and options"),
)

PROMISE = "No flag names the architecture: CNN, ViT, Swin or another, the target layer and its grid are found."

WIDEST = 88
"""Columns of the panels; wider ones are harder to read."""

COMMAND_WIDTH = 37
"""Columns of an example that has words beside it."""


class Front(PlainGroup):
    """The group of all commands. Its help is drawn here: typer's own takes as long to import as all else together."""

    def make_context(self, *args: Any, **extra: Any) -> Any:
        """Read the words before the command's name."""
        with usage_in_words():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Read the words after it, and run it."""
        with usage_in_words():
            return super().invoke(ctx)

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - typer keeps its own classes
        """Print the first screen."""
        from rich.padding import Padding
        from rich.text import Text

        console = out()
        console.width = min(console.width, WIDEST)
        options = [(", ".join(param.opts), param.help or "") for param in self.get_params(ctx) if param.help]
        commands = [(name, _first_line(command.help)) for name, command in self.commands.items()]
        usage = Text.assemble("Usage: ", (ctx.command_path, "bold"), " COMMAND [OPTIONS]...  ", ("--help", "bold"))
        usage.append(" after a command tells all about it")
        console.print(Padding(usage, (1, 1, 0, 1)))
        console.print(Padding(Text(TAGLINE, "bold"), 1))
        console.print(_examples())
        console.print(_panel("Commands", commands))
        console.print(_panel("Options", options))
        console.print(Padding(Text(PROMISE, "dim"), (0, 1, 1, 1)))


def _first_line(text: str | None) -> str:
    return (text or "").strip().split("\n\n")[0].replace("\n", " ")


def _panel(title: str, rows: Iterable[tuple[str, str]]) -> Panel:
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2), expand=True)
    grid.add_column(no_wrap=True)
    grid.add_column(ratio=1)
    for name, words in rows:
        grid.add_row(Text(name, "bold cyan"), Text(words))
    return Panel(grid, title=title, title_align="left", border_style="dim")


def _examples() -> Panel:
    from rich.panel import Panel
    from rich.text import Text

    lines = []
    for command, words in EXAMPLES:
        line = Text(no_wrap=True, overflow="ellipsis").append(
            command.ljust(COMMAND_WIDTH) if words else command, "cyan"
        )
        lines.append(line.append(words))
    return Panel(Text("\n").join(lines), title="Try", title_align="left", border_style="dim")
