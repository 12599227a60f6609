"""The one place where errors become words and exit codes."""

from __future__ import annotations

import sys
import warnings
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from camctl.cli.output.sink import BrokenOutput, error_lines, line, warn
from camctl.cli.parsing.wrong_options import UNKNOWN, invalid
from camctl.errors import CamctlError, ExitCode, InputError, PluginWarning, out_of_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BUG = (
    "This is a bug in camctl or in a plugin: please report it with the lines below and the output of camctl --version."
)


def guard(command: Callable[[], int | None]) -> int:
    """Run a command and return its exit code; an unexpected exception keeps its traceback, after one line of words."""
    try:
        with warnings.catch_warnings():
            _quieten()
            return command() or ExitCode.DONE
    except CamctlError as error:
        return _report(error)
    except KeyboardInterrupt as error:
        return getattr(error, "code", ExitCode.INTERRUPTED)
    except BrokenOutput:
        return ExitCode.BROKEN_PIPE
    except Exception as error:
        if shortage := _shortage(error):
            return _report(shortage)
        warn([line(("error: ", "bold red"), BUG)])
        raise


def _report(error: CamctlError) -> int:
    with suppress(CamctlError, BrokenOutput):  # nobody can be told
        warn(error_lines(error))
    return error.exit_code


@contextmanager
def usage_in_words(hint: str, *, missing: str = "", meant: Callable[[str], str] = lambda _option: "") -> Iterator[None]:
    """Raise an `InputError` for what typer finds wrong with the words of a command.

    `missing` is said before the hint if an argument is missing, and what `meant` returns if an option is unknown.
    """
    try:
        yield
    except Exception as error:
        # Typer exports one kind of usage error only. All of them have this method, and no other error has.
        words = getattr(error, "format_message", None)
        if words is None:
            raise
        message = " ".join(words().split())
        if message.startswith("Missing argument") and missing:
            hint = f"{missing} {hint}"
        if unknown := UNKNOWN.match(message):
            message, hint = f"No such option: {unknown[1]}.", f"{meant(unknown[1])} {hint}".strip()
        if wrong := invalid(message, hint):
            raise wrong from None
        raise InputError(message if message.endswith((".", "?", ")")) else f"{message}.", hint=hint) from None


def _quieten() -> None:
    """Hide other people's warnings, which are for developers, unless Python was asked for them (`-W`)."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", PluginWarning)
    usual = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *where: object, **more: object) -> None:
        if issubclass(category, PluginWarning):
            warn([line(("warning: ", "bold yellow"), str(message))])
        else:
            usual(message, category, *where, **more)  # type: ignore[arg-type]

    warnings.showwarning = show


def _shortage(error: Exception) -> CamctlError | None:
    """Return an error for too little memory."""
    if not out_of_memory(error):
        return None
    torch = sys.modules.get("torch")
    on_device = torch is not None and isinstance(error, torch.OutOfMemoryError)
    advice = "Try fewer --method and --target-layers at a time, without --aug-smooth"
    return CamctlError(
        f"{'The device' if on_device else 'This machine'} has too little memory for this.",
        hint=f"{advice}, or --device cpu." if on_device else f"{advice}.",
    )
