"""Failures of the user's code and configs, as errors in the user's words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from camctl.errors import InputError, line_in, one_line


@contextmanager
def reported(message: str, hint: str, *, module: str = "") -> Iterator[None]:
    """Raise `InputError` with this message for whatever is raised inside the block; an `InputError` passes through.

    With the `module` that runs in it, the message ends in the line of its package that failed.
    """
    try:
        yield
    except (InputError, KeyboardInterrupt):
        raise
    except BaseException as error:  # the user's code may raise anything
        line = line_in(module, error) if module else ""
        raise InputError(f"{message}: {one_line(error)}{line}", hint=hint) from error
