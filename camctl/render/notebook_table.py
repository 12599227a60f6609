"""A value's facts as a table in a notebook, in the colours of the page."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def table(title: str, facts: Mapping[str, object]) -> str:
    """Return a table with a row for each fact that is not empty."""
    left = "text-align: left; vertical-align: top"
    rows = "".join(
        f'<tr><th scope="row" style="{left}; font-weight: normal; opacity: .7">{escape(name)}</th>'
        f'<td style="{left}">{escape(str(value))}</td></tr>'
        for name, value in facts.items()
        if value or value == 0
    )
    return (
        f'<table><caption style="{left}; caption-side: top; font-weight: bold">{escape(title)}</caption>{rows}</table>'
    )
