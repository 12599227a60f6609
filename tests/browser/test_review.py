"""The page of a review in a real browser: what is painted, what controls do, that nothing leaves the page."""

from __future__ import annotations

import json

import numpy as np
import pytest

from camctl.render.marks import draw_mark
from camctl.render.review.page import save_review
from camctl.results.review import summarise
from camctl.values.view import View
from tests.browser.conftest import guarded
from tests.browser.test_report import pixels
from tests.reviews import CLASSES, HOSTILE, energy_of, grid_of, opened, predicted, score_of

COUNT = 130
MISTAKES = [index for index in range(COUNT) if index % 10 == 4]


@pytest.fixture(scope="session")
def pages(tmp_path_factory):
    """The page of each kind of results, made when first asked for."""
    made = {}
    kinds = {
        "labelled": {"count": COUNT},
        "plain": {"count": 12, "labels": False, "pictures": False},
        "hostile": {"count": 6, "classes": (HOSTILE, "b", "c"), "ids": {4: HOSTILE, 1: "a\nb"}, "failed": (2,)},
        "boxed": {"count": 3, "box": [10.5, 4.0, 33.25, 27.0]},
        "broken": {"count": 12, "failed": (3,), "verdict": "flat"},
    }

    def page(name):
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            results = opened(folder, **kinds[name])
            made[name] = save_review(results, summarise(results), folder / "review.html").path
        return made[name]

    return page


@pytest.fixture
def review(browser, pages):
    """Open a review at a size; at the end nothing must have gone wrong in it, nor asked for anything."""
    with guarded(browser) as open_page:
        yield lambda name, fragment="", **context: open_page(pages(name).as_uri() + fragment, **context)


def names(page):
    return [each.get_attribute("aria-label").split(",")[0] for each in page.locator("#gallery .frame").all()]


def numbers(page):
    return [int(name.split(".")[0]) for name in names(page)]


def painted(page, selector="#gallery canvas"):
    """The pixels of the first canvas, as a data URL, once it is painted."""
    page.wait_for_selector(f"{selector}[data-painted]")
    return page.locator(selector).first.evaluate("(canvas) => canvas.toDataURL()")


# ------------------------------------------------------------------------------------------ opening


def test_the_page_opens_on_the_mistakes_the_surest_first(review):
    page = review("labelled")
    assert numbers(page) == sorted(MISTAKES, key=lambda index: -score_of(index))
    assert page.locator(".lead[aria-pressed=true]").inner_text() == f"{len(MISTAKES)} differ from their label"
    assert page.locator("#gallery .labelled.bad").count() == len(MISTAKES)


def test_without_labels_the_page_opens_on_all_pictures_as_they_come(review):
    page = review("plain")
    assert numbers(page) == list(range(12))
    assert page.locator(".lead", has_text="differ").count() == 0


def test_a_picture_that_is_gone_is_said_and_its_map_lies_on_grey(review):
    page = review("plain", "#opacity=0")
    assert "no longer there" in page.locator("#pictures .warning").inner_text()
    painted(page)
    read = "(canvas) => [...canvas.getContext('2d').getImageData(2, 2, 1, 1).data]"
    pixel = page.locator("#gallery canvas").first.evaluate(read)
    assert pixel == [138, 138, 138, 255]


# ---------------------------------------------------------------------------------- filters and order


def test_a_class_opens_its_pictures(review):
    page = review("labelled")
    page.get_by_role("button", name="dog", exact=True).click()
    assert page.locator("#shown").inner_text().startswith("43 of 130 pictures")


def test_a_cell_of_the_matrix_opens_its_pictures(review):
    page = review("labelled")
    cell = page.get_by_role("button", name="Label cat, predicted dog:")
    expected = [index for index in MISTAKES if CLASSES[index % 3] == "cat"]
    assert cell.inner_text() == str(len(expected))
    cell.click()
    assert sorted(numbers(page)) == expected


