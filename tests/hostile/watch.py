"""Starting a case, reading what it prints, and ending it when it takes too long."""

from __future__ import annotations

import os
import pty
import select
import signal
import struct
import termios
import time
from contextlib import suppress
from dataclasses import dataclass
from fcntl import ioctl
from pathlib import Path
from typing import TYPE_CHECKING

from tests.hostile.child import run_in_child, start_real

if TYPE_CHECKING:
    from tests.hostile.case import Case

MOST_OUTPUT = 64 << 20
PATIENCE = 120.0
"""Seconds by the clock, whatever the load of the machine, after which a case hangs."""
IDLE = 8.0
"""Seconds without work of the processor, past the limit, after which a case hangs."""


@dataclass(kw_only=True)
class Ended:
    """How a case ended."""

    code: int
    """Exit code; the negative number of the signal that ended it."""
    out: bytes
    err: bytes
    seconds: float
    hung: bool
    fault: str
    """What faulthandler wrote: where a signal struck, or where it hung."""


@dataclass(kw_only=True)
class _Pair:
    """Both ends of a stream."""

    ours: int
    theirs: int


def watch(case: Case, folder: Path, limit: float) -> Ended:
    """Run a case in its folder, with `limit` seconds of processor time."""
    terminal = case.streams == "pty"
    pairs = [_pair(terminal=terminal) for _ in range(2)]
    for pair, name in zip(pairs, ("broken-out", "broken-err"), strict=True):
        if case.streams == name:
            os.close(pair.ours)
            pair.ours = -1
    theirs = (pairs[0].theirs, pairs[1].theirs)
    record = folder.with_name(f"{folder.name}.fault")
    fault = os.open(record, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
    started = time.monotonic()
    process = start_real(case, folder, theirs) if case.real else None
    pid = process.pid if process else os.fork()
    if not pid:
        for pair in pairs:
            if pair.ours >= 0:
                os.close(pair.ours)
        run_in_child(case, folder, theirs, fault)
    for number in (*theirs, fault):
        os.close(number)
    chunks, hung = _follow(pid, [pair.ours for pair in pairs], started, limit)
    status = process.wait() if process else os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    text = record.read_text(errors="replace")
    record.unlink()
    return Ended(
        code=status,
        out=chunks[0],
        err=chunks[1],
        seconds=time.monotonic() - started,
        hung=hung,
        fault=text,
    )


def _pair(*, terminal: bool) -> _Pair:
    if not terminal:
        ours, theirs = os.pipe()
        return _Pair(ours=ours, theirs=theirs)
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 200, 0, 0))
    mode = termios.tcgetattr(theirs)
    mode[1] &= ~termios.OPOST
    termios.tcsetattr(theirs, termios.TCSANOW, mode)
    return _Pair(ours=ours, theirs=theirs)


def _follow(pid: int, ours: list[int], started: float, limit: float) -> tuple[list[bytes], bool]:
    """Read both streams until the process has ended; end it when it hangs."""
    ended = os.pidfd_open(pid)
    buffers = [bytearray(), bytearray()]
    waiting = {number: buffers[index] for index, number in enumerate(ours) if number >= 0}
    work, last, hung, over = 0.0, time.monotonic(), False, False
    while not over:
        ready, _, _ = select.select([*waiting, ended], [], [], 0.25)
        over = ended in ready
        _read(waiting, ready)
        now = time.monotonic()
        if not over and not hung and now - started > limit:
            used = _processor_time(pid)
            if used > work + 0.02:
                work, last = used, now
            if used > limit or now - last > IDLE or now - started > PATIENCE:
                hung = True
                _end(pid)
    while waiting and (ready := select.select(list(waiting), [], [], 0)[0]):
        _read(waiting, ready)
    for number in waiting:
        os.close(number)
    os.close(ended)
    return [bytes(each) for each in buffers], hung


def _read(waiting: dict[int, bytearray], ready: list[int]) -> None:
    for number in ready:
        if number not in waiting:
            continue
        try:
            chunk = os.read(number, 1 << 16)
        except OSError:  # the other end of a terminal is closed
            chunk = b""
        if not chunk:
            os.close(number)
            del waiting[number]
        elif len(waiting[number]) < MOST_OUTPUT:
            waiting[number].extend(chunk)


def _processor_time(pid: int) -> float:
    with suppress(OSError), Path(f"/proc/{pid}/stat").open() as file:
        fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def _end(pid: int) -> None:
    """Have the process say where it is, and kill it."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGUSR1)
        time.sleep(0.3)
        os.kill(pid, signal.SIGKILL)
