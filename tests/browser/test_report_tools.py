"""Tools of the report in a real browser: find, filter, rank, pin, blink, fade and copy."""

from __future__ import annotations

import shlex

import pytest

from tests.browser.reports import HOSTILE, SHELL
from tests.browser.test_report import after, canvas_of, drawing, focused, painted, returns_to, slide, visible_cells

METHODS = ["GradCAM", "LayerCAM", "EigenCAM"]


def filtered(page):
    """Open the filters."""
    page.locator("#filter").click()
    return page


def opacity(page):
    return int(page.locator("#opacity-value").text_content().removesuffix("%"))


# ---------------------------------------------------------------------------------- what is shown


def test_pictures_come_before_figures_and_facts(opened):
    page = opened("figures", width=1024, height=768)
    tops = [page.locator(f"#{name}").bounding_box()["y"] for name in ("maps", "standings", "agreement", "about")]
    assert tops == sorted(tops)
    map_ = page.locator(canvas_of(0)).bounding_box()
    assert map_["y"] + map_["height"] < 768


def test_switching_off_a_value_hides_its_column_or_row(opened):
    page = filtered(opened("plain"))
    page.get_by_label("LayerCAM", exact=True).uncheck()
    assert visible_cells(page) == [0, 2, 3, 5]
    page.get_by_label("cat", exact=True).uncheck()
    assert visible_cells(page) == [3, 5]
    assert page.locator("#shown").inner_text() == "2 of 6 maps."
    assert page.locator("#filter").inner_text() == "Filter (2 off)"
    assert page.locator("#grid thead th:visible").all_inner_texts() == ["GradCAM", "EigenCAM"]
    page.get_by_label("dog", exact=True).uncheck()
    assert "Reset shows all" in page.locator("#shown").inner_text()


def test_every_axis_that_varies_can_be_switched(opened):
    page = filtered(opened("families"))
    assert page.locator("#filters legend").all_inner_texts() == ["methods", "classes", "models"]
    for model in ("demo:resnet", "demo:swin", "demo:t2t"):
        page.get_by_label(model, exact=True).uncheck()
    assert len(visible_cells(page)) == 6
    assert page.locator("#grid .block:visible").all_inner_texts() == ["model demo:vit"]


def test_one_value_is_left_by_switching_off_all_and_on_one(opened):
    page = filtered(opened("families"))
    models = page.locator("[data-axis=model]")
    models.get_by_role("button", name="none").click()
    assert visible_cells(page) == []
    page.get_by_label("demo:swin", exact=True).check()
    assert len(visible_cells(page)) == 6
    models.get_by_role("button", name="none").click()
    models.get_by_role("button", name="all").click()
    assert len(visible_cells(page)) == 24


def test_maps_are_filtered_by_their_verdict(opened):
    page = filtered(opened("figures"))
    assert page.locator("[data-axis=verdict] .chip").all_inner_texts() == ["ok", "zero-gradient", "no map"]
    page.get_by_label("ok", exact=True).uncheck()
    assert visible_cells(page) == [4, 5]
    assert page.locator("#grid thead th:visible").all_inner_texts()[0] == "LayerCAM"


@pytest.mark.parametrize(
    ("words", "places"),
    [("layercam", [1, 4]), ("dog gradcam", [3]), ("no memory", [5]), ("zero-gradient", [4]), ("nothing of this", [])],
)
def test_maps_are_found_by_all_of_some_words(opened, words, places):
    page = opened("figures")
    page.keyboard.press("/")
    assert focused(page) == "q"
    page.keyboard.type(words)
    assert visible_cells(page) == places


def test_ranking_by_a_figure_puts_the_best_first_and_what_has_none_last(opened):
    page = opened("figures")
    page.locator("#rank").click()
    assert visible_cells(page) == [0, 2, 3, 1, 4, 5]
    assert page.locator("#shown").inner_text() == "6 of 6 maps, best first by Insertion."
    assert page.locator("#grid").is_hidden()
    page.select_option("#figure", "deletion")
    assert visible_cells(page) == [1, 2, 3, 0, 4, 5]
    filtered(page).get_by_label("GradCAM", exact=True).uncheck()
    assert visible_cells(page) == [1, 2, 4, 5]
    page.locator("#rank").click()
    assert visible_cells(page) == [1, 2, 4, 5]
    assert page.locator("#grid").is_visible()


