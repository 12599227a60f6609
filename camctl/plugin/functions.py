"""The base of methods and metrics: a function with a cost and with options."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Cost of a method or metric on top of the shared forward pass, such as `1 forward a channel`."""

    text: str = "none"
    by_name: bool = False
    """Whether `--metrics all` leaves it out, because it takes seconds a map."""


@dataclass(frozen=True, kw_only=True)
class PluginFunction:
    """Base of `Method` and `Metric`: the author's function, and what is known about it."""

    compute: Callable[..., Any]
    """The author's function; its keyword-only parameters are options."""
    name: str
    """Name as papers spell it; on the command line the entry point's name is used."""
    summary: str
    paper: str
    formula: str
    cost: Cost

    def __post_init__(self) -> None:
        """Raise TypeError for a parameter that is neither the first one nor an option with a default."""
        for parameter in list(inspect.signature(self.compute).parameters.values())[1:]:
            option = f"the option '{parameter.name}' of {getattr(self.compute, '__name__', self.name)}"
            if parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD:
                message = f"{option} must follow a *: options are passed by name"
                raise TypeError(message)
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY and parameter.default is inspect.Parameter.empty:
                message = f"{option} needs a default"
                raise TypeError(message)

    @property
    def options(self) -> dict[str, Any]:
        """Option names and their defaults."""
        parameters = inspect.signature(self.compute).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}
