"""Worker processes: forked where that can be, so that nothing must be pickled."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.context import BaseContext
    from types import TracebackType


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def context() -> BaseContext | None:
    """Return how to start processes: forked, or None for the system's own way, in which everything is pickled."""
    return multiprocessing.get_context("fork") if "fork" in multiprocessing.get_all_start_methods() else None


@contextmanager
def forking() -> Iterator[None]:
    """Fork inside the block: OpenCV has no threads there, which a fork leaves dead, so that who uses them hangs."""
    import cv2

    threads = cv2.getNumThreads()
    cv2.setNumThreads(0)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


def leave_signals_to_parent(_worker: int = 0) -> None:
    """Let a new worker ignore Ctrl-C, which its parent hears as well, and end without words if it is told to end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: os._exit(0))
    # The thread that hands tensors over prints what it meets when the parent is gone first.
    sys.excepthook = _unless_parent_is_gone


def _unless_parent_is_gone(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """Print an error of a worker, but for a connection that its parent has closed."""
    if not issubclass(kind, (ConnectionError, EOFError)):
        sys.__excepthook__(kind, error, traceback)
