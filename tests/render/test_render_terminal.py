"""A picture shows in any terminal, and no terminal makes it hang or fail."""

from __future__ import annotations

import contextlib
import io
import os
import select
import struct
import subprocess
import sys
import time

import numpy as np
import pytest
from rich.console import Console

from camctl.render.terminal.picture import MOST_COLUMNS, SHADES, show


def console(width=80, height=40, **options):
    options = {"force_terminal": True, "color_system": "truecolor", "no_color": False} | options
    return Console(file=io.StringIO(), width=width, height=height, _environ={"TERM": "xterm"}, **options)


def drawn(pixels, **options):
    target = console(**options)
    show(pixels, target)
    return target.file.getvalue()


def blocks(text):
    return [line.count("▀") for line in text.splitlines()]


def test_two_pixels_share_a_cell_in_their_own_colours():
    pixels = np.zeros((2, 1, 3), np.uint8)
    pixels[0, 0], pixels[1, 0] = (250, 10, 20), (30, 40, 240)
    text = drawn(pixels.repeat(30, 0).repeat(30, 1))
    first, last = text.splitlines()[0], text.splitlines()[-1]
    assert "38;2;250;10;20" in first
    assert "48;2;30;40;240" in last


def test_a_square_picture_is_twice_as_many_columns_as_rows():
    assert blocks(drawn(np.zeros((224, 224, 3), np.uint8))) == [MOST_COLUMNS] * (MOST_COLUMNS // 2)


@pytest.mark.parametrize("size", [(1, 1), (224, 224), (50, 20000), (20000, 50), (3, 400)])
@pytest.mark.parametrize(("width", "height"), [(80, 24), (20, 10), (1, 1), (300, 100)])
def test_a_picture_is_never_larger_than_the_terminal(size, width, height):
    lines = blocks(drawn(np.zeros((*size, 3), np.uint8), width=width, height=height))
    assert 1 <= len(lines) <= max(1, height - 1)
    assert 1 <= max(lines) <= min(width, MOST_COLUMNS)
    assert len(set(lines)) == 1


@pytest.mark.parametrize("options", [{"no_color": True}, {"color_system": None}])
def test_without_colour_light_and_dark_are_told_by_letters(options):
    pixels = np.zeros((40, 40, 3), np.uint8)
    pixels[:, 20:] = 255
    text = drawn(pixels, **options)
    line = text.splitlines()[0]
    assert line.startswith(SHADES[0] * 20)
    assert line.rstrip().endswith(SHADES[-1] * 20)


def test_a_console_that_is_no_terminal_gets_no_questions():
    assert "\x1b" not in drawn(np.zeros((8, 8, 3), np.uint8), force_terminal=False, color_system=None)


PROGRAM = """
import numpy as np
from rich.console import Console
from camctl.render.terminal.picture import show
show(np.full((64, 64, 3), 200, np.uint8), Console())
print("done")
"""


def in_terminal(answer, *, size=(40, 80, 800, 800)):
    """What a terminal of `size` (rows, columns, pixels, pixels) that gives `answer` to DA1 is sent."""
    fcntl, pty, termios = (pytest.importorskip(name) for name in ("fcntl", "pty", "termios"))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *size))
    without = {"NO_COLOR", "COLUMNS", "LINES"}  # of whatever runs the tests
    environment = {name: value for name, value in os.environ.items() if name not in without} | {
        "TERM": "xterm-256color"
    }
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        preexec_fn=lambda: (os.setsid(), fcntl.ioctl(0, termios.TIOCSCTTY, 0)),  # noqa: PLW1509 (its own terminal)
    ) as process:
        os.close(theirs)
        sent, end = b"", time.monotonic() + 15
        while time.monotonic() < end and select.select([ours], [], [], end - time.monotonic())[0]:
            try:
                new = os.read(ours, 65536)
            except OSError:  # Linux says so when the other end is closed
                break
            if not new:
                break
            sent += new
            if b"\x1b[c" in new:
                os.write(ours, answer)
        with contextlib.suppress(OSError):
            process.kill()
    os.close(ours)
    return sent


@pytest.mark.parametrize(
    "answer", [b"", b"\x1b[?1;2c", b"\xff\xfe nonsense"], ids=["silence", "no graphics", "nonsense"]
)
def test_a_terminal_without_graphics_gets_half_blocks(answer):
    sent = in_terminal(answer)
    assert sent.count("▀".encode()) == MOST_COLUMNS * MOST_COLUMNS // 2
    assert sent.endswith(b"done\r\n")
    assert b"Traceback" not in sent


def test_a_terminal_with_sixel_gets_sixel():
    sent = in_terminal(b"\x1b[?62;4c")
    assert b"\x1bP" in sent
    assert "▀".encode() not in sent


def test_a_terminal_that_fails_at_graphics_gets_half_blocks():
    # It claims sixel, and to have no columns.
    sent = in_terminal(b"\x1b[?62;4c", size=(0, 0, 0, 0))
    assert "▀".encode() in sent
    assert sent.endswith(b"done\r\n")