def test_filters_combine_and_are_cleared(review):
    page = review("labelled", "#all=1")
    page.locator("#more").click()
    page.get_by_label("site").select_option("=south")
    page.get_by_label("Predicted class").select_option("=cat")
    page.get_by_label("hour from").fill("20")
    page.get_by_label("hour to").fill("30")
    page.get_by_label("hour to").press("Enter")
    expected = [i for i in range(COUNT) if i % 2 and predicted(i) == 0 and 20 <= i / 2 <= 30]
    assert numbers(page) == expected
    assert page.locator("#more").inner_text() == "Filters (3)"
    page.locator("#clear").click()
    assert page.locator("#shown").inner_text().startswith("130 pictures")


def test_the_search_finds_a_name(review):
    page = review("labelled", "#all=1")
    page.keyboard.press("/")
    page.keyboard.type("07")
    page.wait_for_function("() => document.querySelectorAll('#gallery .frame').length < 60")
    assert numbers(page) == [7, *range(70, 80), 107]


@pytest.mark.parametrize("method", ["GradCAM", "LayerCAM"])
def test_a_figure_sorts_the_worst_first_and_reversed_the_best(review, method):
    page = review("labelled", f"#all=1&method={method}")
    page.select_option("#sort", "figure.energy")
    by = sorted(range(COUNT), key=lambda index: energy_of(index, method))
    assert numbers(page)[:8] == by[:8]
    page.locator("#reverse").click()
    assert energy_of(numbers(page)[0], method) == max(energy_of(index, method) for index in range(COUNT))


def test_pages_turn(review):
    page = review("labelled", "#all=1")
    assert numbers(page) == list(range(60))
    page.locator("#next-page").click()
    page.locator("#next-page").click()
    assert numbers(page) == list(range(120, 130))
    assert page.locator("#next-page").is_disabled()


def test_verdicts_and_errors_are_filters(review):
    page = review("broken")
    lead = page.locator(".lead", has_text="not ok")
    assert lead.inner_text() == "11 with a map that is not ok"
    lead.click()
    assert page.locator("#gallery .verdict").all_inner_texts() == ["flat", "LayerCAM flat"] * 11
    page.locator(".lead", has_text="with an error").click()
    assert numbers(page) == [3]


# ------------------------------------------------------------------------------------------- address


def test_the_state_stands_in_the_address_and_comes_back(review):
    page = review("labelled", "#all=1")
    page.select_option("#sort", "unlike")
    page.select_option("#method", "LayerCAM")
    page.fill("#q", "1")
    page.wait_for_function("() => location.hash.includes('q=1')")
    before = numbers(page)
    page.locator("#gallery .frame").nth(2).click()
    again = review("labelled", page.evaluate("location.hash"))
    assert again.locator("#large-title").inner_text() == f"{before[2]:03d}.png"
    again.keyboard.press("Escape")
    assert numbers(again) == before
    assert again.locator("#method").input_value() == "LayerCAM"


@pytest.mark.parametrize("fragment", ["#sort=no&page=99&opacity=x&colormap=no&method=no", "#picture=nobody", "#%"])
def test_an_address_that_means_nothing_opens_the_page_all_the_same(review, fragment):
    assert review("labelled", fragment).locator("#gallery .frame").count() > 0


# ------------------------------------------------------------------------------------------ enlarging


def test_a_picture_is_enlarged_with_the_maps_of_its_methods(review):
    page = review("labelled")
    page.locator("#gallery .frame").first.click()
    assert page.locator("#large-maps .name").all_inner_texts() == ["The picture", "GradCAM", "LayerCAM"]
    assert "but the label is" in page.locator("#large-verdict").inner_text()
    assert "site" in page.locator("#large-facts").inner_text()


def test_a_cell_is_read_under_the_pointer(review):
    page = review("labelled", "#all=1&picture=007.png")
    painted(page, "#large-maps canvas")
    box = page.locator("#large-maps .frame").nth(1).locator("canvas").bounding_box()
    # The view is 32 of 48 pixels wide, from the eighth; its grid has six columns and four rows.
    page.mouse.move(box["x"] + box["width"] * (8 + 2.5 / 6 * 32) / 48, box["y"] + box["height"] * 1.5 / 4)
    words = page.locator("#large-readout").inner_text()
    assert "row 2, column 3" in words
    value = float(words.split("raw value ")[1].split(",")[0])
    assert value == pytest.approx(2 * grid_of(7, "GradCAM")[1, 2], abs=0.01)
    page.mouse.move(box["x"] + 2, box["y"] + 2)
    assert "not seen by the model" in page.locator("#large-readout").inner_text()


