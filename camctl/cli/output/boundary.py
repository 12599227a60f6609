"""The one place where errors become words and exit codes."""

from __future__ import annotations

import errno
import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from camctl.cli.output.screen import say, tell
from camctl.cli.parsing.lists import LIST_GIVEN
from camctl.errors import CamctlError, ExitCode, InputError, out_of_memory
from camctl.registry.discovery import PluginWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BUG = (
    "This is a bug in camctl or in a plugin: please report it with the lines below and the output of camctl --version."
)


def guard(command: Callable[[], object]) -> int:
    """Run a command and give its exit code; an unexpected exception keeps its traceback, after one line of words."""
    try:
        with warnings.catch_warnings():
            _quieten()
            command()
    except CamctlError as error:
        tell(error)
        return error.exit_code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except Exception as error:
        if shortage := _out_of_memory(error) or _disk_full(error):
            tell(shortage)
            return shortage.exit_code
        say(("error: ", "bold red"), BUG)
        raise
    return 0


# Typer gives a name to one kind of usage error only; what it is a kind of holds them all.
_Usage: type[Exception] = typer.BadParameter.__mro__[1]


@contextmanager
def usage_in_words() -> Iterator[None]:
    """What typer finds wrong with the words of a command is an `InputError` as any other, not a box of its own."""
    try:
        yield
    except _Usage as error:
        said = " ".join(error.format_message().split())  # type: ignore[attr-defined]
        context = getattr(error, "ctx", None)
        hint = f"See: {context.command_path if context else 'camctl'} --help"
        if said.startswith("Missing argument") and context and context.meta.get(LIST_GIVEN):
            hint = f"It goes before options that take several values, or after a --. {hint}"
        raise InputError(said if said.endswith((".", "?")) else f"{said}.", hint=hint) from None


def _quieten() -> None:
    """Other people's warnings are for developers: they are shown where Python was asked for them (`-W`)."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", PluginWarning)
    usual = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *where: object, **more: object) -> None:
        if issubclass(category, PluginWarning):
            say(("warning: ", "bold yellow"), str(message))
        else:
            usual(message, category, *where, **more)  # type: ignore[arg-type]

    warnings.showwarning = show


def _disk_full(error: Exception) -> CamctlError | None:
    """Files say so themselves, where they are written; what is left is standard output."""
    if not isinstance(error, OSError) or error.errno not in {errno.ENOSPC, errno.EDQUOT}:
        return None
    return CamctlError("Standard output cannot be written: the disk is full.", hint="Send it elsewhere: command > FILE")


def _out_of_memory(error: Exception) -> CamctlError | None:
    if not out_of_memory(error):
        return None
    torch = sys.modules.get("torch")
    device = torch is not None and isinstance(error, torch.OutOfMemoryError)
    where = "The device" if device else "This machine"
    hint = "Try fewer --method and --target-layers at a time, without --aug-smooth" + (
        ", or --device cpu." if device else "."
    )
    return CamctlError(f"{where} has too little memory for this.", hint=hint)