def test_ranking_by_score_puts_the_likelier_class_first(opened):
    page = opened("plain")
    page.locator("#rank").click()
    assert visible_cells(page) == [3, 4, 5, 0, 1, 2]
    assert "best first" in page.locator("#shown").inner_text()
    assert page.locator("#cell-3 .where .label").all_inner_texts() == ["method GradCAM", "class dog"]


def test_the_chosen_figure_stands_under_each_map_and_its_name_once(opened):
    page = opened("figures")
    under = [page.locator(f"#cell-{place} .figure") for place in range(6)]
    assert [line.text_content().removeprefix("Insertion ") for line in under] == [
        "0.800",
        "0.600",
        "0.700",
        "0.700",
        "",
        "",
    ]
    assert [place for place, line in enumerate(under) if "best" in line.get_attribute("class")] == [0]
    page.select_option("#figure", label="Deletion ↓")
    assert under[0].text_content() == "Deletion 0.400"
    assert [place for place, line in enumerate(under) if "best" in line.get_attribute("class")] == [1]
    seen = page.locator("#maps").evaluate("(maps) => maps.innerText.match(/Deletion/g).length")
    assert seen == 1 + sum(bool(line.text_content()) for line in under)  # under maps it is for screen readers alone
    assert page.locator("#cell-0 .figure .unseen").bounding_box()["width"] <= 1


def test_reset_puts_everything_back(opened):
    page = filtered(opened("figures"))
    page.locator("#adjust").click()
    painted(page, canvas_of(0))
    first = drawing(page, canvas_of(0))
    page.locator("#rank").click()
    page.select_option("#figure", "")
    page.select_option("#colormap", "jet")
    page.locator("[name=scale][value=shared]").check()
    slide(page, "opacity", 20)
    slide(page, "gain", 2)
    page.get_by_label("cat", exact=True).uncheck()
    page.locator("#q").fill("layercam")
    page.locator("#original").click()
    page.locator("#reset").click()
    assert page.locator("#grid").is_visible()
    assert visible_cells(page) == [0, 1, 2, 3, 4, 5]
    assert opacity(page) == 65
    assert page.locator("#gain-value").inner_text() == "×1.0"  # noqa: RUF001 (a multiplication sign)
    assert page.locator("#cell-0 .figure").text_content() == "Insertion 0.800"
    page.locator(canvas_of(0)).scroll_into_view_if_needed()
    page.wait_for_function(
        "([selector, wanted]) => document.querySelector(selector).toDataURL() === wanted", arg=[canvas_of(0), first]
    )


def test_one_map_has_nothing_to_filter_or_rank(opened):
    page = opened("one")
    assert page.locator("#q, #filter, #rank").count() == 0
    page.keyboard.press("/")
    page.locator("#reset").click()
    assert visible_cells(page) == [0]


@pytest.mark.parametrize("width", [900, 1600])
def test_headings_of_columns_and_rows_stay_in_sight(opened, width):
    page = opened("crowded", width=width)
    page.locator("#scroll").evaluate("(scroll) => scroll.scrollIntoView()")
    # A table that is too wide scrolls in a window of its own.
    page.evaluate(
        "(document.querySelector('.fits#scroll') ? window : document.querySelector('#scroll')).scrollBy(0, 500)"
    )
    page.evaluate("new Promise(requestAnimationFrame)")
    bar, heading = page.locator("#bar").bounding_box(), page.locator("#grid thead th").first.bounding_box()
    assert bar["y"] == pytest.approx(0, abs=1)
    assert bar["height"] - 2 <= heading["y"] < 250
    seen = "(place) => document.elementFromPoint(place.x + 3, place.y + place.height - 3)?.closest('th')?.scope ?? ''"
    assert page.evaluate(seen, heading) == "col"
    below = {"x": page.locator("#scroll").bounding_box()["x"], "y": heading["y"] + heading["height"], "height": 10}
    assert page.evaluate(seen, below) == "rowgroup"


# ------------------------------------------------------------------------------- blinking, fading


