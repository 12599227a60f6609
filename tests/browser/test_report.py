"""The report in a real browser: what is painted, what every control does, and that nothing leaves the page."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from camctl.render.marks import draw_mark, marks_of
from camctl.render.overlay import overlay
from tests.browser.reports import CUT, HOSTILE, outlines, plain

CHANGED = """([selector, before]) => {
  const canvas = document.querySelector(selector);
  const blank = Object.assign(document.createElement('canvas'), {width: canvas.width, height: canvas.height});
  return ![before, blank.toDataURL()].includes(canvas.toDataURL());
}"""


def canvas_of(place):
    return f"#cell-{place} canvas"


def drawing(page, selector):
    """A canvas as PNG, in a data URL."""
    return page.evaluate("(selector) => document.querySelector(selector).toDataURL()", selector)


def pixels(png):
    """(h, w, 3) of a PNG in a data URL."""
    with Image.open(BytesIO(b64decode(png.split(",")[1]))) as picture:
        return np.asarray(picture.convert("RGB"), int)


def painted(page, selector):
    """The pixels of a canvas, once there are some."""
    page.locator(selector).scroll_into_view_if_needed()
    page.wait_for_function(CHANGED, arg=[selector, ""])
    return pixels(drawing(page, selector))


def after(page, act, place=0):
    """The pixels of a map once what was done has changed them."""
    painted(page, canvas_of(place))
    before = drawing(page, canvas_of(place))
    act()
    page.wait_for_function(CHANGED, arg=[canvas_of(place), before])
    return painted(page, canvas_of(place))


def slide(page, name, value):
    """Move a slider as a hand does."""
    page.locator(f"#{name}").fill(str(value))


def visible_cells(page):
    return [int(each.get_attribute("data-cell")) for each in page.locator("figure.cell:visible").all()]


def colours(page):
    """Open the controls of colours, gain and scale."""
    page.locator("#adjust").click()
    return page


FOCUSED = "document.activeElement.id || document.activeElement.closest('[id]')?.id || ''"


def focused(page):
    return page.evaluate(FOCUSED)


def returns_to(page, name):
    """Whether the focus comes back there: browsers give it back a moment after a dialog has closed."""
    page.wait_for_function(f"(name) => ({FOCUSED}) === name", arg=name)
    return True


# --------------------------------------------------------------------------------------- painting


@pytest.mark.parametrize("place", [0, 1, 4])
def test_maps_are_painted_as_camctl_paints_them(opened, place):
    page = opened("plain")
    drawn = painted(page, canvas_of(place))
    cam = plain().cells[place].cam
    expected = overlay(cam.picture.pixels, cam.values, replace(cam.view, size=drawn.shape[:2]))
    # The picture went through WebP; the heat did not.
    assert np.abs(drawn - expected.astype(int)).mean() < 4
    assert np.percentile(np.abs(drawn - expected.astype(int)), 99) < 25


def test_a_worthless_map_is_grey_and_hatched(opened):
    drawn = painted(opened("figures"), canvas_of(4))
    assert np.ptp(drawn, axis=2).max() == 0
    expected = plain().cells[4].cam
    expected = overlay(
        expected.picture.pixels, 0 * expected.values, replace(expected.view, size=drawn.shape[:2]), worthless=True
    )
    assert np.abs(drawn - expected.astype(int)).mean() < 4


def test_without_opacity_the_picture_is_left(opened):
    page = opened("plain")
    bare = painted(page, "[data-row='0'] canvas[data-scene]")
    heated = after(page, lambda: slide(page, "opacity", 0))
    assert (bare == heated).all()
    assert page.locator("#opacity-value").inner_text() == "0%"


def test_gain_lifts_what_is_faint(opened):
    page = colours(opened("plain"))
    page.select_option("#colormap", "grey")
    page.locator("#opacity").fill("100")
    calm = after(page, lambda: slide(page, "gain", 0.1))
    loud = after(page, lambda: slide(page, "gain", 3))
    assert (loud >= 254).all(axis=2).mean() > 2 * (calm >= 254).all(axis=2).mean()
    assert page.locator("#gain-value").inner_text() == "×8.0"  # noqa: RUF001 (a multiplication sign)


def test_another_colour_map_colours_maps_and_legend(opened):
    page = colours(opened("plain"))
    before = painted(page, "#ramp")
    after(page, lambda: page.select_option("#colormap", "viridis"))
    assert (painted(page, "#ramp") != before).any()
    assert page.locator("#colormap option").count() == 10


def test_the_shared_scale_dims_the_weaker_class(opened):
    page = colours(opened("plain"))
    bright = painted(page, canvas_of(0))
    shared = after(page, lambda: page.locator("[name=scale][value=shared]").check())
    assert shared.max(axis=2).mean() != bright.max(axis=2).mean()
    assert page.locator("#unit").inner_text().startswith("share of the largest value with the same method")
    slide(page, "opacity", 100)
    weak = page.evaluate("JSON.parse(document.getElementById('data').textContent).cells[0].map.high")
    cat, dog = (cell.cam.raw.max() for cell in plain().cells if cell.cam and cell.cam.method == "GradCAM")
    assert cat < dog
    assert weak == pytest.approx(cat / dog, abs=1e-4)


def test_the_theme_goes_round(opened):
    page = opened("plain", color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.locator("#theme").click()
    assert page.locator("#theme").inner_text() == "Theme: light"
    light = page.evaluate(ground)
    assert light != dark
    page.locator("#theme").click()
    assert (page.locator("#theme").inner_text(), page.evaluate(ground)) == ("Theme: dark", dark)
    page.locator("#theme").click()
    page.emulate_media(color_scheme="light")
    assert (page.locator("#theme").inner_text(), page.evaluate(ground)) == ("Theme: auto", light)


# --------------------------------------------------------------------------------------- outlines


def outlined(cam, window, shape):
    """Where and how camctl outlines a map's marks in its own figures: grey elsewhere."""
    picture = np.full(shape, 128, np.uint8)
    for mark in marks_of(cam, CUT):
        draw_mark(picture, mark, window, cam.view)
    return picture


