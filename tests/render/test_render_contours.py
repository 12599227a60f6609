"""Lines along which a map has one value, and the map without its picture."""

from __future__ import annotations

import numpy as np
import pytest

from camctl.errors import InputError
from camctl.render.colormaps import heatmap
from camctl.render.figure.figure import figure_pages
from camctl.render.overlay import overlay, whole
from camctl.render.page.page import Rectangle, Words
from camctl.values.look import Look
from tests.comparisons import comparison, worthless_map

SIDE = 200
ROWS, COLUMNS = np.mgrid[0:SIDE, 0:SIDE]
RADIUS = np.hypot(ROWS - 100, COLUMNS - 100)
CONE = np.float32(np.clip(1 - RADIUS / 100, 0, 1))
"""Its line at 1 - r/100 is a circle of radius r."""


def changed(values, **look):
    """Where lines change an overlay of a map on a grey picture."""
    grey = np.full((*values.shape, 3), 128, np.uint8)
    plain = overlay(grey, values, whole(grey.shape), **{**look, "contours": ()}).astype(int)
    return np.abs(overlay(grey, values, whole(grey.shape), **look).astype(int) - plain).max(2) > 0


@pytest.mark.parametrize("radius", [20, 50, 80])
def test_a_line_runs_where_the_map_has_its_value_and_nowhere_else(radius):
    there = changed(CONE, contours=(1 - radius / 100,))
    assert there[np.abs(RADIUS - radius) < 1].all()
    assert not there[np.abs(RADIUS - radius) > 5].any()


def test_each_value_has_a_line_and_no_value_has_none():
    both = changed(CONE, contours=(0.3, 0.6))
    assert (both == (changed(CONE, contours=(0.3,)) | changed(CONE, contours=(0.6,)))).all()
    assert not changed(CONE).any()


def test_a_line_is_seen_on_white_and_on_black():
    for level in (0, 255):
        ground = np.full((SIDE, SIDE, 3), level, np.uint8)
        drawn = overlay(ground, CONE, whole(ground.shape), opacity=0, contours=(0.5,)).astype(int)
        assert (np.abs(drawn - level).max(2) > 100).sum() > 2 * np.pi * 50


def test_a_signed_map_has_lines_on_both_sides_of_zero():
    ramp = np.float32((COLUMNS - 100) / 100)
    there = changed(ramp, signed=True, contours=(0.5,)).any(0)
    assert there[50]
    assert there[150]
    assert not there[60:140].any()


def test_a_flat_map_has_no_line():
    assert not changed(np.full((64, 64), 0.5, np.float32), contours=(0.5,)).any()
    assert not changed(np.ones((1, 64), np.float32), contours=(0.5,)).any()


def test_bands_of_a_tall_picture_share_their_lines():
    tall = np.zeros((900, 300, 3), np.uint8)
    up = np.float32(np.linspace(0, 1, 16))[:, None] * np.ones((1, 16), np.float32)
    drawn = overlay(tall, up, whole(tall.shape), canvas="original", opacity=0, contours=(0.25, 0.5, 0.75))
    rows = np.flatnonzero(drawn.max((1, 2)) > 200)
    assert len(rows)
    assert (drawn[rows] == drawn[rows][:, :1]).all()
    assert len(np.flatnonzero(np.diff(rows) > 1)) == 2


def test_the_map_alone_has_the_colours_of_its_values_and_nothing_of_the_picture():
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    assert (overlay(noise, CONE, whole(noise.shape), map_only=True) == heatmap(CONE)).all()
    signed = overlay(noise, 2 * CONE - 1, whole(noise.shape), map_only=True, signed=True)
    assert np.abs(signed.astype(int) - heatmap(CONE, "coolwarm")).max() <= 4  # one level of 256, by rounding


def test_a_map_that_shows_nothing_is_hatched_alone_or_not():
    (cam, *_) = worthless_map(comparison(), {"class": 0, "method": 0}).maps
    assert (cam.overlay(map_only=True, contours=(0.5,)) == cam.overlay()).all()


@pytest.mark.parametrize(("signed", "text"), [(False, "lines at 0.25 and 0.5"), (True, "±0.25 and 0.5")])
def test_a_figure_says_what_its_lines_are_and_marks_them_on_the_bar(signed, text):
    (page,) = figure_pages(comparison(), Look(contours=(0.25, 0.5), signed=signed, width="7in"))
    (plain,) = figure_pages(comparison(), Look(signed=signed, width="7in"))
    assert text in " ".join(item.text for item in page.items if isinstance(item, Words))
    ticks, none = ([item for item in each.items if isinstance(item, Rectangle)] for each in (page, plain))
    assert len(ticks) - len(none) == (4 if signed else 2)


@pytest.mark.parametrize("level", [0, 1, -0.5, 2, float("nan")])
def test_a_line_at_an_end_of_the_scale_or_beyond_is_an_error(level):
    with pytest.raises(InputError, match="cannot be drawn"):
        Look(contours=(0.5, level))
