"""The command line: one file per command, which parses, calls the pipeline and reports."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(args: Sequence[str] | None = None) -> NoReturn:
    """The console script: run the command and end the process with its exit code."""
    try:
        # Here, since Ctrl-C may come while typer loads.
        from camctl.cli.app import main as run

        run(args)
    except KeyboardInterrupt as error:  # just before the command started, or after it ended
        sys.exit(getattr(error, "code", 130))


__all__ = ["main"]
