"""No output replaces a file that the command reads, or one that the user neither named nor had from camctl."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from camctl.demo.scenes import render, scene
from camctl.files.pictures import save_picture

NET = """
from torch import nn
def make():
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3))
"""
BASE = """model = dict(type='ImageClassifier')"""


@pytest.fixture
def files(photo, tmp_path):
    """Every kind of input, in the current folder."""
    shutil.copyfile(photo, "mask.png")
    Path("labels.txt").write_text("\n".join("abcdefgh"))
    Path("own_net.py").write_text(NET)
    Path("parts").mkdir()
    Path("parts/base.json").write_text('{"model": {}}')
    Path("parts/lazy.py").write_text(BASE)
    Path("cfg.json").write_text('{"_base_": ["parts/base.json"], "model": {}}')
    Path("cfg.py").write_text("with read_base():\n    from .parts.lazy import *\n")
    Path("net.pth").write_bytes(b"weights")
    Path("before.npz").write_bytes(b"maps")
    return photo


def link(kind, victim, ending):
    """Another name of a file, with the ending of an output."""
    path = Path(f"other{ending}")
    if kind == "spelling":
        return f"parts/../{victim}" if Path(victim).suffix == ending else None
    (path.symlink_to if kind == "soft" else lambda real: os.link(real, path))(victim)
    return path


@pytest.mark.parametrize("kind", ["soft", "hard", "spelling"])
@pytest.mark.parametrize(
    ("victim", "model", "what"),
    [
        ("photo.png", ["demo:resnet"], "a picture of the comparison"),
        ("mask.png", ["demo:resnet"], "a mask"),
        ("labels.txt", ["demo:resnet"], "the file of labels"),
        ("net.pth", ["demo:resnet", "net.pth"], "the checkpoint"),
        ("net.pth", ["--model", "demo:resnet@net.pth"], "the checkpoint"),
        ("own_net.py", ["python:own_net:make"], "the model's own file"),
        ("cfg.json", ["cfg.json"], "the model's own file"),
        ("parts/base.json", ["cfg.json"], "a file that the model's config names"),
        ("parts/lazy.py", ["cfg.py"], "a file that the model's config names"),
        ("before.npz", ["demo:resnet"], "the baseline"),
    ],
)
def test_output_that_is_an_input_is_refused_by_any_name(refuses, files, monkeypatch, kind, victim, model, what):
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    ending = Path(victim).suffix if Path(victim).suffix in {".png", ".json", ".npz"} else ".json"
    target = link(kind, victim, ending)
    if target is None:
        pytest.skip("no output has this ending")
    words = ["--mask", "mask.png", "--labels", "labels.txt", "--baseline", "before.npz"]

    said = refuses("compare", files, *model, *words, "--save-raw" if ending == ".npz" else "--save-path", target)

    assert f"is {what}, which would be lost" in said.error
    assert "Choose another name: --save-" in said.hint


@pytest.mark.parametrize("option", ["--save-path", "--save-raw"])
def test_run_replaces_no_input_either(refuses, files, option):
    target = link("hard", "net.pth", ".png" if option == "--save-path" else ".npz")
    assert "is the checkpoint" in refuses("run", files, "demo:resnet", "net.pth", option, target).error


def test_picture_of_the_user_is_not_replaced_by_a_map_whose_name_camctl_chose(refuses, camctl, photo):
    words = ("run", photo, "demo:resnet", "--save-path", "maps/", "--quiet")
    assert camctl(*words).code == 0
    (own,) = Path("maps").iterdir()
    assert camctl(*words).code == 0, "camctl's own picture is drawn again"
    shutil.copyfile(photo, own)

    said = refuses(*words[:-1])

    assert "was not written by camctl" in said.error


def test_pictures_of_the_user_are_not_replaced_by_pages_of_sanity_checks(refuses, photo):
    shutil.copyfile(photo, "grid-sanity-2.png")
    words = ("compare", photo, "--model", "demo:resnet", "demo:vit", "--sanity", "--save-path", "grid.png")
    assert "'grid-sanity-2.png' would be replaced" in refuses(*words).error


def test_page_of_an_earlier_figure_is_not_replaced_while_it_is_an_input(refuses, photo):
    save_picture(render(scene(1), 64), "grid-1.png")
    words = ("compare", "grid-1.png", "demo:resnet", "--save-path", "grid.png")
    assert "is a picture of the comparison" in refuses(*words).error


def test_demo_replaces_no_file_of_the_user(refuses, photo):
    Path("site").mkdir()
    Path("site/index.html").write_text("<p>mine")
    assert "'site/index.html' would be replaced" in refuses("demo", "--output", "site").error


@pytest.mark.parametrize("through", ["missing.png", "photo.png"])
def test_output_by_way_of_what_is_no_folder_replaces_no_input(refuses, files, through):
    said = refuses("run", files, "demo:resnet", "--save-path", f"{through}/../photo.png")

    assert f"leads through '{through}', which is no folder" in said.error
