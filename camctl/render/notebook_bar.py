"""A bar in a notebook while work runs; plain HTML, so that no extension is needed."""

from __future__ import annotations

import sys
from html import escape
from time import monotonic
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 1.0
"""Seconds of work that show no bar."""

BETWEEN = 0.2
"""Fewest seconds between two drawings."""


def steps(*, in_bytes: bool = False) -> Callable[[str, int, int], None] | None:
    """Return what to call with a text, the steps (or bytes) done and all of them; None outside of a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return Bar(in_bytes=in_bytes).step if hasattr(shell, "kernel") else None


class Bar:
    """One bar: it appears when work takes long, and is emptied when all steps are done."""

    def __init__(self, *, in_bytes: bool = False) -> None:
        self._in_bytes = in_bytes
        self._born = self._began = self._drawn = monotonic()
        self._text = ""
        self._handle: Any = None

    def step(self, text: str, done: int, total: int) -> None:
        """Show the work done so far; `total` is 0 if nobody knows it."""
        now, ended = monotonic(), 0 < total <= done
        if text != self._text:
            self._text, self._began = text, now
        wait = now - self._born < PATIENCE if self._handle is None else now - self._drawn < BETWEEN
        if (self._handle is None or not ended) and (wait or ended):
            return
        self._drawn = now
        plain = "" if ended else line(text, done, total, now - self._began, in_bytes=self._in_bytes)
        self._show("" if ended else html(plain, done, total), plain)

    def _show(self, page: str, plain: str) -> None:
        from IPython.display import display

        bundle = {"text/html": page, "text/plain": plain}
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)


def line(text: str, done: int, total: int, seconds: float, *, in_bytes: bool = False) -> str:
    """Return the work done so far in words, such as `Explaining 30 of 120, about 9 s left`."""
    amounts = [f"{each / 1e6:,.0f} MB" if in_bytes else f"{each:,}" for each in ([done, total] if total else [done])]
    left = f", about {seconds * (total - done) / done:.0f} s left" if total and done else ""
    return f"{text} {' of '.join(amounts)}{left}"


def html(words: str, done: int, total: int) -> str:
    """Return a bar and words, in the colours of the page."""
    value = f' value="{done}" max="{total}"' if total else ""
    return f'<progress{value} style="width: 16em; vertical-align: middle"></progress> {escape(words)}'
