"""A quick start: texts are read without pydantic, which typer 0.29 imports for any value but a switch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def quicken(commands: Iterable[Any]) -> None:
    """Let the parameters of these commands, and of the commands in them, read texts without pydantic.

    The method that is replaced is not public. A typer that lacks it starts as it does without this.
    """
    for command in commands:
        quicken(getattr(command, "commands", {}).values())
        for param in command.params:
            reader = getattr(param, "get_runtime_param", None)
            if reader is not None:
                param.get_runtime_param = _Quick(reader)


class _Quick:
    """Reads texts and defaults itself, and leaves all else to typer."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def __call__(self) -> _Quick:
        return self

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value as its annotation wants it."""
        annotation = getattr(getattr(param, "type_descriptor", None), "annotation", None)
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        if annotation is str and isinstance(value, str):
            return value
        if annotation == list[str] and isinstance(value, list | tuple):
            return list(value)
        # A default is of the right type as it stands.
        if type(value) is type(param.default) and value == param.default:
            return value
        return self._reader().coerce(value, param=param, ctx=ctx)
