"""The one place that prints: pictures, tables and JSON to stdout, words for people to stderr."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.segment import Segment
from rich.table import Column, Table
from rich.text import Text

from camctl.cli.output.progress import Progress, unbroken
from camctl.errors import CamctlError, printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import ConsoleOptions

Parts = Iterator[RenderableType]
"""What is printed, one after the other."""

PIPE_WIDTH = 140
"""Columns if no window bounds them; a file or a pager has room."""

WIDEST = 10_000

LONGEST_MESSAGE = 1200
"""Letters of an error that are shown."""


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
            from camctl.files.manifest import document, json_text

            # JSON escapes all other signs that a terminal obeys.
            write(json_text(document(value)).replace("\x7f", "\\u007f"))

    def show(self, *parts: RenderableType) -> None:
        """Print on stdout. Does nothing if JSON was asked for."""
        if not self.json:
            _print(stdout(), parts)

    def show_wide(self, table: Table, *, spare: int = 0) -> None:
        """Print a table as wide as it needs on stdout; a terminal cuts it at its right edge.

        `spare` is the number of the last columns that a window goes without if it is too narrow for them.
        """
        if not self.json:
            console = stdout()

            def needed() -> int:
                return console.measure(table, options=console.options.update(max_width=WIDEST)).maximum

            last = len(table.columns) - spare
            while _in_window(console.file) and needed() > console.width and len(table.columns) > last:
                table.columns.pop()
            table.width = needed()
            if not console.is_terminal:
                console.width = max(console.width, table.width)
            console.print(table)

    def tell(self, parts: Iterable[RenderableType]) -> None:
        """Print words for people on stderr. Does nothing, and makes none of them, if JSON or quiet was asked for."""
        if self.human:
            warn(parts)

    @contextmanager
    def working(self) -> Iterator[Progress]:
        """Tell on stderr what is being done, and keep stdout clean of what libraries print."""
        console = stderr()
        progress = Progress(console, watched=console.is_terminal and self.human, told=self.human)
        with redirect_stdout(console.file):
            try:
                yield progress
            finally:
                progress.say("")


def write(text: str) -> None:
    """Write a text to stdout as it is. Raises `BrokenOutput` or `CamctlError`."""
    with writing():
        sys.stdout.write(text)
        # A closed pipe must be noticed here, where it can be handled, not when Python ends.
        sys.stdout.flush()


def warn(parts: Iterable[RenderableType]) -> None:
    """Print words on stderr, whatever was asked for."""
    _print(stderr(), parts)


def stdout() -> Console:
    """Return a console on stdout, which never reads text as markup."""
    return _console(sys.stdout)


def stderr() -> Console:
    """Return a console on stderr, which never reads text as markup."""
    return _console(sys.stderr)


def line(*parts: str | tuple[str, str] | Text) -> Text:
    """Make one line of texts and (text, style) pairs, which is never broken into several."""
    return Text.assemble(*(part if isinstance(part, Text) else _whole(part) for part in parts))


def _whole(part: str | tuple[str, str]) -> str | tuple[str, str]:
    return unbroken(part) if isinstance(part, str) else (unbroken(part[0]), part[1])


def hint(text: str) -> Text:
    """Return the line that says what to try next."""
    return line(("hint: ", "bold cyan"), text)


def note(text: str, label: str = "note") -> Text:
    """Return a line of information with its label."""
    return line((f"{label}: ", "cyan"), text)


def error_lines(error: CamctlError) -> Iterator[Text]:
    """Yield what went wrong and what to try, a line each."""
    message = error.message
    if len(message) > LONGEST_MESSAGE:  # a word of the command line, quoted, may be longer than a book
        message = f"{message[: LONGEST_MESSAGE // 2]} … {message[-LONGEST_MESSAGE // 2 :]}"
    yield line(("error: ", "bold red"), message)
    if error.hint:
        yield hint(error.hint)


def plain_table(*headings: str | Column, gap: int = 2) -> Table:
    """Return a table without lines, with `gap` columns between its columns."""
    return Table(*headings, box=None, padding=(0, gap, 0, 0), header_style="dim", pad_edge=False)


NARROW = 100
"""Columns of a window below which words stand under the names that they are about, not beside them."""


def ruled_table(*headings: str | Column, **options: Any) -> Table:
    """Return a table with a line under its headings; keywords are those of rich's `Table`."""
    return Table(*headings, box=SIMPLE_HEAD, pad_edge=False, **options)


def indented(part: RenderableType) -> Padding:
    """Return a part that is moved to the right."""
    return Padding(part, (0, 0, 0, 2))


class BrokenOutput(Exception):  # noqa: N818 - nothing is wrong
    """Nobody reads what is printed any more: the command ends without a word."""


@contextmanager
def writing(name: str = "Standard output") -> Iterator[None]:
    """Raise `BrokenOutput` or `CamctlError` for a stream that cannot be written."""
    try:
        yield
    except BrokenPipeError:
        raise BrokenOutput from None
    except OSError as error:
        faults = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the disk is full", errno.EBADF: "it is closed"}
        reason = faults.get(error.errno or 0) or error.strerror or type(error).__name__
        hint = "Redirect it elsewhere: command > FILE"
        raise CamctlError(f"{name} cannot be written: {reason}.", hint=hint) from None
    except UnicodeEncodeError as error:
        message = f"{name} cannot be written: its encoding, {error.encoding}, lacks some signs."
        raise CamctlError(message, hint="Set the variable PYTHONIOENCODING=utf-8.") from None
    except ValueError:
        message = f"{name} cannot be written: it was closed while the command ran."
        raise CamctlError(message, hint="Look for what closes it: a plugin, or the model's own code.") from None


class _Console(Console):
    """A console that no text of others controls, that pads no line on a pipe, and whose failures are told in words."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        segments = self._shown(renderable, options)
        return segments if self.is_terminal else _unpadded(segments)

    def _shown(self, renderable: RenderableType, options: ConsoleOptions | None) -> Iterator[Segment]:
        for segment in super().render(renderable, options):
            text = segment.text
            if segment.control or text.isprintable() or text == "\n":
                yield segment
            else:
                yield Segment(printable(text), segment.style)

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(unbroken(text), **options)

    def on_broken_pipe(self) -> None:
        raise BrokenOutput from None

    def __exit__(self, *error: object) -> None:  # whatever prints, writes here
        with writing("Standard error" if self.file is sys.stderr else "Standard output"):
            super().__exit__(*error)


def _unpadded(segments: Iterable[Segment]) -> Iterator[Segment]:
    """Yield segments without the blanks that end a line, which rich adds to fill the width."""
    blanks: list[Segment] = []
    for segment in segments:
        if segment.control:
            yield segment
            continue
        text = unpadded(segment.text)
        words = text.rstrip(" ")
        if words:
            if not words.startswith("\n"):
                yield from blanks
            yield Segment(words, segment.style)
            blanks.clear()
        if words != text:
            blanks.append(Segment(text[len(words) :], segment.style))
    yield from blanks


def unpadded(text: str) -> str:
    """Return a text without the blanks that end its lines."""
    return re.sub(" +\n", "\n", text)


def _console(file: IO[str]) -> Console:
    width = None if _in_window(file) else PIPE_WIDTH
    return _Console(file=file, width=width, markup=False, highlight=False, emoji=False)


def _in_window(file: IO[str]) -> bool:
    return file.isatty() or "COLUMNS" in os.environ


def _print(console: Console, parts: Iterable[RenderableType]) -> None:
    for part in parts:
        # A path that is broken over two lines cannot be copied.
        console.print(part, soft_wrap=isinstance(part, Text))
