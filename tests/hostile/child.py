"""The process that a case runs in: forked from a parent that has imported everything, with limits and streams."""

from __future__ import annotations

import ctypes
import faulthandler
import io
import os
import resource
import signal
import struct
import subprocess
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from tests.hostile.case import Case

MEMORY = 4 << 30
"""Bytes of address space more than at the start."""
FILE_SIZE = 256 << 20
CPU_SECONDS = 90
_CAPABILITIES = (1, 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH


def environment(case: Case, folder: Path) -> dict[str, str]:
    """Everything that could reach the user's own files points into the case's folder."""
    home = str(folder / "home")
    own = {"HOME": home, "TORCH_HOME": home, "XDG_CACHE_HOME": home, "HF_HOME": home, "no_proxy": "*", "TERM": "xterm"}
    return own | case.environment


def run_in_child(case: Case, folder: Path, streams: tuple[int, int], fault: int, ready: int | None = None) -> NoReturn:
    """Run the command in this forked process and end it as Python would; never returns.

    `ready` is a pipe that a byte is written to just before the command starts.
    """
    code = 70
    try:
        import atexit

        atexit._clear()
        os.environ.update(environment(case, folder))
        os.chdir(folder)
        _limit()
        faulthandler.enable(fault)
        faulthandler.register(signal.SIGUSR1, fault, all_threads=True)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        sys.path[:0] = [str(folder / each) for each in case.path]
        sys.argv = ["camctl", *case.words]
        if case.gone:
            (folder / "gone").mkdir()
            os.chdir(folder / "gone")
            (folder / "gone").rmdir()
        if case.unprivileged:
            _give_up_rights()
        _connect(case, streams)
        if ready is not None:
            os.write(ready, b"!")
        code = _command(case.words)
        code = _finish(code)
    finally:
        os._exit(code)


def start_real(case: Case, folder: Path, streams: tuple[int, int]) -> subprocess.Popen[bytes]:
    """Run the command as a process of its own."""
    places = [*(str(folder / each) for each in case.path), str(Path.cwd()), os.environ.get("PYTHONPATH", "")]
    variables = os.environ | environment(case, folder) | {"PYTHONPATH": os.pathsep.join(filter(None, places))}
    redirections = {
        "closed-out": "exec 1>&-", "closed-err": "exec 2>&-", "closed-both": "exec 1>&- 2>&-", "closed-in": "exec 0<&-",
        "full-out": "exec 1>/dev/full", "full-err": "exec 2>/dev/full",
    }  # fmt: skip
    first = "mkdir gone; cd gone; rmdir ../gone; " if case.gone else ""
    shell = f'{first}{redirections.get(case.streams, ":")}; exec "$0" "$@"'
    words = ["sh", "-c", shell, sys.executable, "-m", "camctl", *case.words]
    return subprocess.Popen(
        words, cwd=folder, env=variables, stdin=subprocess.DEVNULL, stdout=streams[0], stderr=streams[1]
    )


def _limit() -> None:
    with Path("/proc/self/statm").open() as file:
        pages = int(file.read().split()[0])
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_SIZE, FILE_SIZE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def _give_up_rights() -> None:
    """Drop the superuser's right to read and write whatever the mode of a file."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = struct.pack("Ii", 0x20080522, 0)
    data = bytearray(24)
    header_buffer = ctypes.create_string_buffer(header)
    buffer = (ctypes.c_char * 24).from_buffer(data)
    libc.capget(header_buffer, buffer)
    for start in (0, 4, 8):
        value = struct.unpack_from("I", data, start)[0]
        for bit in _CAPABILITIES:
            value &= ~(1 << bit)
        struct.pack_into("I", data, start, value)
    libc.capset(header_buffer, buffer)


def _connect(case: Case, streams: tuple[int, int]) -> None:
    """Put descriptors 0, 1 and 2 in place, and the three streams of `sys` over them as Python makes them."""
    null = os.open("/dev/null", os.O_RDONLY)
    out, err = streams
    if case.streams == "full-out":
        out = os.open("/dev/full", os.O_WRONLY)
    if case.streams == "full-err":
        err = os.open("/dev/full", os.O_WRONLY)
    for number, place in ((null, 0), (out, 1), (err, 2)):
        os.dup2(number, place)
    for place, names in ((0, ("closed-in",)), (1, ("closed-out", "closed-both")), (2, ("closed-err", "closed-both"))):
        if case.streams in names:
            os.close(place)
    encoding = "ascii" if case.streams == "ascii" else "utf-8"
    sys.stdin = _stream(0, "r", encoding, "strict")
    sys.stdout = sys.__stdout__ = _stream(1, "w", encoding, "surrogateescape" if encoding == "ascii" else "strict")
    sys.stderr = sys.__stderr__ = _stream(2, "w", encoding, "backslashreplace")


def _stream(number: int, mode: str, encoding: str, errors: str) -> io.TextIOWrapper | None:
    try:
        raw = open(number, f"{mode}b", closefd=False)  # noqa: SIM115 - it stays open
    except OSError:
        return None
    return io.TextIOWrapper(raw, encoding=encoding, errors=errors, line_buffering=raw.isatty() or number == 2)


def _command(words: list[str]) -> int:
    """The exit code of `main`, as Python's own end would have it; a traceback is printed."""
    from camctl.cli import main

    try:
        main(words)
    except SystemExit as end:
        if end.code is None:
            return 0
        if isinstance(end.code, int):
            return end.code & 255
        print(end.code, file=sys.stderr)  # noqa: T201 - as Python does
        return 1
    except KeyboardInterrupt:
        traceback.print_exc()
        return 130
    except BaseException:  # noqa: BLE001 - it is what is looked for
        with suppress(Exception):
            traceback.print_exc()
        return 1
    return 0


def _finish(code: int) -> int:
    """What Python does at its end: wait for threads, run what was registered, write what is left."""
    import atexit
    import threading

    threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        if stream is None or stream.closed:
            continue
        try:
            stream.flush()
        except (OSError, ValueError) as error:
            with suppress(Exception):
                os.write(2, f"Exception ignored while the last output was written\n{error!r}\n".encode())
            code = 120
    return code
