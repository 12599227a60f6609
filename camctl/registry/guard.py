"""The guard around third parties' code: whatever it raises becomes one error that names its package."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from camctl.errors import CamctlError, ExitCode, PluginError, line_in, one_line, out_of_memory
from camctl.registry.process import kept_process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from camctl.registry.discovery import Found


def fault(found: Found, problem: str) -> PluginError:
    """Return the error for a plugin; `problem` is a verb and what follows it."""
    remedy = f"To go on without it: pip uninstall {found.distribution}"
    if found.built_in:
        remedy = "camctl's own installation is damaged. Try: pip install --force-reinstall camctl"
    return PluginError(f"The {found.kind} {found.label} {problem}", hint=remedy)


@contextmanager
def guarded(found: Found, problem: str = "failed") -> Iterator[None]:
    """Turn a third party's exceptions into `PluginError`, even an attempt to end the process.

    What it prints goes to stderr: stdout belongs to the command, and may be JSON. Ctrl-C passes, and so does an error
    of camctl whose fields are sound. Too little memory is the machine's fault while a source loads a model.
    """
    try:
        with kept_process(f"{found.kind} {found.label}"):
            yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if found.built_in or is_sound(error) or (found.kind == "source" and out_of_memory(error)):
            raise
        raise fault(found, f"{problem}: {one_line(error)}{line_in(found.entry_point.module_name, error)}") from error


def is_sound(error: BaseException) -> bool:
    """Return whether an exception is a `CamctlError` that can be shown; its message is brought onto one line."""
    if not isinstance(error, CamctlError):
        return False
    fields = vars(error)
    message, hint = fields.get("message"), fields.get("hint")
    if not (isinstance(message, str) and isinstance(hint, str) and isinstance(error.exit_code, ExitCode)):
        return False
    error.message = " ".join(message.split())
    return True
