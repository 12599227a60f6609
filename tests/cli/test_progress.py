"""What is said of long work where nobody watches: a line for each long step."""

import pytest

from camctl.cli.output import progress

MODEL = "python:nets:slow"


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """A step is long after half a second, so that the tests are short."""
    monkeypatch.setattr(progress, "WHILE", 0.5)


def test_a_pipe_is_told_each_long_step_and_what_a_costly_method_will_take(camctl, photo, tmp_path):
    done = camctl("run", photo, MODEL, "--method", "ScoreCAM", "--save-path", tmp_path / "cam.png")

    lines = done.err.splitlines()
    assert done.code == 0
    assert lines[0] == f"Loading {MODEL}"
    assert [line for line in lines if line.startswith("ScoreCAM: 8 forward passes, about ")]


@pytest.mark.parametrize("flag", ["--json", "--quiet"])
def test_nothing_is_told_where_words_are_not_wanted(camctl, photo, flag):
    assert camctl("run", photo, MODEL, flag).err == ""


def test_loading_tells_the_size_of_a_large_checkpoint(camctl, photo, tmp_path):
    import torch
    from nets import cnn

    weights = tmp_path / "weights.pth"
    torch.save({"state_dict": cnn().state_dict(), "ballast": torch.zeros(3_000_000)}, weights)

    assert f"Loading {MODEL} (12 MB)" in camctl("run", photo, MODEL, weights).err.splitlines()
