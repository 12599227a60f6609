"""What a map costs whose method runs the model many times: by the method's own words and the measured forward pass."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from camctl.plugin import Capture, Method

LONG = 3.0
"""Seconds beyond which a cost is told in numbers."""

MINUTES = 100
"""Seconds beyond which a time is told in minutes."""

_NUMBER = re.compile(r"\b(\d+) forwards?\b|\((\d+)\)$")


def cost_text(
    method: Method, captures: Sequence[Capture], milliseconds: float, options: Mapping[str, Any] | None = None
) -> str:
    """Return a method's name, and what its map of these layers costs, where a forward pass took so many milliseconds.

    A replay runs less than the whole model, so that its time is the most that it takes.
    """
    passes = sum(_passes(method, capture, options or {}) for capture in captures)
    seconds = passes * milliseconds / 1e3
    if seconds <= LONG:
        return f"{method.name} ({method.cost.text})"
    time = f"{seconds / 60:,.0f} min" if seconds > MINUTES else f"{seconds:.0f} s"
    replayed = "replay" in method.needs
    what = "passes of what follows the layer, at most" if replayed else "forward passes, about"
    return f"{method.name}: {passes:,} {what} {time}"


def _passes(method: Method, capture: Capture, options: Mapping[str, Any]) -> int:
    """Number of forward passes, or replays, that a method's cost announces for each picture of a batch."""
    text, (channels, rows, columns) = method.cost.text, capture.activations.shape[1:]
    if "a channel" in text:
        return min(channels, options.get("top_channels") or channels)
    if "a place" in text:
        return int(rows * columns)
    numbers = [int(number) for pair in _NUMBER.findall(text) for number in pair if number]
    return max(numbers, default=1)
