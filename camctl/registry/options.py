"""Values of `--method-options` and `--metric-options`, checked against a plugin's defaults before any work."""

from __future__ import annotations

import inspect
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from camctl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from camctl.plugin import Method, Metric

KINDS: dict[type, tuple[type, str]] = {
    bool: (bool, "true or false"),
    int: (Integral, "a whole number"),
    float: (Real, "a number"),
    str: (str, "a word"),
}
"""Type of a default -> what a value must be, and how that is said."""


def check_options(kind: str, plugins: Sequence[Method | Metric], options: Mapping[str, Any]) -> None:
    """Raises `InputError` for an option that none of the plugins (of a `kind`, "method") has, or a wrong value."""
    known = {key for plugin in plugins for key in plugin.options}
    for key in options:
        if key not in known:
            hint = f"They have: {', '.join(sorted(known))}." if known else f"They have none; see: camctl {kind}s NAME"
            names = ", ".join(plugin.name for plugin in plugins)
            raise InputError(f"None of the {kind}s asked for ({names}) has an option '{key}'.", hint=hint)
    for plugin in plugins:
        _check_values(kind, plugin, options)


def _check_values(kind: str, plugin: Method | Metric, options: Mapping[str, Any]) -> None:
    """Raises `InputError` for a value of another kind than the default; of None, than its annotation's."""
    parameters = inspect.signature(plugin.compute).parameters
    for key, default in plugin.options.items():
        if key not in options or (default is None and options[key] is None):
            continue
        type_ = _annotated(parameters[key].annotation) if default is None else type(default)
        if wanted := _wanted(options[key], default, type_):
            message = f"The option '{key}' of {plugin.name} is {wanted}, not {options[key]!r}."
            hint = f"The default is {key}={_written(default)}; see: camctl {kind}s {plugin.name}"
            raise InputError(message, hint=hint)


def _annotated(annotation: Any) -> type | None:
    """The kind of value beside None in `int | None`; None where it is not as simple as that."""
    names = {part.strip() for part in str(annotation).split("|")} - {"None"}
    return next((kind for kind in KINDS if names == {kind.__name__}), None)


def _wanted(value: Any, default: Any, kind: type | None) -> str:
    """What the value should have been, in words; empty where it is that."""
    if isinstance(default, (list, tuple)) and default:
        sound = isinstance(value, (list, tuple)) and not any(
            _wanted(item, default[0], type(default[0])) for item in value
        )
        return "" if sound else f"a list such as {_written(default)}"
    if kind not in KINDS:
        return ""
    abstract, words = KINDS[kind]
    sound = isinstance(value, abstract) and (kind is bool or not isinstance(value, bool))
    return "" if sound else words


def _written(value: Any) -> str:
    """A value as the command line takes it."""
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(_written, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)
