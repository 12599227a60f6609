"""The state of the process that third parties' code may change: kept around it, and put back."""

from __future__ import annotations

import atexit
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from camctl.errors import one_line
from camctl.registry.discovery import warn_once

if TYPE_CHECKING:
    from typing import TextIO

_lock = threading.RLock()
_inside: list[str] = []
"""Plugins at work now, outermost first: the state is kept around the outermost."""
_threads: WeakKeyDictionary[threading.Thread, str] = WeakKeyDictionary()
"""Threads that plugins left running, and whose they are."""


@contextmanager
def kept_process(owner: str) -> Iterator[None]:
    """Put back what a plugin changes of the process, when the outermost plugin at work is done.

    Standard output is led to standard error inside. Kept are: descriptors 0 to 2 and the streams over them, the current
    folder, `sys.path`, the recursion limit, handlers of signals and of errors, and torch's settings. Errors of the
    threads and the exit functions that it leaves cost a line each.
    """
    with _lock:
        stack = _kept(owner) if not _inside else None
        _inside.append(owner)
    try:
        yield
    finally:
        with _lock:
            _inside.remove(owner)
            if stack is not None:
                sys.setrecursionlimit(max(sys.getrecursionlimit(), 1000))  # what follows needs more than a few frames
                stack.close()


def _kept(owner: str) -> ExitStack:
    """Keep everything; the stack's end puts it back, what was kept last first."""
    stack = ExitStack()
    for keep in (_errors, _settings, _folder, _descriptors, _streams, _torch):
        stack.enter_context(keep(owner))
    return stack


@contextmanager
def _settings(_owner: str) -> Iterator[None]:
    """Keep the recursion limit, `sys.path`'s entries and the handlers of signals."""
    limit, path = sys.getrecursionlimit(), list(sys.path)
    main = threading.current_thread() is threading.main_thread()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)} if main else {}
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
        if not set(path) <= set(sys.path):
            sys.path[:] = [*path, *(folder for folder in sys.path if folder not in path)]
        for number, handler in handlers.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)


@contextmanager
def _folder(_owner: str) -> Iterator[None]:
    """Keep the current folder."""
    before = _current_folder()
    try:
        yield
    finally:
        if before and _current_folder() != before:
            with suppress(OSError):
                os.chdir(before)


def _current_folder() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 - a text, a dozen times a picture
    except OSError:
        return ""


@contextmanager
def _descriptors(_owner: str) -> Iterator[None]:
    """Keep the three standard descriptors, and lead 1 to 2: libraries in C print there as well."""
    copies: dict[int, int] = {}
    for number in range(3):
        with suppress(OSError):
            copies[number] = os.dup(number)
    with suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
    if 1 in copies and 2 in copies:  # noqa: PLR2004
        os.dup2(2, 1)
    try:
        yield
    finally:
        for number, copy in copies.items():
            with suppress(OSError):
                os.dup2(copy, number)
                os.close(copy)


class _Printed(io.TextIOBase):
    """What plugins see as `sys.stdout`: it writes to `sys.stderr`, and cannot be closed or changed."""

    def write(self, text: str) -> int:
        """Write to standard error, if there is one."""
        stream = sys.stderr
        if stream is not None and stream is not self:
            with suppress(OSError, ValueError):
                stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush standard error."""
        with suppress(OSError, ValueError, AttributeError):
            sys.stderr.flush()

    def writable(self) -> bool:
        """Return True."""
        return True

    def isatty(self) -> bool:
        """Return whether standard error is a terminal."""
        return sys.stderr is not None and not sys.stderr.closed and sys.stderr.isatty()

    def fileno(self) -> int:
        """Return standard error's descriptor."""
        return sys.stderr.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Standard error's encoding."""
        return getattr(sys.stderr, "encoding", None) or "utf-8"

    @property
    def buffer(self) -> Any:
        """Standard error's bytes."""
        return sys.stderr.buffer

    def close(self) -> None:
        """Do nothing."""

    def reconfigure(self, **_options: Any) -> None:
        """Do nothing."""


