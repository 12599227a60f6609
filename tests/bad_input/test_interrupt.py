"""Ctrl-C, in a real process."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import HERE, contents

ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join((str(HERE), os.environ.get("PYTHONPATH", "")))}
PATIENCE = 60
"""Seconds that a slow machine may take to come as far as the test wants it."""


def started(code, *words):
    """A process that runs `code`, and the command with `words` as `main()`."""
    # A job in the background, as CI may be, passes on to its children that Ctrl-C is ignored.
    listening = "import signal, sys\nsignal.signal(signal.SIGINT, signal.default_int_handler)"
    command = [sys.executable, "-c", f"{listening}\nfrom camctl.cli import main\n{code}", *map(str, words)]
    return subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def interrupted_once_there(process, sign):
    """Wait for a file to appear, press Ctrl-C, and give what came of it."""
    end = time.monotonic() + PATIENCE
    while not sign.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


def test_interrupt_in_the_forward_pass_ends_quietly_with_130_and_leaves_no_file(photo):
    process = started("main()", "run", photo, "python:odd_nets:Slow", "--save-path", "out/map.png")

    assert interrupted_once_there(process, Path("running")) == (130, "", "")
    assert set(contents(Path.cwd())) == {str(Path.cwd() / "running"), str(photo)}


def test_interrupt_in_the_middle_of_writing_leaves_what_was_there(photo):
    Path("map.png").write_bytes(b"of yesterday")
    slow = """
import pathlib, time
from camctl.files import atomic as writing
def fill(file, content):
    file.write(content[:20]); file.flush()
    pathlib.Path("running").touch()
    time.sleep(60)
writing._fill = fill
main()
"""
    process = started(slow, "run", photo, "python:odd_nets:Net", "--save-path", "map.png", "--quiet")

    assert interrupted_once_there(process, Path("running")) == (130, "", "")
    assert contents(Path.cwd()) == {
        str(Path.cwd() / "running"): b"",
        str(photo): photo.read_bytes(),
        str(Path.cwd() / "map.png"): b"of yesterday",
    }


@pytest.mark.parametrize("module", ["typer", "torch"])
def test_interrupt_while_python_loads_ends_quietly_with_130(photo, module):
    # The first import of the module takes as long as it likes.
    slow = f"""
import pathlib, time
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "{module}":
            pathlib.Path("running").touch()
            time.sleep(60)
sys.meta_path.insert(0, Slow())
main()
"""
    process = started(slow, "run", photo, "python:odd_nets:Net", "--quiet")

    assert interrupted_once_there(process, Path("running")) == (130, "", "")