@pytest.mark.parametrize("place", [0, 4])
@pytest.mark.parametrize("name", ["outlines", "outlines_whole"])
def test_outlines_lie_on_the_pixels_on_which_figures_have_them_and_can_be_hidden(opened, name, place):
    page, cam = opened(name), outlines().cells[place].cam
    on = painted(page, canvas_of(place))
    window = cam.view.box if name == "outlines" else (0, 0, 224, 224)
    expected = outlined(cam, window, on.shape)
    lines = (expected != 128).any(axis=2)
    assert lines.sum() > 300
    assert (on[lines] == expected[lines]).all()
    off = after(page, lambda: page.locator("#outlines").click(), place)
    assert page.locator("#outlines").get_attribute("aria-pressed") == "false"
    assert (on[~lines] == off[~lines]).all()
    assert (on[lines] != off[lines]).any(axis=1).mean() > 0.9
    page.locator(f"#cell-{place} button.frame").focus()
    assert (after(page, lambda: page.keyboard.press("o"), place) == on).all()


def test_threshold_and_parts_are_named_and_the_other_picture_of_a_likeness_is_shown(opened):
    page = opened("outlines")
    assert "Outlined: parts of each map above 0.5 of its peak." in page.locator(".status").inner_text()
    assert page.locator("[data-row='3'] .other").get_attribute("alt") == "b.png"  # the row after three maps
    assert page.locator("[data-row='0'] .other").count() == 0
    page.locator("#cell-0 button.frame").click()
    shown = painted(page, "#large-right canvas")
    page.locator("#large-outlines").click()
    page.evaluate(LAID_OUT)
    assert page.locator("#outlines").get_attribute("aria-pressed") == "false"
    assert (painted(page, "#large-right canvas") != shown).any()
    parts = outlines().cells[0].cam.segments(CUT)
    line = page.locator("#large-facts tr", has=page.get_by_role("rowheader", name="parts", exact=True)).inner_text()
    assert line.count("mean") == len(parts)
    assert ", ".join(f"{side:.0f}" for side in parts[0].box) in line


