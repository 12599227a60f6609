"""What methods and metrics have in common: both are functions with a cost and with options."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a method costs beside the shared forward pass, in words and in forward passes.

    `passes(C, H, W)` counts forward passes of the whole model, for C channels on an H x W grid and options at
    their defaults (a truncated backward pass counts as 0).
    """

    text: str
    passes: Callable[[int, int, int], float] = lambda _c, _h, _w: 0.0


def options_of(compute: Callable[..., Any]) -> dict[str, Any]:
    """Keyword-only parameters of a plugin's function, and their defaults."""
    parameters = inspect.signature(compute).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}