def test_arrows_go_from_picture_to_picture_and_escape_returns(review):
    page = review("labelled")
    order = numbers(page)
    page.locator("#gallery .frame").first.click()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    assert page.locator("#large-title").inner_text() == f"{order[1]:03d}.png"
    page.keyboard.press("Escape")
    page.wait_for_function("(place) => document.activeElement.dataset.place === String(place)", arg=order[1])


def test_arrows_read_the_cells_of_a_map_that_has_the_focus(review):
    page = review("labelled", "#all=1&picture=007.png")
    page.locator("#large-maps .frame").nth(1).focus()
    page.keyboard.press("ArrowLeft")
    first = page.locator("#large-readout").inner_text()
    page.keyboard.press("ArrowDown")
    assert page.locator("#large-title").inner_text() == "007.png"
    assert first != page.locator("#large-readout").inner_text()


def test_arrows_move_between_the_tiles(review):
    page = review("labelled", "#all=1", width=1280)
    page.locator("#gallery .frame").first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    place = int(page.evaluate("document.activeElement.dataset.place"))
    assert place > 2
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    assert page.locator("#large-title").inner_text() == "000.png"


def test_colours_and_opacity_change_what_is_painted(review):
    page = review("labelled")
    before = painted(page)
    page.select_option("#colormap", "viridis")
    page.wait_for_function("(b) => document.querySelector('#gallery canvas').toDataURL() !== b", arg=before)
    coloured = painted(page)
    page.locator("#opacity").fill("0")
    page.wait_for_function("(b) => document.querySelector('#gallery canvas').toDataURL() !== b", arg=coloured)


def test_box_that_was_asked_about_is_outlined_on_its_pixels(review):
    page = review("boxed", "#all=1")
    drawn = pixels(painted(page)).astype(np.uint8)
    expected = np.full((32, 48, 3), 128, np.uint8)
    draw_mark(expected, (10.5, 4.0, 33.25, 27.0), (0, 0, 48, 32), View(size=(32, 48), box=(0, 0, 48, 32)))
    lines = (expected != 128).any(axis=2)
    assert lines.sum() > 70
    assert (drawn[lines] == expected[lines]).all()


# ------------------------------------------------------------------------------------------ markup


def test_markup_in_names_stays_text(review):
    page = review("hostile", "#all=1")
    assert page.locator("#gallery img, main script").count() == 0
    page.locator("#gallery .frame").nth(4).click()
    assert page.locator("#large-title").text_content() == HOSTILE
    page.keyboard.press("Escape")
    page.locator(".classes .link", has_text="alert(1)").click()
    assert page.locator("#gallery .frame").count() == 2


# ------------------------------------------------------------------------------------- accessibility


@pytest.mark.parametrize("name", ["labelled", "plain", "hostile", "broken"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_keeps_anybody_from_reading_the_page(review, axe, name, scheme, width):
    page = review(name, width=width, color_scheme=scheme)
    page.locator("#more").click()
    found = axe.run(page).response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in found] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_keeps_anybody_from_reading_an_enlarged_picture(review, axe, scheme, width):
    page = review("labelled", "#picture=004.png", width=width, color_scheme=scheme)
    found = axe.run(page).response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in found] == []


@pytest.mark.parametrize("width", [320, 390, 768, 1280, 2200])
def test_nothing_sticks_out_sideways(review, width):
    for fragment in ("#all=1", "#picture=004.png"):
        page = review("labelled", fragment, width=width)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_data_of_the_page_is_json(review):
    data = json.loads(review("labelled").locator("#data").text_content())
    assert len(data["pictures"]) == COUNT