@contextmanager
def _streams(_owner: str) -> Iterator[None]:
    """Keep `sys.stdout` and `sys.stderr`, and the first ones: what was closed is opened anew over its descriptor."""
    # The first ones may be what the others write to, or will be again when a redirection ends.
    streams = sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__
    coding = [(getattr(stream, "encoding", None), getattr(stream, "errors", None)) for stream in streams]
    open_before = [stream is not None and not stream.closed for stream in streams]
    sys.stdout = sys.__stdout__ = _Printed()  # type: ignore[assignment, misc]
    try:
        yield
    finally:
        sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__ = (  # type: ignore[assignment, misc]
            _revived(stream, number, *words) if stream is not None and was_open else stream
            for stream, number, words, was_open in zip(streams, (1, 2, 1, 2), coding, open_before, strict=True)
        )


def _revived(stream: TextIO, number: int, encoding: str | None, errors: str | None) -> TextIO:
    """Return a stream as it was: open, with its encoding."""
    if stream.closed:
        try:
            return open(number, "w", encoding=encoding, errors=errors, closefd=False)
        except (OSError, LookupError):
            return stream
    if getattr(stream, "encoding", None) != encoding and isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding=encoding, errors=errors)
    return stream


@contextmanager
def _errors(owner: str) -> Iterator[None]:
    """Say errors of a plugin's threads, exit functions and finalisers in one line each."""
    before = set(threading.enumerate())
    hooks = (threading.excepthook, sys.unraisablehook, sys.excepthook)
    register = atexit.register

    def of_thread(args: Any) -> None:
        label = _threads.get(args.thread) if args.thread is not None else None
        if label is None and (args.thread in before or owner not in _inside):
            hooks[0](args)
        elif not issubclass(args.exc_type, SystemExit):
            warn_once(f"A thread of the {label or owner} failed: {one_line(args.exc_value)}")

    def of_object(args: Any) -> None:
        if args.exc_value is not None:
            warn_once(f"An object of the {owner} failed: {one_line(args.exc_value)}")

    def at_end(function: Callable[..., Any], *args: Any, **options: Any) -> Callable[..., Any]:
        register(_Ending(owner, function), *args, **options)
        return function

    threading.excepthook, sys.unraisablehook, atexit.register = of_thread, of_object, at_end  # type: ignore[assignment]
    try:
        yield
    finally:
        left = [thread for thread in threading.enumerate() if thread not in before]
        _threads.update(dict.fromkeys(left, owner))
        # Its threads may fail later: the handler stays as long as there may be one.
        threading.excepthook = of_thread if left else hooks[0]
        sys.unraisablehook, sys.excepthook = hooks[1:]
        atexit.register = register


class _Ending:
    """A function that a plugin registered for the end of the process; equal to it, so that it can be unregistered."""

    def __init__(self, owner: str, function: Callable[..., Any]) -> None:
        self._owner, self._function = owner, function

    def __call__(self, *args: Any, **options: Any) -> None:
        try:
            with kept_process(self._owner):
                self._function(*args, **options)
        except BaseException as error:  # noqa: BLE001 - Python would print a traceback
            with suppress(Exception):
                warn_once(f"What the {self._owner} does at the end failed: {one_line(error)}")

    def __eq__(self, other: object) -> bool:
        return other is self or self._function == other

    def __hash__(self) -> int:
        return hash(self._function)


@contextmanager
def _torch(_owner: str) -> Iterator[None]:
    """Keep torch's settings, if it is loaded; its random numbers are put back if the plugin set the seed."""
    if "torch" not in sys.modules:
        yield
        return
    import torch

    readers: dict[Callable[[], Any], Callable[[Any], Any]] = {
        torch.is_grad_enabled: torch.set_grad_enabled,
        torch.get_default_dtype: torch.set_default_dtype,
        torch.get_num_threads: torch.set_num_threads,
        torch.get_float32_matmul_precision: torch.set_float32_matmul_precision,
        # None and the CPU are one, but for what the CPU's own context costs.
        torch.get_default_device: lambda device: torch.set_default_device(None if device.type == "cpu" else device),
    }
    before = {read: read() for read in readers}
    deterministic = _deterministic()
    seed, random = torch.initial_seed(), torch.get_rng_state()
    try:
        yield
    finally:
        for read, write in readers.items():
            if read() != before[read]:
                write(before[read])
        if _deterministic() != deterministic:
            torch.use_deterministic_algorithms(deterministic[0], warn_only=deterministic[1])
        if torch.initial_seed() != seed:
            torch.set_rng_state(random)


def _deterministic() -> tuple[bool, bool]:
    import torch

    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