def test_b_blinks_between_the_pictures_and_the_maps(opened):
    page = opened("plain")
    bare = painted(page, "[data-row='0'] canvas[data-scene]")
    heated = painted(page, canvas_of(0))
    page.locator("#cell-1 button.frame").focus()
    assert (after(page, lambda: page.keyboard.press("b")) == bare).all()
    assert page.locator("#original").get_attribute("aria-pressed") == "true"
    assert (after(page, lambda: page.locator("#original").click()) == heated).all()


def test_letters_do_nothing_where_letters_are_typed(opened):
    page = opened("plain")
    page.locator("#q").focus()
    page.keyboard.type("bcp")
    assert page.locator("#q").input_value() == "bcp"
    assert page.locator("#original").get_attribute("aria-pressed") == "false"
    assert page.locator("#pins").is_hidden()


def test_the_wheel_fades_over_its_control_and_with_alt_over_a_map_and_else_scrolls(opened):
    page = opened("families")
    page.locator("#opacity").hover()
    page.mouse.wheel(0, 100)
    page.wait_for_function("() => document.getElementById('opacity-value').textContent === '60%'")
    page.locator("#cell-0 button.frame").hover()
    before = page.evaluate("scrollY")
    page.keyboard.down("Alt")
    page.mouse.wheel(0, -100)
    page.wait_for_function("() => document.getElementById('opacity-value').textContent === '65%'")
    page.keyboard.up("Alt")
    assert page.evaluate("scrollY") == before
    page.mouse.wheel(0, 100)
    page.wait_for_function("(before) => scrollY > before", arg=before)
    assert opacity(page) == 65


def test_alt_and_arrows_fade_by_the_keyboard(opened):
    page = opened("plain")
    page.locator("#cell-0 button.frame").focus()
    page.keyboard.press("Alt+ArrowDown")
    page.keyboard.press("Alt+ArrowDown")
    page.keyboard.press("Alt+ArrowUp")
    assert opacity(page) == 60
    page.keyboard.press("Enter")
    page.keyboard.press("Alt+ArrowUp")
    assert page.locator("#large-opacity").input_value() == "65"


# ----------------------------------------------------------------------------------------- pinning


def test_two_pinned_maps_are_compared_side_by_side(opened):
    page = opened("figures")
    page.locator("#cell-0 button.frame").press("p")
    assert page.locator("#pinned").inner_text().startswith("Pinned: GradCAM, class cat")
    assert page.locator("#told").inner_text().endswith("Pin another to compare them.")
    page.locator("#cell-1").hover()
    page.locator("#cell-1 .pin").click()
    dialog = page.get_by_role("dialog")
    assert dialog.locator("h2").inner_text() == "GradCAM and LayerCAM"
    assert dialog.locator("thead th").all_inner_texts() == ["GradCAM", "LayerCAM"]
    row = dialog.locator("tr", has=page.get_by_role("rowheader", name="Insertion ↑", exact=True))
    assert row.locator("td").all_inner_texts() == ["0.800", "0.600"]
    assert row.locator(".best").all_inner_texts() == ["0.800"]
    # What both have in common is said once.
    row = dialog.locator("tr", has=page.get_by_role("rowheader", name="class", exact=True))
    assert row.locator("td").all_inner_texts() == ["cat"]
    assert (painted(page, "#large-left canvas") != painted(page, "#large-right canvas")).any()
    page.keyboard.press("Home")
    assert page.locator("dialog .mark:visible").count() == 2
    page.keyboard.press("Escape")
    assert returns_to(page, "cell-1")
    page.locator("#compare").click()
    assert dialog.is_visible()
    page.keyboard.press("Escape")
    page.locator("#unpin").click()
    assert page.locator("#pins").is_hidden()
    assert page.locator(".pinned").count() == 0


def test_a_third_pin_takes_the_place_of_the_first_and_a_second_press_unpins(opened):
    page = opened("plain")
    for place in (0, 1, 2):
        page.locator(f"#cell-{place} button.frame").press("p")
        page.keyboard.press("Escape")
    assert [figure.get_attribute("id") for figure in page.locator(".pinned").all()] == ["cell-1", "cell-2"]
    page.locator("#cell-1 button.frame").press("p")
    assert page.get_by_role("dialog").is_hidden()
    assert [figure.get_attribute("id") for figure in page.locator(".pinned").all()] == ["cell-2"]


