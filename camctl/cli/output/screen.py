"""Where words go: pictures, JSON and tables to stdout, words for people to stderr."""

from __future__ import annotations

import os
import sys
from typing import IO, TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from camctl.errors import CamctlError

PIPE_WIDTH = 140
"""Columns where nobody's window bounds them; a file or a pager has room."""


def out() -> Console:
    """The console on stdout; text is never read as markup."""
    return _console(sys.stdout)


def err() -> Console:
    """The console on stderr; text is never read as markup."""
    return _console(sys.stderr)


def _console(file: IO[str]) -> Console:
    window = file.isatty() or "COLUMNS" in os.environ
    return Console(file=file, width=None if window else PIPE_WIDTH, markup=False, highlight=False, emoji=False)


def say(*parts: str | tuple[str, str]) -> None:
    """One line on stderr, of texts and (text, style) pairs; never broken into several."""
    err().print(Text.assemble(*parts), soft_wrap=True)


def tell(error: CamctlError) -> None:
    """What went wrong and what to try, a line each."""
    say(("error: ", "bold red"), error.message)
    if error.hint:
        say(("hint: ", "bold cyan"), error.hint)


def print_json(value: Any) -> None:
    """JSON on stdout."""
    from camctl.files.manifest import json_text

    sys.stdout.write(json_text(value))
    # A pipe that is closed must be noticed here, where it can be handled, not when Python ends.
    sys.stdout.flush()
