"""Signed maps show evidence for and against a class, and a caption says which class."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from camctl.render.caption import captioned
from camctl.render.figure.figure import figure_pages
from camctl.render.layout.tiles import Tiles
from camctl.render.overlay import overlay, whole
from camctl.render.page.page import Words
from camctl.render.terminal.grid import show_grid
from camctl.values.look import Look
from tests.comparisons import comparison


def grey(side):
    return np.full((side, side, 3), 128, np.uint8)


def halves(left, right, side=32):
    """A map with one value on the left and another on the right."""
    return np.where(np.arange(side) < side // 2, np.float32(left), np.float32(right)) * np.ones((side, 1), np.float32)


def with_raw(raw, verdict="ok"):
    """A comparison of one map with these raw values."""
    one = comparison(methods=("GradCAM",), targets=("cat",))
    (cell,) = one.cells
    positive = np.maximum(raw, 0)
    values = positive / positive.max() if positive.any() else positive
    return replace(one, cells=(replace(cell, cam=replace(cell.cam, raw=raw, values=values, verdict=verdict)),))


def test_evidence_for_is_red_and_against_is_blue_and_none_is_the_picture():
    drawn = overlay(grey(32), halves(-1, 1), whole((32, 32)), signed=True).astype(int)
    against, evidence = drawn[16, 4], drawn[16, 28]
    assert against[2] > against[0] + 60
    assert evidence[0] > evidence[2] + 60
    assert (overlay(grey(32), halves(0, 0), whole((32, 32)), signed=True) == 128).all()


def test_equal_amounts_for_and_against_cover_the_picture_equally():
    drawn = overlay(grey(32), halves(-0.5, 0.5), whole((32, 32)), signed=True, colormap="grey").astype(int)
    assert abs((128 - drawn[16, 4]) - (drawn[16, 28] - 128)).max() <= 2


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_a_signed_map_is_a_share_of_its_largest_amount_whatever_its_sign(size):
    (cam,) = with_raw(halves(-4 * size, size)).maps
    heat = cam.heat(signed=True)
    assert heat.min() == pytest.approx(-1)
    assert heat.max() == pytest.approx(0.25)
    assert cam.heat().max() == 1


def test_a_map_whose_evidence_is_all_against_is_hatched_unless_it_is_signed():
    (cam,) = with_raw(halves(-2, 0), "negative-only").maps
    assert cam.heat() is None
    signed, plain = cam.overlay(signed=True).astype(int), cam.overlay().astype(int)
    assert (plain[..., 0] == plain[..., 2]).all()
    left = signed[:, : signed.shape[1] // 3]
    assert left[..., 2].mean() > left[..., 0].mean() + 30


@pytest.mark.parametrize("verdict", ["flat", "zero-gradient", "no-graph", "single-cell", "not-finite"])
def test_a_map_that_shows_nothing_is_hatched_signed_or_not(verdict):
    (cam,) = with_raw(halves(-1, 1), verdict).maps
    assert cam.heat(signed=True) is None
    assert (cam.overlay(signed=True) == cam.overlay()).all()


def test_a_signed_figure_says_what_its_colours_mean():
    (page,) = figure_pages(comparison(), Look(signed=True))
    texts = [item.text for item in page.items if isinstance(item, Words)]
    assert "\N{MINUS SIGN}1" in texts
    assert any("evidence against the class" in text for text in texts)


def test_signed_maps_on_one_scale_differ_as_their_raw_values_do():
    whole_ = comparison(methods=("GradCAM",))
    loud, soft = whole_.cells
    soft = replace(soft, cam=replace(soft.cam, raw=loud.cam.raw / 4))
    both = replace(whole_, cells=(loud, soft))
    ends = []
    for cell in both.cells:
        tiles = Tiles(both, Look(signed=True, scale="shared"))
        ends.append(np.abs(tiles._on_scale(cell, cell.cam.heat(signed=True))).max())
    assert ends == pytest.approx([1, 0.25])


def test_the_terminal_shows_signed_maps_with_and_without_colour():
    for system in ("truecolor", None):
        console = Console(width=100, force_terminal=True, color_system=system, record=True)
        show_grid(with_raw(halves(-1, 1)), console, signed=True)
        text = console.export_text()
        assert "evidence against the class" in text
        assert "\N{MINUS SIGN}1" in text


def test_a_caption_stands_under_the_picture_and_leaves_it_whole():
    (cam,) = comparison(methods=("GradCAM",), targets=("cat",)).maps
    plain, said = cam.overlay(), cam.overlay(caption=True)
    height, width = plain.shape[:2]
    assert said.shape[1] == width
    assert 16 <= said.shape[0] - height <= height // 3
    assert (said[:height] == plain).all()
    assert said[height:].min() < 60


@pytest.mark.parametrize("size", [(32, 32), (2000, 60), (60, 2000), (224, 224)])
def test_a_long_name_is_broken_to_the_width_of_any_picture(size):
    (cam,) = comparison(methods=("GradCAM",), targets=("cat",)).maps
    cam = replace(cam, target=replace(cam.target, label="Egyptian cat, which is a long name of 猫"), verdict="diffuse")
    pixels = np.zeros((*size, 3), np.uint8)
    said = captioned(pixels, cam)
    assert said.shape[1] == size[1]
    assert (said[size[0] :, [0, -1]] > 200).all()
