"""What can go wrong, in the user's words: one root class, a message, a hint and an exit code."""

from __future__ import annotations

import sys
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

LONGEST_QUOTE = 300
"""Characters of another library's words that still fit into one line of ours."""


def one_line(error: BaseException) -> str:
    """An exception's kind and its own words, on one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:LONGEST_QUOTE]}" if text else type(error).__name__


def as_value(error: CamctlError) -> CamctlError:
    """An error that is kept instead of raised, without its traceback: its frames hold models and tensors."""
    error.__traceback__ = error.__cause__ = error.__context__ = None
    return error


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that a device or this machine has too little memory; imports no torch."""
    torch = sys.modules.get("torch")
    device = torch is not None and isinstance(error, torch.OutOfMemoryError)
    return device or isinstance(error, MemoryError) or "can't allocate memory" in str(error)


class CamctlError(Exception):
    """Something the user can mend. `hint` names the next command or step to try.

    Exit code 1: the work failed although it was asked for rightly.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(CamctlError):
    """A wrong option, picture, model, checkpoint, layer or class. Exit code 2."""

    exit_code = 2


class UnknownNameError(InputError):
    """The user named a method, adapter, source, layer or class that does not exist."""

    def __init__(self, kind: str, name: str, known: Collection[str], *, hint: str = "") -> None:
        lowered = {item.casefold(): item for item in known}
        close = [lowered[item] for item in get_close_matches(name.casefold(), lowered, n=3)]
        if close:
            hint = f"Did you mean {' or '.join(close)}?" + (f" {hint}" if hint else "")
        elif not hint:
            hint = f"Choose from: {', '.join(sorted(known))}."
        super().__init__(f"There is no {kind} named '{name}'.", hint=hint)


class PluginError(CamctlError):
    """A plugin cannot be loaded, clashes with another, or failed while it worked. Exit code 3."""

    exit_code = 3


class SpoiltModelError(PluginError):
    """A plugin changed the weights of the model, which cannot be run any more: it costs the model, not a map alone."""