def test_without_outlines_there_is_nothing_to_hide(opened):
    page = opened("plain")
    assert page.locator("#outlines").count() == 0
    page.locator("#cell-0 button.frame").press("o")


# ---------------------------------------------------------------------------------------- reading


def test_pointing_reads_the_value_and_the_place_in_the_picture(opened):
    page = opened("plain")
    frame = page.locator("#cell-0 button.frame")
    frame.scroll_into_view_if_needed()
    box = frame.bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.25 * box["height"])
    cam = plain().cells[0].cam
    value, *place = page.locator("#readout").inner_text().split(" · ")[0].replace(",", "").split(" ")
    assert float(value) == pytest.approx(cam.values[28, 33], abs=0.06)
    assert [int(place[2]), int(place[4])] == pytest.approx([0.3 * 224, 0.25 * 224], abs=2)
    # The same place is shown in every map of the picture.
    assert page.locator(".mark:visible").count() == 8
    other = float(page.locator("#cell-5 .frame .chip").inner_text())
    assert other == pytest.approx(plain().cells[5].cam.values[28, 33], abs=0.06)
    page.mouse.move(2, 2)
    assert page.locator(".mark:visible").count() == 0
    assert page.locator("#readout").inner_text() == "Point at a map to read it; press it to enlarge."


def test_arrow_keys_read_from_the_peak_on(opened):
    page = opened("plain")
    page.locator("#cell-3 button.frame").focus()
    page.keyboard.press("ArrowLeft")
    peak = page.locator("#readout").inner_text()
    assert peak.startswith("1.00 at x ")
    page.keyboard.press("ArrowLeft")
    beside = page.locator("#readout").inner_text()
    assert beside != peak
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Home")
    assert page.locator("#readout").inner_text() == peak
    page.keyboard.press("Escape")
    assert page.locator(".mark:visible").count() == 0
    assert page.locator("#readout").get_attribute("aria-live") == "polite"


def test_a_worthless_map_has_no_value_to_read(opened):
    page = opened("figures")
    page.locator("#cell-4 button.frame").focus()
    page.keyboard.press("Home")
    assert page.locator("#readout").inner_text().startswith("No value (zero-gradient)")


def test_on_the_shared_scale_both_values_are_read(opened):
    page = colours(opened("plain"))
    page.locator("[name=scale][value=shared]").check()
    page.locator("#cell-0 button.frame").focus()
    page.keyboard.press("Home")
    assert " shared) at x" in page.locator("#readout").inner_text()


def test_a_first_tap_reads_and_a_second_enlarges(opened):
    page = opened("plain", width=400, height=800, has_touch=True)
    page.locator("#cell-0 button.frame").tap()
    assert "tap again to enlarge" in page.locator("#readout").inner_text()
    assert page.locator("#large").is_hidden()
    page.locator("#cell-0 button.frame").tap()
    assert page.locator("#large").is_visible()


# -------------------------------------------------------------------------------------- enlarging


def test_enter_enlarges_escape_closes_and_the_focus_returns(opened):
    page = opened("figures")
    page.locator("#cell-1 button.frame").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    assert dialog.locator("h2").inner_text() == "LayerCAM, class cat, demo:resnet"
    assert "backbone.layer4" in dialog.inner_text()
    assert "0.600" in dialog.inner_text()
    assert painted(page, "#large-right canvas").std() > 10
    page.keyboard.press("Home")
    assert page.locator("#large-readout").inner_text().startswith("1.00 at x ")
    assert page.locator("dialog .mark:visible").count() == 2
    page.keyboard.press("Escape")
    assert dialog.is_hidden()
    assert returns_to(page, "cell-1")


