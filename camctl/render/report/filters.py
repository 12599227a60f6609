"""How the template of a report writes numbers and names."""

from __future__ import annotations

import re
from math import isfinite
from typing import TYPE_CHECKING

from camctl.ranking.words import correlation_text, interval_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from markupsafe import Markup

    from camctl.values.cam import Cam

DASH, MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"

LONG_NAME = 10
"""A name of more letters may be broken between its words."""

WORD_ENDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[._/:@-])(?=\w)")


def percent(score: float) -> str:
    """A score: 98.3%, <0.1%, or a dash."""
    smallest = 0.0005
    return DASH if not isfinite(score) else "<0.1%" if 0 < score < smallest else f"{score:.1%}"


def figure(value: float | None) -> str:
    """A metric's value, or a dash."""
    huge = 1e4
    return DASH if value is None or not isfinite(value) else f"{value:.3f}" if abs(value) < huge else f"{value:.4g}"


def minus(text: str) -> str:
    """A text with real minus signs."""
    return text.replace("-", MINUS)


def correlation(value: float) -> str:
    """A correlation, with a real minus sign."""
    return minus(correlation_text(value))


def depth(value: float) -> int:
    """Depth of a correlation's colour, -10..10."""
    return round(10 * value) if isfinite(value) else 0


def raw_range(cam: Cam) -> str:
    """Smallest and largest raw value of a map; empty if one is not finite."""
    low, high = float(cam.raw.min()), float(cam.raw.max())
    return f"{low:.3g} to {high:.3g}" if isfinite(low) and isfinite(high) else ""


def breakable(name: str) -> Markup:
    """A name, escaped, that may be broken after each of its words."""
    from markupsafe import Markup

    return Markup("<wbr>").join(WORD_ENDS.split(name) if len(name) > LONG_NAME else [name])


FILTERS: Mapping[str, Callable[..., object]] = {
    "percent": percent,
    "figure": figure,
    "minus": minus,
    "correlation": correlation,
    "depth": depth,
    "interval": interval_text,
    "raw_range": raw_range,
    "breakable": breakable,
}
