"""The command line: one file per command, which parses, calls the pipeline and reports."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

from camctl.cli.process import interruptible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camctl.cli.process import Call


def main(args: Sequence[str] | None = None) -> NoReturn:
    """The console script: run the command and end the process with its exit code."""
    words = list(sys.argv[1:] if args is None else args)
    try:
        with interruptible(last=args is None) as call:
            code = call(lambda: _run(words, call))
    except KeyboardInterrupt as error:
        code = getattr(error, "code", 130)
    sys.exit(code)


def _run(words: list[str], call: Call) -> int:
    # Here, since a signal may come while typer loads.
    from camctl.cli.app import main as run

    return run(words, call)


__all__ = ["main"]