def test_an_enlarged_map_is_pinned_and_compared_with_the_next(opened):
    page = opened("plain")
    page.locator("#cell-0 button.frame").press("Enter")
    page.locator("#pin").click()
    assert page.locator("#pin").get_attribute("aria-pressed") == "true"
    page.locator("#after").click()
    page.keyboard.press("p")
    assert page.locator("#large-title").inner_text() == "GradCAM and LayerCAM"


def test_two_maps_blink_in_one_place(opened):
    page = opened("plain")
    for place in (0, 1):
        page.locator(f"#cell-{place} button.frame").press("p")
    sides = [page.locator(f"#large-{side}") for side in ("left", "right")]
    turns = []
    for _ in range(3):
        page.keyboard.press("b")
        turns.append([side.is_visible() for side in sides])
    assert turns == [[False, True], [True, False], [False, True]]
    assert page.locator("#large-readout").inner_text() == "LayerCAM"
    boxes = [
        page.locator(f"#large-{side}").evaluate("(frame) => frame.getBoundingClientRect().toJSON()")
        for side in ("left", "right")
    ]
    assert boxes[0] == boxes[1]
    page.locator("#beside").click()
    assert all(side.is_visible() for side in sides)
    assert focused(page) == "blink"


# ----------------------------------------------------------------------------------------- copying


def test_the_command_of_a_map_is_copied_with_the_colours_that_are_shown(opened):
    page = opened("shell", permissions=["clipboard-read", "clipboard-write"])
    page.locator("#cell-4 button.frame").press("c")
    page.wait_for_function("() => document.getElementById('told').textContent.startsWith('Copied: camctl run ')")
    words = shlex.split(page.evaluate("navigator.clipboard.readText()"))
    assert words[:3] == ["camctl", "run", "scene6700024.png"]
    assert words[3 : 3 + len(SHELL)] == list(SHELL)
    assert words[words.index("--method") + 1] == "LayerCAM"
    assert words[words.index("--target-category") + 1] == "1"
    assert "--opacity" not in words
    slide(page, "opacity", 30)
    page.locator("#cell-4").hover()
    page.locator("#cell-4 .copy").click()
    page.wait_for_function("() => document.getElementById('told').textContent.includes('--opacity 0.3')")
    page.locator("#cell-4 button.frame").press("Enter")
    assert page.locator("#command-4").inner_text().endswith("--opacity 0.3")


def test_without_a_clipboard_the_command_is_shown_and_selected(opened):
    page = opened("shell")
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.locator("#cell-0 button.frame").press("c")
    page.wait_for_function("() => getSelection().toString().startsWith('camctl run scene6700024.png')")
    assert page.get_by_role("dialog").is_visible()


def test_a_comparison_that_no_shell_asked_for_has_no_commands(opened):
    page = opened("plain")
    assert page.locator(".copy").count() == 0
    page.locator("#cell-0 button.frame").press("c")
    assert page.locator("#told").inner_text() == "No command is known for this map."


def test_hostile_names_stay_text_when_pinned_and_compared(opened):
    page = opened("hostile")
    for place in (0, 1):
        page.locator(f"#cell-{place} button.frame").press("p")
    assert page.locator("#large-title").inner_text() == f"{HOSTILE} and b"
    assert page.locator("img").count() == 0


# ---------------------------------------------------------------------------------- six hundred maps


def test_of_many_maps_only_those_near_the_window_are_painted(opened):
    page = opened("many")
    painted(page, canvas_of(0))
    held = "[...document.querySelectorAll('canvas[data-map]')].filter((canvas) => canvas.width).length"
    emptied = "(selector) => document.querySelector(selector).width === 0"
    box = page.locator(canvas_of(0)).bounding_box()
    page.locator("#cell-599").scroll_into_view_if_needed()
    painted(page, canvas_of(599))
    page.wait_for_function(emptied, arg=canvas_of(0))
    assert page.evaluate(held) < 600
    page.locator("#cell-0").scroll_into_view_if_needed()
    painted(page, canvas_of(0))
    again = page.locator(canvas_of(0)).bounding_box()
    assert (again["width"], again["height"]) == pytest.approx((box["width"], box["height"]), abs=1)
    assert page.locator("#shown").inner_text() == "600 of 600 maps."
