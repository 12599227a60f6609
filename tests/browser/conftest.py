"""A real Chromium, started once, and reports to open in it."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager

import pytest

from tests.browser.reports import LOOKS, REPORTS

BROWSERS = ("chromium", "chromium-browser", "google-chrome")

ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def unavailable(reason):
    """Where everything ought to be installed, a browser that is missing is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser():
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        unavailable("The package playwright is not installed.")
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        unavailable(f"There is no browser: none of {', '.join(BROWSERS)} is on the PATH.")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=executable, args=list(ARGUMENTS))
        yield started
        started.close()


@pytest.fixture(scope="session")
def saved(tmp_path_factory):
    """The file of a report, made when first asked for."""
    folder, made = tmp_path_factory.mktemp("reports"), {}

    def save(name):
        if name not in made:
            (made[name],) = REPORTS[name]().save(folder / f"{name}.html", **LOOKS.get(name, {}))
        return made[name]

    return save


@contextmanager
def guarded(browser):
    """Open pages at a size; at the end nothing must have gone wrong in them, nor asked for anything."""
    contexts, wrong = [], []

    def told(message):
        if message.type in {"error", "warning"}:
            wrong.append(message.text)

    def asked(request):
        if not request.url.startswith(("file:", "data:", "blob:")):
            wrong.append(request.url)

    def popped(dialog):
        wrong.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def opening(address, *, width=1280, height=900, **context):
        contexts.append(browser.new_context(viewport={"width": width, "height": height}, **context))
        page = contexts[-1].new_page()
        page.set_default_timeout(20_000)
        page.on("console", told)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", asked)
        page.on("dialog", popped)
        page.goto(address)
        page.wait_for_selector("html[data-ready]")
        return page

    yield opening
    for context in contexts:
        context.close()
    assert not wrong


@pytest.fixture
def opened(browser, saved):
    """Open a report at a size, guarded."""
    with guarded(browser) as opening:
        yield lambda name, **context: opening(saved(name).as_uri(), **context)


@pytest.fixture(scope="session")
def axe():
    """Looks for what keeps people from reading a page."""
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        unavailable("The package axe-playwright-python is not installed.")
    return Axe()
