"""Typer's parameters as camctl wants them: quick to read, and flags written as flags."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup


class PlainGroup(TyperGroup):
    """A group of commands with such parameters."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The group's own parameters."""
        return tuned(super().get_params(ctx))


def tuned(params: list[Any]) -> list[Any]:
    """The same parameters, tuned once."""
    for param in params:
        # Help would write `<bool>` behind a flag, as if it took a value.
        if getattr(param, "is_flag", False):
            param.metavar = ""
        reader = getattr(param, "get_runtime_param", None)
        if reader is not None and not isinstance(reader, _Quick):
            param.get_runtime_param = _Quick(reader)
    return params


class _Quick:
    """Reads texts, and what was not given, without pydantic, which takes typer longer to import than all else here."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def __call__(self) -> _Quick:
        return self

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value as its annotation wants it."""
        annotation = param.type_descriptor.annotation
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        if annotation is str and isinstance(value, str):
            return value
        if annotation == list[str] and isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
            return list(value)
        # A default is of the right type as it stands.
        if type(value) is type(param.default) and value == param.default:
            return value
        return self._reader().coerce(value, param=param, ctx=ctx)
