"""The base of methods and metrics, a function with a cost and with options; and the options of any plugin."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Concatenate, ParamSpec, TypeVar

Fields = ParamSpec("Fields")
Function = TypeVar("Function", bound="PluginFunction")


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Cost of a method or metric on top of the shared forward pass, such as `1 forward a channel`."""

    text: str = "none"
    by_name: bool = False
    """Whether `--metrics all` leaves it out, because it takes seconds a map."""


@dataclass(frozen=True, kw_only=True)
class PluginFunction:
    """Base of `Method` and `Metric`: the author's function, and what is known about it."""

    compute: Callable[..., Any] = field(kw_only=False)
    """The author's function; its keyword-only parameters are options."""
    name: str
    """Name as papers spell it; on the command line the entry point's name is used."""
    summary: str
    paper: str
    formula: str = ""
    needs: AbstractSet[Any] = frozenset()
    cost: Cost = Cost()

    def __post_init__(self) -> None:
        """Raise TypeError for a parameter that is neither the first one nor an option with a default."""
        object.__setattr__(self, "needs", frozenset(self.needs))
        if problem := wrong_option(self.compute):
            raise TypeError(problem)

    @property
    def options(self) -> dict[str, Any]:
        """Option names and their defaults."""
        return options_of(self.compute)


def options_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Return a plugin's options, its function's keyword-only parameters, and their defaults."""
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}


def wrong_option(function: Callable[..., Any]) -> str:
    """Return what is wrong with a parameter after the first one; empty if all are options with defaults."""
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        option = f"the option '{parameter.name}' of {getattr(function, '__name__', 'the plugin')}"
        if parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD:
            return f"{option} must follow a *: options are passed by name"
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and parameter.default is inspect.Parameter.empty:
            return f"{option} needs a default"
    return ""


def decorator(
    kind: Callable[Concatenate[Callable[..., Any], Fields], Function],
) -> Callable[Fields, Callable[[Callable[..., Any]], Function]]:
    """Turn a class of plugin functions into a decorator with the fields of the class as keywords."""

    def decorate(*args: Fields.args, **fields: Fields.kwargs) -> Callable[[Callable[..., Any]], Function]:
        return lambda compute: kind(compute, *args, **fields)

    return decorate
