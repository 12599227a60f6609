"""The process that a command runs in: its streams, the size of its terminal, its signals and its end."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import time
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from camctl.errors import ExitCode, InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

Result = TypeVar("Result")

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Signals that end a command: each leaves what it writes whole, and no draft behind."""

TYPED: ContextVar[tuple[str, ...]] = ContextVar("TYPED", default=())
"""The words after `camctl` on the command line."""

SIZES = ("COLUMNS", "LINES", "TERMINAL_WIDTH")
"""Variables of the environment that rich and typer read as numbers."""

MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1
"""Numbers of two settings of glibc's `mallopt`."""

KEPT = 2**30
"""Bytes of a block, and of free memory, that are not given back to the system."""

TOGETHER = 1.0
"""Seconds in which a signal that comes again is the same one: a closed window is reported by shell and system."""


class Call(Protocol):
    """Calls a function, and raises `Interrupted` if a signal came, whatever became of it there."""

    def __call__(self, function: Callable[[], Result], /) -> Result:
        """Return what the function returns."""


class Interrupted(KeyboardInterrupt):
    """A signal asked the command to end; it passes wherever Ctrl-C does."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.code = 128 + number


# --------------------------------------------------------------------------------------- streams


def mend_streams() -> None:
    """Open standard streams that are closed, and let the others write signs that they cannot encode.

    Writing to a stdout that was closed fails as before; words on a stderr that was closed are dropped.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # A file opened later would get this number, and be written to by whatever prints.
            os.open(os.devnull, os.O_WRONLY if number == 2 else os.O_RDONLY)  # noqa: PLR2004 - that of stderr
    for name, number in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(number, "w", encoding="utf-8", errors="replace", closefd=False))  # noqa: SIM115 - as long as the process
        elif hasattr(stream, "reconfigure"):
            # A label that the terminal's encoding lacks is no reason to fail.
            stream.reconfigure(errors="replace")


def mend_sizes() -> None:
    """Forget sizes of the terminal that are none, such as -1, or that no terminal has."""
    for name in SIZES:
        if not re.fullmatch(r"[1-9]\d{0,3}", os.environ.get(name, "1"), re.ASCII):
            del os.environ[name]


def check_folder() -> None:
    """Raise `InputError` if the current folder was removed: no path means anything, and torch's libraries end there."""
    try:
        Path.cwd()
    except OSError:
        raise InputError("The current folder was removed.", hint="Go to one that is there: cd FOLDER") from None


def keep_memory() -> None:
    """Keep freed memory for the next batch, where the C library is glibc.

    It gives blocks of some megabytes back to the system at once, and the system clears each page again: a batch of 16
    pictures takes 1.7 times as long then. Whoever sets `MALLOC_` variables is left alone.
    """
    if any(name.startswith("MALLOC_") for name in os.environ):
        return
    from ctypes import CDLL

    with suppress(AttributeError, OSError, TypeError):  # another C library
        library = CDLL(None)
        library.mallopt(MMAP_THRESHOLD, KEPT)
        library.mallopt(TRIM_THRESHOLD, KEPT)


def flush() -> int:
    """Write what is left; return the exit code of what cannot be written, which is dropped without a word."""
    code = ExitCode.DONE
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError as error:
            code = max(code, ExitCode.BROKEN_PIPE if isinstance(error, BrokenPipeError) else ExitCode.FAILED)
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        except ValueError:  # it was closed by what ran
            continue
    return code


# --------------------------------------------------------------------------------------- signals


class _Signals:
    """What came while a command ran."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.first = 0
        self.lost = False
        self.last_time = -TOGETHER

    def interrupt(self, number: int, _frame: FrameType | None) -> None:
        """Raise `Interrupted` in the command; a forked process ends as if nobody handled the signal."""
        if os.getpid() != self.process:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        again = time.monotonic() - self.last_time < TOGETHER and not self.lost
        if again and number != signal.SIGINT:
            return
        self.first, self.last_time, self.lost = self.first or number, time.monotonic(), False
        raise Interrupted(number)

    def send_again(self) -> None:
        """Interrupt once more, since what was raised was lost in a callback of Python's own."""
        self.lost = True
        time.sleep(0.01)
        os.kill(self.process, self.first)


def _leave(number: int, _frame: FrameType | None) -> None:
    os._exit(128 + number)


@contextmanager
def interruptible(*, last: bool) -> Iterator[Call]:
    """Let signals end a command by an exception, so that everything in `finally` is done; ignored ones stay ignored.

    Gives what to call the command by. With `last` nothing is left to do afterwards: a signal then ends the process.
    """
    came = _Signals()
    usual, hook = {}, sys.unraisablehook

    def call(command: Callable[[], Result]) -> Result:
        try:
            result = command()
        except Exception:
            if came.first:  # somebody made another exception of it
                raise Interrupted(came.first) from None
            raise
        if came.first:
            raise Interrupted(came.first)
        return result

    def unraisable(lost: sys.UnraisableHookArgs) -> None:
        if isinstance(lost.exc_value, Interrupted):
            threading.Thread(target=came.send_again, daemon=True).start()
        else:
            hook(lost)

    if threading.current_thread() is threading.main_thread():
        handlers = {number: signal.getsignal(number) for number in SIGNALS}
        usual = {number: old for number, old in handlers.items() if old in {signal.SIG_DFL, signal.default_int_handler}}
    try:
        sys.unraisablehook = unraisable
        for number in usual:
            signal.signal(number, came.interrupt)
        yield call
    finally:
        for number, old in usual.items():
            signal.signal(number, _leave if last else old)
        sys.unraisablehook = hook
