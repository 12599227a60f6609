"""Failures of the user's code and configs, as errors in the user's words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from camctl.errors import InputError, one_line


@contextmanager
def reported(message: str, hint: str) -> Iterator[None]:
    """Raise `InputError` with this message for whatever is raised inside the block; an `InputError` passes through."""
    try:
        yield
    except (InputError, KeyboardInterrupt):
        raise
    except BaseException as error:  # the user's code may raise anything
        raise InputError(f"{message}: {one_line(error)}", hint=hint) from error
