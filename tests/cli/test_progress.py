"""What is said of long work where nobody watches: a line for each step that takes over a second."""

import pytest

MODEL = "python:nets:slow"


def test_a_pipe_is_told_each_long_step_and_what_a_costly_method_will_take(camctl, photo, tmp_path):
    done = camctl("run", photo, MODEL, "--method", "ScoreCAM", "--save-path", tmp_path / "cam.png")

    lines = done.err.splitlines()
    assert done.code == 0
    assert lines[0] == f"Loading {MODEL}"
    assert [line for line in lines if line.startswith("ScoreCAM: 8 forward passes, about ")]


@pytest.mark.parametrize("flag", ["--json", "--quiet"])
def test_nothing_is_told_where_words_are_not_wanted(camctl, photo, flag):
    assert camctl("run", photo, MODEL, flag).err == ""
