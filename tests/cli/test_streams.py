"""Standard streams that are closed, full or broken, and sizes of a terminal that are none: by real processes."""

import os
import subprocess
import sys

import pytest
from rich.segment import Segment

from camctl.cli.output.sink import _unpadded, writing
from camctl.cli.process import mend_sizes
from camctl.errors import CamctlError

CAMCTL = f"{sys.executable} -m camctl"
COMMANDS = ("--help", "run --help", "plugins check --help", "--version", "methods", "plugins --json")
FORGED = "error: FORGED"


def shell(words, **variables):
    """What a command of the shell prints, and the exit code of its first part."""
    return subprocess.run(
        ["/bin/bash", "-c", f"set -o pipefail; {words}"],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("where", "reason"), [(">&-", "it is closed"), (">/dev/full", "the disk is full")])
def test_output_that_cannot_be_written_is_one_line_and_exit_1(command, where, reason):
    done = shell(f"{CAMCTL} {command} {where}")

    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert first == f"error: Standard output cannot be written: {reason}."
    assert second.startswith("hint: ")


@pytest.mark.parametrize("command", COMMANDS)
def test_reader_that_goes_away_ends_the_command_without_a_word(command):
    # The reader is gone before the first letter.
    done = shell(f"(sleep 0.3; {CAMCTL} {command}) | true")

    assert done.returncode == 141
    assert done.stderr == ""


@pytest.mark.parametrize("where", ["2>&-", "2>/dev/full"])
def test_error_that_nobody_can_be_told_keeps_its_exit_code(where):
    done = shell(f"{CAMCTL} run missing.png demo:resnet {where}")

    assert (done.returncode, done.stdout, done.stderr) == (2, "", "")


def test_closed_stderr_alone_is_no_failure():
    done = shell(f"{CAMCTL} methods 2>&-")

    assert done.returncode == 0
    assert "GradCAM" in done.stdout


def test_file_that_is_written_never_takes_the_place_of_a_closed_stream(tmp_path):
    code = "import os; from camctl.cli.process import mend_streams; mend_streams(); print(os.open('/', 0) > 2)"
    done = shell(f'{sys.executable} -c "{code}" <&- 2>&-')

    assert done.stdout == "True\n"


@pytest.mark.parametrize("size", ["999999999999", "-1", "0", "wide", "", "²", "9" * 5000, "80\n"])
@pytest.mark.parametrize("name", ["COLUMNS", "LINES", "TERMINAL_WIDTH"])
def test_size_that_no_terminal_has_is_passed_over(name, size, monkeypatch):
    monkeypatch.setenv(name, size)
    mend_sizes()

    assert name not in os.environ


def test_size_that_a_terminal_has_is_kept(monkeypatch):
    monkeypatch.setenv("COLUMNS", "132")
    mend_sizes()

    assert os.environ["COLUMNS"] == "132"


@pytest.mark.parametrize(
    "variables",
    [
        {"COLUMNS": "999999999999"},
        {"COLUMNS": "1"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
        {"TERM": "dumb"},
        {"_CAMCTL_COMPLETE": "complete_bash"},
    ],
    ids=str,
)
def test_odd_environment_ends_in_no_traceback(variables):
    done = shell(f"{CAMCTL} run --help", **variables)

    assert done.returncode == (2 if "_CAMCTL_COMPLETE" in variables else 0)
    assert done.stderr == ""
    assert len(done.stdout) < 1_000_000


@pytest.mark.parametrize(("where", "reason"), [(">&-", "it is closed"), (">/dev/full", "the disk is full")])
def test_paths_of_a_comparison_that_cannot_be_printed_are_one_line_and_exit_1(where, reason, photo, tmp_path):
    words = f"compare {photo} demo:resnet --method EigenCAM --quiet --save-path {tmp_path}/grid.png"
    done = shell(f"{CAMCTL} {words} {where}")

    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == f"error: Standard output cannot be written: {reason}."
    assert len(done.stderr.splitlines()) == 2


@pytest.mark.parametrize(
    "words", ["run missing.png demo:resnet", "layers demo:resnet", "plugins new camctl-x", "compare a.png demo:resnet"]
)
def test_current_folder_that_was_removed_is_one_line_and_exit_2(words, tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    done = shell(f"cd {gone}; rmdir {gone}; {CAMCTL} {words}")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0] == "error: The current folder was removed."
    assert len(done.stderr.splitlines()) == 2


def test_help_needs_no_current_folder(tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()

    assert shell(f"cd {gone}; rmdir {gone}; {CAMCTL} run --help").returncode == 0


def test_stream_that_others_closed_or_narrowed_is_an_error_in_words(tmp_path):
    stream = (tmp_path / "out").open("w", encoding="ascii")
    with pytest.raises(CamctlError, match="its encoding, ascii, lacks some signs"), writing():
        stream.write("\u280b")
    stream.close()
    with pytest.raises(CamctlError, match="it was closed while the command ran"), writing():
        stream.write("x")


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--help",),
        ("run", "--help"),
        ("methods",),
        ("methods", "GradCAM"),
        ("metrics", "drop"),
        ("plugins",),
        ("layers", "python:nets:cnn"),
        ("layers", "python:nets:cnn", "--check"),
        ("compare", "no.png", "python:nets:cnn"),
    ],
    ids=" ".join,
)
def test_no_line_on_a_pipe_ends_in_blanks(camctl, words):
    done = camctl(*words)
    lines = [*done.out.splitlines(), *done.err.splitlines()]
    assert lines
    assert [line for line in lines if line != line.rstrip()] == []


def test_run_and_compare_end_no_line_in_blanks(camctl, photo):
    for words in (("run",), ("compare", "--method", "GradCAM", "LayerCAM", "--metrics", "drop", "--baselines")):
        done = camctl(words[0], photo, "python:nets:cnn", *words[1:])
        assert [line for line in done.err.splitlines() if line != line.rstrip()] == []


def test_a_line_that_is_padded_keeps_its_words():
    segments = [
        Segment("a "),
        Segment(" "),
        Segment(" b"),
        Segment("  "),
        Segment("\n"),
        Segment("  \n c \n"),
        Segment(" "),
    ]
    assert "".join(segment.text for segment in _unpadded(segments)) == "a   b\n\n c\n "
