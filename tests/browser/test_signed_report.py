"""The report of signed maps in a real browser: it paints, reads and asks for them as figures do."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from camctl.render.layout.tiles import Tiles
from camctl.render.overlay import overlay
from camctl.values.look import Look
from tests.browser.conftest import guarded
from tests.browser.test_report import after, canvas_of, colours, painted, slide
from tests.comparisons import comparison, worthless_map


def signed():
    """Two classes and two methods; the evidence of one map is all against its class, and one map is worth nothing."""
    whole = worthless_map(comparison(methods=("GradCAM", "LayerCAM")), {"class": 1, "method": 1})
    cells = list(whole.cells)
    cam = cells[1].cam
    against = replace(cam, raw=-np.abs(cam.raw), values=0 * cam.values, verdict="negative-only")
    cells[1] = replace(cells[1], cam=against)
    return replace(whole, cells=tuple(cells), commands=(("demo:resnet",),))


@pytest.fixture
def opened(browser, tmp_path):
    """A function that opens the report with a look."""

    def saved(**look):
        (path,) = signed().save(tmp_path / "signed.html", signed=True, **look)
        return path.as_uri()

    with guarded(browser) as opening:
        yield lambda **look: opening(saved(**look))


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("scale", ["each", "shared"])
def test_signed_maps_are_painted_as_camctl_paints_them(opened, place, scale):
    drawn = painted(opened(scale=scale), canvas_of(place))
    whole = signed()
    cell, cam = whole.cells[place], whole.cells[place].cam
    heat = Tiles(whole, Look(signed=True, scale=scale))._on_scale(cell, cam.heat(signed=True))
    expected = overlay(cam.picture.pixels, heat, replace(cam.view, size=drawn.shape[:2]), signed=True)
    assert np.abs(drawn - expected.astype(int)).mean() < 4


def test_a_map_that_shows_nothing_is_grey(opened):
    assert np.ptp(painted(opened(), canvas_of(3)), axis=2).max() == 0


def test_gain_lifts_both_signs_from_the_middle(opened):
    page = colours(opened())
    page.locator("#opacity").fill("100")
    calm = after(page, lambda: slide(page, "gain", 0.1))
    loud = after(page, lambda: slide(page, "gain", 3))
    red, blue = (
        (lambda pixels: pixels[..., 0] - pixels[..., 2] > 60),
        (lambda pixels: pixels[..., 2] - pixels[..., 0] > 60),
    )
    assert red(loud).sum() > red(calm).sum()
    assert blue(loud).sum() > blue(calm).sum()


def test_legend_and_readings_have_a_sign(opened):
    page = opened()
    assert page.locator(".legend .number").all_inner_texts() == ["\N{MINUS SIGN}1", "1"]
    assert "evidence against the class" in page.locator("#unit").inner_text()
    page.locator(canvas_of(1)).hover()
    page.wait_for_function("document.querySelector('#readout').textContent.includes(' at x ')")
    assert page.locator("#readout").inner_text().startswith("\N{MINUS SIGN}0.")


def test_colours_are_diverging_and_a_copied_command_asks_for_signs(opened):
    page = opened()
    assert page.locator("#colormap").input_value() == "coolwarm"
    assert page.locator("#colormap option").count() == 3
    data = json.loads(page.locator("#data").text_content())
    assert data["usual"]["colormap"] == data["start"]["colormap"] == "coolwarm"
    assert "--signed" in data["cells"][0]["command"]
