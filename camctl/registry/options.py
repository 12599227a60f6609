"""Check the values of options of methods, metrics and runners against a plugin's defaults, before any work."""

from __future__ import annotations

import inspect
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from camctl.errors import Hint, InputError
from camctl.plugin.functions import options_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from camctl.plugin import Method, Metric, Runner

KINDS: dict[type, tuple[type, str]] = {
    bool: (bool, "true or false"),
    int: (Integral, "a whole number"),
    float: (Real, "a number"),
    str: (str, "a word"),
}
"""Type of a default -> type that a value must have, and its name in messages."""


def check_options(kind: str, plugins: Sequence[Method | Metric], options: Mapping[str, Any]) -> None:
    """Raise `InputError` for an option that no plugin of the `kind` ("method") has, or for a wrong value."""
    if not options:
        return
    known = {key for plugin in plugins for key in plugin.options}
    names = ", ".join(plugin.name for plugin in plugins)
    _check_names(f"None of the {kind}s {names} has an", known, options)
    for plugin in plugins:
        for key, default, problem in _wrong_values(plugin.name, plugin.compute, options):
            hint = Hint(f"The default is {key}={_written(default)}; see", f"{kind}s {plugin.name}")
            raise InputError(problem, hint=hint)


def check_runner_options(name: str, runner: Runner, options: Mapping[str, Any]) -> None:
    """Raise `InputError` for an option that the runner does not have, or for a wrong value."""
    _check_names(f"The runner {name} has no", options_of(runner.run), options)
    for key, default, problem in _wrong_values(name, runner.run, options):
        raise InputError(problem, hint=f"The default is {key}={_written(default)}.")


def _check_names(beginning: str, known: Collection[str], options: Mapping[str, Any]) -> None:
    for key in options:
        if key not in known:
            hint = f"Options are: {', '.join(sorted(known))}." if known else "Leave the option out: there are none."
            raise InputError(f"{beginning} option '{key}'.", hint=hint)


def _wrong_values(
    name: str, function: Callable[..., Any], options: Mapping[str, Any]
) -> Iterator[tuple[str, Any, str]]:
    """Yield options whose type is not the default's, or the annotation's if the default is None: why, in words."""
    parameters = inspect.signature(function).parameters
    for key, default in options_of(function).items():
        if key not in options or (default is None and options[key] is None):
            continue
        type_ = _annotated(parameters[key].annotation) if default is None else type(default)
        if expected := _expected(options[key], default, type_):
            yield key, default, f"The option '{key}' of {name} is {options[key]!r}; expected {expected}."


def _annotated(annotation: Any) -> type | None:
    """The type besides None in `int | None`; None for other annotations."""
    names = {part.strip() for part in str(annotation).split("|")} - {"None"}
    return next((kind for kind in KINDS if names == {kind.__name__}), None)


def _expected(value: Any, default: Any, kind: type | None) -> str:
    """What the value should have been, in words; empty if it fits."""
    if isinstance(default, (list, tuple)) and default:
        fits = isinstance(value, (list, tuple)) and not any(
            _expected(item, default[0], type(default[0])) for item in value
        )
        return "" if fits else f"a list such as {_written(default)}"
    if kind not in KINDS:
        return ""
    abstract, words = KINDS[kind]
    fits = isinstance(value, abstract) and (kind is bool or not isinstance(value, bool))
    return "" if fits else words


def _written(value: Any) -> str:
    """A value as it is written on the command line."""
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(_written, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)
