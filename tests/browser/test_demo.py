"""The page of the demo in a real browser: it fits any width, and everybody can read it."""

from __future__ import annotations

import pytest

from camctl.demo.tour import tour
from tests.browser.conftest import guarded


@pytest.fixture(scope="session")
def index(tmp_path_factory):
    return tour(tmp_path_factory.mktemp("demo"), scenes=2).index


@pytest.fixture
def demo(browser, index):
    """Open the page at a size; at the end nothing must have gone wrong in it, nor asked for anything."""
    with guarded(browser) as opening:
        yield lambda **context: opening(index.as_uri(), **context)


@pytest.mark.parametrize("width", [390, 1024, 1920])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_anybody_from_reading_the_page(demo, axe, width, scheme):
    page = demo(width=width, color_scheme=scheme)
    found = axe.run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("width", [320, 390, 820, 1024, 1920])
def test_nothing_sticks_out_sideways_and_every_picture_is_there(demo, width):
    page = demo(width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate("for (const image of document.images) image.loading = 'eager'")
    page.wait_for_function("[...document.images].every((image) => image.complete)")
    assert page.evaluate("[...document.images].filter((image) => !image.naturalWidth).length") == 0


def test_the_report_of_a_scene_opens(demo):
    page = demo()
    page.locator("#scenes a", has_text="Look closer").click()
    page.wait_for_selector("figure.cell")
    assert page.locator("figure.cell").count() == 4 * 2 * 3