def test_enlarged_maps_are_paged_through(opened):
    page = opened("figures")
    page.locator("#cell-0 button.frame").click()
    assert page.locator("#before").is_disabled()
    page.locator("#after").click()
    assert page.locator("#large-title").inner_text().startswith("LayerCAM, class cat")
    page.keyboard.press("PageUp")
    assert page.locator("#large-title").inner_text().startswith("GradCAM, class cat")
    page.keyboard.press("PageDown")
    for _ in range(3):  # the last cell has no map
        page.keyboard.press("PageDown")
    assert page.locator("#large-title").inner_text().startswith("LayerCAM, class dog")
    assert page.locator("#after").is_disabled()
    assert page.evaluate("document.getElementById('large').contains(document.activeElement)")
    page.locator("#close").click()
    assert returns_to(page, "cell-4")


def test_the_worthless_map_enlarged_says_why(opened):
    page = opened("figures")
    page.locator("#cell-4 button.frame").click()
    assert "The class score does not depend on it." in page.get_by_role("dialog").inner_text()
    assert np.ptp(painted(page, "#large-right canvas"), axis=2).max() == 0


# --------------------------------------------------------------------- keyboard, width and access


def test_the_keyboard_alone_reaches_everything_in_order(opened):
    page = opened("figures")
    order = []
    for _ in range(40):
        page.keyboard.press("Tab")
        order.append(focused(page))
        assert page.evaluate("document.activeElement.matches(':focus-visible')")
        if order[-1] == "cell-4":
            break
    wanted = ["theme", "q", "figure", "rank", "filter", "original", "opacity", "adjust", "reset", "cell-0", "cell-4"]
    assert [name for name in dict.fromkeys(order) if name in wanted] == wanted
    page.locator("#filter").press("Enter")
    page.locator("#adjust").press("Enter")
    order = []
    for _ in range(20):
        page.keyboard.press("Tab")
        order.append(focused(page))
    assert [name for name in dict.fromkeys(order) if name in {"colormap", "gain", "filters"}] == [
        "colormap",
        "gain",
        "filters",
    ]
    # Three methods, two classes, three verdicts, and for each of these a button for all of them.
    assert order.count("filters") == 11


def test_the_first_tab_skips_to_the_maps(opened):
    page = opened("plain", reduced_motion="reduce")
    page.keyboard.press("Tab")
    assert page.locator(".skip").bounding_box()["y"] >= 0
    page.keyboard.press("Enter")
    assert focused(page) == "maps"


LAID_OUT = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
"""Waits for two frames: the first takes the new size, the second is drawn in it."""


@pytest.mark.parametrize("name", ["families", "figures", "crowded", "hostile"])
def test_the_page_never_scrolls_sideways(opened, name):
    page = opened(name)
    for width in (320, 400, 820, 1700):
        page.set_viewport_size({"width": width, "height": 800})
        page.evaluate(LAID_OUT)  # a busy machine is given the time to lay the page out anew
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [400, 900])
def test_names_stay_in_sight_when_a_wide_table_is_scrolled(opened, width):
    page = opened("crowded", width=width)
    for place in range(page.locator(".scroll").count()):
        scroll = page.locator(".scroll").nth(place)
        if scroll.get_attribute("tabindex") is None:  # it fits
            continue
        name = scroll.locator("tbody th[scope=row]").first
        before = name.bounding_box()["x"]
        scroll.evaluate("(element) => (element.scrollLeft = 200)")
        assert scroll.evaluate("(element) => element.scrollLeft") > 50
        assert name.bounding_box()["x"] == pytest.approx(before, abs=1)


def test_columns_out_of_sight_are_told_of(opened):
    page = opened("crowded", width=900)
    assert "scroll sideways" in page.locator(".status").inner_text()
    page.locator("#filter").click()
    for method in page.locator("[data-axis=method] .chip").all()[3:]:
        method.click()
    assert page.locator(".status").inner_text() == "24 of 80 maps.Reset"
    page.set_viewport_size({"width": 400, "height": 800})  # every map says where it stands
    page.locator("#reset").dispatch_event("click")
    assert page.locator(".status").inner_text() == "80 of 80 maps.Reset"


def test_eleven_columns_fit_a_wide_screen(opened):
    page = opened("crowded", width=1600)
    assert page.locator("#scroll.fits").count() == 1


