"""The commands of a report's maps: pasted into a shell, each draws its own map again."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from camctl.demo.scenes import render, scene
from camctl.files.pictures import save_picture
from camctl.files.raw_maps import load_raw

HERE = Path(__file__).parent
NAME = '-it\'s a; $HOME & `id` "photo".png'
"""A name of a file with signs that mean something to a shell."""


def commands_of(page):
    """The command of each map of a report, in their order."""
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1]
    return [cell["command"] for cell in json.loads(data)["cells"]]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_picture(render(scene(6_700_024, classes=("cat", "dog")), 160), tmp_path / NAME)
    return tmp_path


def pasted(command, folder):
    """Run a command as a shell does."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(HERE)}
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize(
    ("options", "place"),
    [
        (["--method", "GradCAM", "LayerCAM"], 1),
        (["--method", "GradCAM", "--smooth", "none", "eigen", "both"], 2),
        (
            [
                "--method",
                "GradCAM",
                "LayerCAM",
                "--target-layers",
                "backbone.layer3+backbone.layer4",
                "--aggregate",
                "max",
            ],
            1,
        ),
        (["--method", "GradCAM", "--target-category", "dog", "--versus", "cat", "fish", "--versus-strength", "0.7"], 1),
        (["--method", "GradCAM", "random", "--model", "demo:vit", "--random-weights", "--seed", "3"], 2),
    ],
    ids=["a method", "smoothings", "fused layers", "a contrast", "a second model and a seed"],
)
def test_a_pasted_command_draws_its_map_again(camctl, folder, options, place):
    done = camctl(
        "compare", f"./{NAME}", "demo:resnet", *options, "--save-path", "report.html", "--save-raw", "maps.npz"
    )
    assert done.code == 0, done.err
    command = commands_of((folder / "report.html").read_text())[place]
    pasted(f"{command} --save-raw again.npz", folder)
    (again,), wanted = load_raw(folder / "again.npz").maps, load_raw(folder / "maps.npz").maps[place]
    assert (again.method, again.smoothing, again.layers) == (wanted.method, wanted.smoothing, wanted.layers)
    assert again.target.title == wanted.target.title
    np.testing.assert_allclose(again.raw, wanted.raw, rtol=1e-4, atol=1e-6)
    assert list(folder.glob("*_*_*.png"))


def test_a_report_of_a_results_folder_has_no_commands(camctl, folder):
    (folder / NAME).rename(folder / "plain.png")
    camctl("run", f"{folder}/*.png", "demo:resnet", "--save-path", "out/", "--quiet")
    done = camctl("compare", "--results", "out", "plain.png", "--save-path", "report.html")
    assert done.code == 0, done.err
    assert set(commands_of((folder / "report.html").read_text())) == {""}
