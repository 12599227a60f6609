"""Heat lands where it belongs, and a map that is worth nothing looks it."""

from __future__ import annotations

import numpy as np
import pytest

from camctl.errors import InputError
from camctl.render.colormaps import colours
from camctl.render.overlay import PADDING, overlay, seen, whole
from camctl.values.view import View
from tests.comparisons import comparison


def black(height, width):
    return np.zeros((height, width, 3), np.uint8)


def spot(height, width, y, x, radius=3.0):
    """A round hill of height 1 around the point (y, x), in pixels."""
    rows, columns = np.mgrid[:height, :width] + 0.5
    return np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * radius**2)).astype(np.float32)


def centre(drawn):
    """Middle (y, x) of the heat drawn in grey on black, in pixels."""
    weight = drawn[..., 0].astype(float)
    rows, columns = np.mgrid[: drawn.shape[0], : drawn.shape[1]] + 0.5
    return (rows * weight).sum() / weight.sum(), (columns * weight).sum() / weight.sum()


def heat(pixels, values, view, canvas):
    return overlay(pixels, values, view, canvas=canvas, colormap="grey", opacity=1)


VIEWS = {
    "whole": ((60, 60), (0, 0, 120, 90)),
    "crop": ((60, 60), (30, 15, 90, 75)),
    "enlarged crop": ((200, 200), (40, 20, 80, 60)),
    "fractional crop": ((64, 64), (10.5, 7.25, 87.3, 80.6)),
    "padded above and below": ((60, 60), (0, -15, 120, 105)),
    "padded at the right": ((60, 90), (0, 0, 150, 90)),
    "not square": ((40, 100), (10, 30, 110, 70)),
}


@pytest.mark.parametrize("name", VIEWS)
def test_an_off_centre_map_lands_at_its_place_on_the_whole_picture(name):
    size, box = VIEWS[name]
    view = View(size=size, box=box)
    # A point of the picture that every one of these views saw.
    x, y = 56.0, 50.0
    at_x = (x - box[0]) / (box[2] - box[0]) * size[1]
    at_y = (y - box[1]) / (box[3] - box[1]) * size[0]
    drawn = heat(black(90, 120), spot(*size, at_y, at_x), view, "original")
    assert drawn.shape == (90, 120, 3)
    inside = drawn[max(0, round(box[1])) : round(box[3]), max(0, round(box[0])) : round(box[2])]
    found_y, found_x = centre(inside)
    assert found_y + max(0, round(box[1])) == pytest.approx(y, abs=0.6)
    assert found_x + max(0, round(box[0])) == pytest.approx(x, abs=0.6)


@pytest.mark.parametrize("name", VIEWS)
def test_the_view_has_the_size_of_the_models_input_and_keeps_the_map_as_it_is(name):
    size, box = VIEWS[name]
    drawn = heat(black(90, 120), spot(*size, 20, 25), View(size=size, box=box), "view")
    assert drawn.shape == (*size, 3)
    peak = np.unravel_index(drawn[..., 0].argmax(), size)
    assert abs(peak[0] - 20) <= 1
    assert abs(peak[1] - 25) <= 1


@pytest.mark.parametrize("name", VIEWS)
def test_the_view_shows_the_window_of_the_picture_that_the_model_saw(name):
    size, box = VIEWS[name]
    x, y = 56, 50
    pixels = black(90, 120)
    pixels[y - 2 : y + 3, x - 2 : x + 3] = 255
    given = seen(pixels, View(size=size, box=box)).astype(float)
    given[given == PADDING] = 0
    found_y, found_x = centre(given)
    assert found_y == pytest.approx((y + 0.5 - box[1]) / (box[3] - box[1]) * size[0], abs=1.5)
    assert found_x == pytest.approx((x + 0.5 - box[0]) / (box[2] - box[0]) * size[1], abs=1.5)


def test_padding_is_neutral_and_only_where_the_picture_is_not():
    given = seen(np.full((50, 100, 3), 200, np.uint8), View(size=(100, 100), box=(0, -25, 100, 75)))
    assert (given[:25] == PADDING).all()
    assert (given[25:75] == 200).all()
    assert (given[75:] == PADDING).all()


def test_a_box_that_is_off_by_a_fraction_of_a_pixel_draws_no_padding():
    given = seen(np.full((50, 50, 3), 200, np.uint8), View(size=(50, 50), box=(-0.3, -0.2, 50.3, 50.4)))
    assert (given == 200).all()


def test_what_the_model_never_saw_is_dimmed_but_still_readable():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (90, 120, 3), np.uint8)
    view = View(size=(60, 60), box=(30, 15, 90, 75))
    drawn = overlay(pixels, np.zeros((60, 60), np.float32), view, canvas="original", opacity=0)
    assert (drawn[15:75, 30:90] == pixels[15:75, 30:90]).all()
    margin, before = drawn[:, :28], pixels[:, :28]
    assert margin.mean() < 0.6 * before.mean()
    assert margin.std() > 0.1 * before.std()