def test_on_a_phone_controls_open_from_below(opened):
    page = opened("families", width=400, height=800)
    page.locator("footer").scroll_into_view_if_needed()
    page.wait_for_selector("#bar", state="hidden")
    page.locator("#grid").scroll_into_view_if_needed()
    page.wait_for_selector("#bar", state="visible")
    assert page.locator("#opacity").is_hidden()
    page.locator("#tools").click()
    assert page.locator("#tools").get_attribute("aria-expanded") == "true"
    after(page, lambda: slide(page, "opacity", 0))
    bar = page.locator("#bar").bounding_box()
    assert bar["y"] + bar["height"] == pytest.approx(800, abs=1)
    assert "method LayerCAM" in page.locator("#cell-1 .where").inner_text()
    assert page.locator("#under").inner_text() == "Under each map: Insertion ↑"  # the control that says so is folded


@pytest.mark.parametrize("width", [390, 1024, 1920])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_wrong(opened, axe, width, scheme):
    page = opened("figures", width=width, color_scheme=scheme, reduced_motion="reduce")
    page.locator("summary").click()
    for button in page.locator("#tools, #filter, #adjust").all():
        if button.is_visible():
            button.click()
    found = axe.run(page)
    assert found.violations_count == 0, found.generate_report()
    page.locator("#cell-0 button.frame").press("p")
    page.locator("#cell-0 button.frame").press("Enter")
    found = axe.run(page, context="#large")
    assert found.violations_count == 0, found.generate_report()
    page.keyboard.press("Escape")
    found = axe.run(page)
    assert found.violations_count == 0, found.generate_report()
    page.locator("#cell-1 button.frame").press("p")
    page.keyboard.press("b")
    found = axe.run(page, context="#large")
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_wrong_with_outlines(opened, axe, scheme):
    page = opened("outlines", color_scheme=scheme, reduced_motion="reduce")
    found = axe.run(page)
    assert found.violations_count == 0, found.generate_report()
    page.locator("#cell-0 button.frame").click()
    found = axe.run(page, context="#large")
    assert found.violations_count == 0, found.generate_report()


def test_motion_is_left_out_where_it_is_not_wanted(opened):
    for wish, name in (("reduce", "none"), ("no-preference", "rise")):
        page = opened("plain", reduced_motion=wish)
        page.locator("#cell-0 button.frame").click()
        assert page.evaluate("getComputedStyle(document.getElementById('large')).animationName") == name


def test_on_paper_there_are_no_controls_and_all_maps(opened):
    page = opened("families", color_scheme="dark")
    page.emulate_media(media="print")
    assert page.locator("#bar, #filters, #theme").filter(visible=True).count() == 0
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("#maps").inner_text().count("Insertion ↑") == 1  # what the figures under the maps are
    painted(page, canvas_of(0))
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert pixels(drawing(page, canvas_of(23))).std() > 10


def test_markup_from_outside_is_shown_and_never_run(opened):
    page = opened("hostile")  # an alert or a console message would fail at its end
    assert page.locator("h1").inner_text().endswith("3 methods, 2 classes")
    assert page.locator("img").count() == 0
    assert HOSTILE in page.locator("#grid .line[data-row='0']").inner_text()
    page.select_option("#figure", HOSTILE)
    page.locator("#rank").click()
    page.locator("#q").fill(HOSTILE)
    assert visible_cells(page) == [0, 1, 2, 3, 4, 5]
    page.locator("#cell-0 button.frame").click()
    assert HOSTILE in page.locator("#large-title").inner_text()
    assert HOSTILE in page.locator("#large-facts").inner_text()
    assert page.locator("img").count() == 0


def test_nothing_jumps_while_the_page_loads_and_is_read(opened):
    page = opened("families")
    page.evaluate(
        "window.jumps = 0;"
        "new PerformanceObserver((list) => list.getEntries().forEach((one) => (window.jumps += one.value)))"
        ".observe({type: 'layout-shift', buffered: true})"
    )
    page.locator("#cell-0 button.frame").hover()
    page.wait_for_function("() => document.querySelectorAll('.mark:not([hidden])').length > 0")
    assert page.evaluate("window.jumps") < 0.02
