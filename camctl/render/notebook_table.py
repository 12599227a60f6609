"""A value's facts as a table in a notebook, in the colours of the page."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_NAMED = 5
"""Number of classes of a model that are listed."""


def model_table(model: Any) -> str:
    """Return the table of what `load` returned."""
    names = model.class_names or ()
    more = f", … ({len(names):,} classes)" if len(names) > MOST_NAMED else ""
    facts = {
        "network": type(model.module).__name__,
        "input": " x ".join(map(str, model.input_size)),
        "classes": ", ".join(names[:MOST_NAMED]) + more,
        "weights": "random" if model.random_weights else getattr(model.checkpoint, "path", ""),
        "repaired": "; ".join(model.repairs),
        "notes": "; ".join(model.notes),
    }
    return table(model.name, facts)


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
