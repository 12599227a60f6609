"""The one place that prints: pictures, tables and JSON to stdout, words for people to stderr."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager

    from rich.console import RenderableType

    from camctl.cli.output.progress import Progress
    from camctl.errors import CamctlError

PIPE_WIDTH = 140
"""Columns if no window bounds them; a file or a pager has room."""

WIDEST = 10_000


@dataclass(frozen=True)
class Sink:
    """Prints what a command hands over, as its options ask: for people, as JSON, or quietly."""

    json: bool = False
    quiet: bool = False

    @property
    def human(self) -> bool:
        """Whether words for people are wanted."""
        return not (self.json or self.quiet)

    def data(self, value: Any) -> None:
        """Print a value as JSON on stdout. Does nothing unless JSON was asked for."""
        if self.json:
            from camctl.files.manifest import json_text

            sys.stdout.write(json_text(value))
            # A closed pipe must be noticed here, where it can be handled, not when Python ends.
            sys.stdout.flush()

    def show(self, *parts: RenderableType) -> None:
        """Print on stdout. Does nothing if JSON was asked for."""
        if not self.json:
            _print(stdout(), parts)

    def show_wide(self, table: Table) -> None:
        """Print a table as wide as it needs on stdout; a terminal cuts it at its right edge."""
        if not self.json:
            console = stdout()
            table.width = console.measure(table, options=console.options.update(max_width=WIDEST)).maximum
            if not console.is_terminal:
                console.width = max(console.width, table.width)
            console.print(table)

    def tell(self, parts: Iterable[RenderableType]) -> None:
        """Print words for people on stderr. Does nothing, and makes none of them, if JSON or quiet was asked for."""
        if self.human:
            warn(parts)

    def working(self) -> AbstractContextManager[Progress]:
        """Show progress on stderr while something takes long, if somebody watches."""
        from camctl.cli.output.progress import working

        return working(stderr(), quiet=not self.human)


def warn(parts: Iterable[RenderableType]) -> None:
    """Print words on stderr, whatever was asked for."""
    _print(stderr(), parts)


def stdout() -> Console:
    """Return a console on stdout, which never reads text as markup."""
    return _console(sys.stdout)


def stderr() -> Console:
    """Return a console on stderr, which never reads text as markup."""
    return _console(sys.stderr)


line = Text.assemble
"""Makes one line of texts and (text, style) pairs, which is never broken into several."""


def hint(text: str) -> Text:
    """Return the line that says what to try next."""
    return line(("hint: ", "bold cyan"), text)


def note(text: str, label: str = "note") -> Text:
    """Return a line of information with its label."""
    return line((f"{label}: ", "cyan"), text)


def error_lines(error: CamctlError) -> Iterator[Text]:
    """Yield what went wrong and what to try, a line each."""
    yield line(("error: ", "bold red"), error.message)
    if error.hint:
        yield hint(error.hint)


def plain_table(*headings: str | Column, gap: int = 2) -> Table:
    """Return a table without lines, with `gap` columns between its columns."""
    return Table(*headings, box=None, padding=(0, gap, 0, 0), header_style="dim", pad_edge=False)


def indented(table: Table) -> Padding:
    """Return a table that is moved to the right."""
    return Padding(table, (0, 0, 0, 2))


def _console(file: IO[str]) -> Console:
    window = file.isatty() or "COLUMNS" in os.environ
    return Console(file=file, width=None if window else PIPE_WIDTH, markup=False, highlight=False, emoji=False)


def _print(console: Console, parts: Iterable[RenderableType]) -> None:
    for part in parts:
        # A path that is broken over two lines cannot be copied.
        console.print(part, soft_wrap=isinstance(part, Text))
