"""Options that a command lacks: what people mean by them is said, and nothing unrelated."""

import pytest

from camctl.cli.app import COMMANDS, _command
from camctl.cli.parsing.groups import flags_of
from camctl.cli.parsing.wrong_options import MEANT, POSITIONS


@pytest.mark.parametrize(
    ("command", "option", "says"),
    [
        ("run", "--class", "Use --target-category."),
        ("run", "--target-class", "Use --target-category."),
        ("run", "--layer", "Use --target-layers."),
        ("run", "--target_layer", "Use --target-layers."),
        ("run", "--target", "Use --target-category."),
        ("run", "--out", "Use --save-path."),
        ("run", "-o", "Use --save-path."),
        ("run", "--output-dir", "Use --save-path."),
        ("compare", "--cam-method", "Use --method."),
        ("run", "--use-cuda", "Use --device."),
        ("run", "--checkpoint", "CHECKPOINT is given without an option, as in: camctl run IMAGE MODEL [CHECKPOINT]."),
        ("run", "--image", "IMAGE is given without an option"),
        ("compare", "--threshold", "It is an option of camctl run."),
        ("run", "--colormp", "Did you mean --colormap?"),
        ("run", "--zzz", "See: camctl run --help"),
    ],
)
def test_what_is_meant_by_an_option_is_said(camctl, command, option, says):
    done = camctl(command, "x.png", "demo:resnet", option, "1")
    error, hint = done.err.splitlines()
    assert done.code == 2
    assert error == f"error: No such option: {option}."
    assert hint.removeprefix("hint: ").startswith(says)


def test_the_table_leads_to_options_that_exist_from_ones_that_do_not():
    flags = {flag for command in COMMANDS for flag in flags_of(_command(command))}
    assert {f"--{flag}" for flag in MEANT.values()} <= flags
    assert not {f"--{name}" for name in MEANT} & set(flags_of(_command("run")))
    assert set(POSITIONS.values()) <= {"IMAGE", "MODEL", "CHECKPOINT"}


@pytest.mark.parametrize(
    ("model", "error", "hint"),
    [
        ("nets:Cnn", "There is no source named 'nets'", "write python:nets:Cnn"),
        ("own.py", "'own.py' is a Python module, not a config", "python:own:build"),
        ("own.py:build", "There is no source named 'own.py'", "write python:own:build"),
        ("./own.py:build", "There is no config file", "Write python:own:build in its folder."),
        ("python:own.py:build", "There is no Python module 'own.py'", "Leave out its ending: python:own:"),
    ],
)
def test_a_python_module_that_is_named_in_another_way_is_answered_with_the_right_one(
    camctl, photo, tmp_path, monkeypatch, model, error, hint
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text("def build():\n    return None\n")
    done = camctl("run", photo, model)
    assert done.code == 2
    assert error in done.err
    assert hint in done.err


def test_a_base_config_that_assigns_a_model_after_a_function_is_no_module(camctl, photo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text("def width():\n    return 3\n\nmodel = dict(type='ImageClassifier')\n")
    assert "is a Python module" not in camctl("run", photo, "own.py").err


def test_a_slip_in_the_name_of_a_checkpoint_or_picture_is_mended(camctl, photo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "light.ckpt").touch()
    (tmp_path / "cat.png").touch()
    assert "Did you mean 'light.ckpt'?" in camctl("run", photo, "python:nets:Cnn", "light.ckp").err
    assert "Did you mean 'cat.png'?" in camctl("run", "cats.png", "python:nets:Cnn").err
    unrelated = camctl("run", "dog.png", "python:nets:Cnn").err
    assert "cat.png" not in unrelated
    assert "has a name like it" in unrelated


def test_a_missing_checkpoint_beside_random_weights_is_said_to_be_missing(camctl, photo):
    done = camctl("run", photo, "python:nets:Cnn", "nowhere.pth", "--random-weights")
    assert "There is no checkpoint file 'nowhere.pth', and random weights take none." in done.err


@pytest.mark.parametrize(("threshold", "code"), [("0.4", 0), ("0.2", 2)])
def test_a_threshold_that_one_class_passes_fits_into_one_file(camctl, photo, tmp_path, threshold, code):
    scores = [one["score"] for one in camctl("run", photo, "python:nets:Cnn", "--json").json["predictions"]]
    above = sum(score > float(threshold) for score in scores)
    done = camctl("run", photo, "python:nets:Cnn", "--threshold", threshold, "--save-path", tmp_path / "m.png")
    assert (above == 1) == (code == 0)
    assert done.code == code
    assert code == 0 or f"{above} maps do not fit into the one file" in done.err
    assert (tmp_path / "m.png").exists() == (code == 0)