def test_the_peak_has_the_colormaps_top_colour_and_the_rest_of_the_picture_its_own():
    grey = np.full((50, 50, 3), 90, np.uint8)
    drawn = overlay(grey, spot(50, 50, 25.5, 25.5), View(size=(50, 50), box=(0, 0, 50, 50)), opacity=1)
    assert (drawn[25, 25] == colours("inferno")[-1]).all()
    assert (drawn[0, 0] == 90).all()


def test_opacity_grows_with_the_value_and_never_jumps():
    ramp = np.linspace(0, 1, 256, dtype=np.float32)[None].repeat(8, 0)
    drawn = heat(black(8, 256), ramp, View(size=(8, 256), box=(0, 0, 256, 8)), "view")[0, :, 0].astype(int)
    assert drawn[0] == 0
    assert drawn[-1] == 255
    assert (np.diff(drawn) >= 0).all()
    assert np.diff(drawn).max() <= 6


def test_no_opacity_leaves_the_picture_as_it_is_and_opacity_its_colours_in_order():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    assert (overlay(pixels, np.ones((20, 30), np.float32), whole(pixels.shape), opacity=0) == pixels).all()
    red = np.full((20, 30, 3), (200, 0, 0), np.uint8)
    drawn = overlay(red, np.zeros((20, 30), np.float32), whole(red.shape))
    assert (drawn[..., 0] > drawn[..., 2]).all()


def test_an_enlarged_map_has_no_steps_and_no_rings():
    values = spot(28, 28, 14, 14)
    drawn = heat(black(560, 560), values, View(size=(28, 28), box=(0, 0, 560, 560)), "original")[280, :, 0]
    assert np.abs(np.diff(drawn.astype(int))).max() <= 8
    middle = int(drawn.argmax())
    assert (np.diff(drawn[: middle - 10].astype(int)) >= 0).all()


def test_bands_of_a_tall_picture_meet_without_a_seam():
    values = np.linspace(0, 1, 64, dtype=np.float32)[:, None].repeat(8, 1)
    drawn = heat(black(2000, 10), values, View(size=(64, 8), box=(0, 0, 10, 2000)), "original")[:, 5, 0].astype(int)
    assert (np.diff(drawn) >= 0).all()
    assert np.diff(drawn).max() <= 2


@pytest.mark.parametrize("shape", [(1, 1), (50, 20000), (3, 1)])
@pytest.mark.parametrize("canvas", ["view", "original"])
def test_odd_pictures_are_drawn(shape, canvas):
    height, width = shape
    view = View(size=(16, 16), box=(0, 0, width, height))
    drawn = overlay(black(*shape), spot(16, 16, 8, 8), view, canvas=canvas)
    assert drawn.shape == ((16, 16, 3) if canvas == "view" else (*shape, 3))


@pytest.mark.parametrize("canvas", ["view", "original"])
def test_a_worthless_map_leaves_a_pale_grey_picture(canvas):
    pixels = np.random.default_rng(0).integers(0, 256, (60, 60, 3), np.uint8)
    view = View(size=(60, 60), box=(0, 0, 60, 60))
    drawn = overlay(pixels, np.ones((60, 60), np.float32), view, canvas=canvas, worthless=True).astype(int)
    assert np.ptp(drawn, axis=2).max() == 0
    assert drawn.std() < 0.7 * pixels.std()


def test_the_picture_given_is_never_changed():
    pixels = black(30, 30)
    overlay(pixels, np.ones((8, 8), np.float32), View(size=(8, 8), box=(5, 5, 20, 20)), canvas="original")
    assert not pixels.any()


@pytest.mark.parametrize("opacity", [-0.1, 1.5, float("nan")])
def test_an_opacity_outside_its_range_is_refused(opacity):
    with pytest.raises(InputError, match="opacity"):
        overlay(black(8, 8), np.ones((8, 8)), View(size=(8, 8), box=(0, 0, 8, 8)), opacity=opacity)


def test_a_small_view_is_drawn_larger_and_as_sharp_as_the_picture():
    (cam,) = comparison(targets=("cat",), methods=("GradCAM",)).maps
    assert (cam.view.size, cam.picture.size) == ((112, 112), (224, 224))
    enlarged = np.kron(cam.overlay(opacity=0), np.ones((2, 2, 1)))
    sharp, blocks = (
        np.abs(drawn.astype(int) - cam.picture.pixels) for drawn in (cam.overlay(least=224, opacity=0), enlarged)
    )
    assert sharp.mean() < blocks.mean() / 2
    by_hand = overlay(cam.picture.pixels, np.kron(cam.values, np.ones((2, 2))), whole((224, 224)))
    assert np.abs(cam.overlay(least=224).astype(int) - by_hand).mean() < 5
    assert cam.overlay().shape == (112, 112, 3)
    assert (cam.overlay(least=100) == cam.overlay()).all()
