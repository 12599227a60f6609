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
    by_name: bool = False
    """Whether it costs so much that `--metrics all` leaves it out: it is asked for by name."""


def options_of(compute: Callable[..., Any]) -> dict[str, Any]:
    """Keyword-only parameters of a plugin's function, and their defaults."""
    parameters = inspect.signature(compute).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}


def see_options(compute: Callable[..., Any]) -> None:
    """Raises TypeError for a parameter that looks like an option and would be none, or an option without a default."""
    for one in list(inspect.signature(compute).parameters.values())[1:]:
        if one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD:
            message = f"the option '{one.name}' of {compute.__name__} has to stand behind a *: it is given by name"
            raise TypeError(message)
        if one.kind is inspect.Parameter.KEYWORD_ONLY and one.default is inspect.Parameter.empty:
            message = f"the option '{one.name}' of {compute.__name__} needs a default"
            raise TypeError(message)
