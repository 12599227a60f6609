"""Colours mean what they say: more is the colormap's top, and red is red."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from camctl.errors import UnknownNameError
from camctl.render.colormaps import COLORMAPS, colours, heatmap
from camctl.values.look import DEFAULT_COLORMAP


@pytest.mark.parametrize("name", COLORMAPS)
def test_zero_has_the_first_colour_and_one_the_last(name):
    palette = colours(name)
    drawn = heatmap(np.array([[0.0, 1.0]], np.float32), name)
    assert drawn.dtype == np.uint8
    assert (drawn[0, 0] == palette[0]).all()
    assert (drawn[0, 1] == palette[-1]).all()
    assert (palette[0] != palette[-1]).any()


def test_the_peak_of_jet_is_red_and_not_blue():
    red, green, blue = heatmap(np.ones((1, 1)), "jet")[0, 0]
    assert red >= 128
    assert green == 0
    assert blue == 0


def test_a_ramp_of_values_runs_through_the_palette_in_order():
    # A colormap applied to squared bytes (255 * 255 wraps to 1) paints the peak in the colour of the floor.
    ramp = np.linspace(0, 1, 256, dtype=np.float32)[None]
    assert (heatmap(ramp, "turbo")[0] == colours("turbo")).all()


@pytest.mark.parametrize("name", [DEFAULT_COLORMAP, "viridis", "magma", "cividis", "grey"])
def test_brightness_grows_with_the_value(name):
    brightness = colours(name).astype(float) @ [0.299, 0.587, 0.114]
    assert (np.diff(brightness) >= -1).all()
    assert brightness[-1] - brightness[0] > 100


def test_values_beyond_the_ends_are_cut_and_not_wrapped():
    drawn = heatmap(np.array([[-1.0, 2.0, np.nan, np.inf]]), "grey")
    assert drawn[0, :, 0].tolist() == [0, 255, 0, 255]


def test_names_are_matched_without_regard_to_case():
    assert (colours("Viridis") == colours("viridis")).all()
    assert (colours("gray") == colours("grey")).all()


def test_an_unknown_colormap_suggests_a_near_one():
    with pytest.raises(UnknownNameError) as caught:
        colours("virdis")
    assert "viridis" in caught.value.hint


def test_the_default_comes_first():
    assert next(iter(COLORMAPS)) == DEFAULT_COLORMAP


def test_names_cost_neither_opencv_nor_numpy():
    code = (
        "import sys; from camctl.render.colormaps import COLORMAPS; COLORMAPS;"
        "assert not {'cv2', 'numpy', 'torch', 'PIL', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
