"""Check the values of `--method-options` and `--metric-options` against a plugin's defaults, before any work."""

from __future__ import annotations

import inspect
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from camctl.errors import Hint, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from camctl.plugin import Method, Metric

KINDS: dict[type, tuple[type, str]] = {
    bool: (bool, "true or false"),
    int: (Integral, "a whole number"),
    float: (Real, "a number"),
    str: (str, "a word"),
}
"""Type of a default -> type that a value must have, and its name in messages."""


def check_options(kind: str, plugins: Sequence[Method | Metric], options: Mapping[str, Any]) -> None:
    """Raise `InputError` for an option that no plugin of the `kind` ("method") has, or for a wrong value."""
    known = {key for plugin in plugins for key in plugin.options}
    for key in options:
        if key not in known:
            hint = f"Options are: {', '.join(sorted(known))}." if known else "Leave the option out: there are none."
            names = ", ".join(plugin.name for plugin in plugins)
            raise InputError(f"None of the {kind}s {names} has an option '{key}'.", hint=hint)
    for plugin in plugins:
        _check_values(kind, plugin, options)


def _check_values(kind: str, plugin: Method | Metric, options: Mapping[str, Any]) -> None:
    """Raise `InputError` for a value whose type is not the default's, or the annotation's if the default is None."""
    parameters = inspect.signature(plugin.compute).parameters
    for key, default in plugin.options.items():
        if key not in options or (default is None and options[key] is None):
            continue
        type_ = _annotated(parameters[key].annotation) if default is None else type(default)
        if expected := _expected(options[key], default, type_):
            message = f"The option '{key}' of {plugin.name} is {options[key]!r}; expected {expected}."
            hint = Hint(f"The default is {key}={_written(default)}; see", f"{kind}s {plugin.name}")
            raise InputError(message, hint=hint)


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
