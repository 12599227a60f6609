"""What a map costs whose method runs the model many times: by the method's own words and the measured forward pass."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor

    from camctl.plugin import Capture, Method

LONG = 3.0
"""Seconds beyond which a cost is told in numbers."""

MINUTES = 100
"""Seconds beyond which a time is told in minutes."""

_NUMBER = re.compile(r"\b(\d+) forwards?\b|\((\d+)\)$")

_OPTION = re.compile(r"forwards? \((\w+)\)$")
"""Name of the option that is the number of passes."""


@dataclass(frozen=True)
class Cost:
    """What a method's maps cost: in words, and the number of forward passes, or replays, of single inputs."""

    text: str
    passes: int

    @classmethod
    def of(cls, method: Method, captures: Sequence[Capture], milliseconds: float, options: Mapping[str, Any]) -> Cost:
        """Return a method's cost at these layers, where a forward pass took so many milliseconds.

        A replay runs less than the whole model, so that its time is the most that it takes.
        """
        passes = sum(_passes(method, capture, options) * len(capture.inputs) for capture in captures)
        seconds = passes * milliseconds / 1e3
        if seconds <= LONG:
            return cls(f"{method.name} ({method.cost.text})", passes)
        time = f"{seconds / 60:,.0f} min" if seconds > MINUTES else f"{seconds:.0f} s"
        replayed = "replay" in method.needs
        what = "passes of what follows the layer, at most" if replayed else "forward passes, about"
        return cls(f"{method.name}: {passes:,} {what} {time}", passes)


def _passes(method: Method, capture: Capture, options: Mapping[str, Any]) -> int:
    """Number of forward passes, or replays, that a method's cost announces for each input."""
    text, (channels, rows, columns) = method.cost.text, capture.activations.shape[1:]
    if "a channel" in text:
        return min(channels, options.get("top_channels") or channels)
    if "a place" in text:
        return int(rows * columns)
    option = _OPTION.search(text)
    if option and isinstance(number := options.get(option[1]), int):
        return number
    numbers = [int(number) for pair in _NUMBER.findall(text) for number in pair if number]
    return max(numbers, default=1)


def counted(captures: Mapping[str, Capture], cost: Cost, step: Callable[[str, int, int], None]) -> dict[str, Capture]:
    """Return captures that tell of each further pass: `step(text, passes done, all of them)`.

    What is announced is an estimate: the last pass is never told, so that work that goes on does not look done.
    """
    done = 0

    def telling(run: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def told(inputs: Tensor, **row: int) -> Tensor:
            nonlocal done
            answers = run(inputs, **row)
            done += len(inputs)
            step(cost.text, min(done, cost.passes - 1), cost.passes)
            return answers

        return told

    step(cost.text, 0, cost.passes)
    return {
        name: replace(capture, forward=telling(capture.forward), replay=telling(capture.replay))
        for name, capture in captures.items()
    }
