"""JSON of others, read as dataclasses: every value has the type of its field, or is refused by its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from math import nan
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

Record = TypeVar("Record")

_LARGEST_EXACT = 1 << 53
"""Integer from which on not all are floats."""


class SchemaError(ValueError):
    """A value is not of the type of its field; the message names the field, and quotes nothing of the value."""


def record(kind: type[Record], value: Any, place: str = "it") -> Record:
    """Return a JSON object as a dataclass; keys that are no field are ignored.

    Parameters
    ----------
    kind
        A dataclass whose fields have types of JSON: `str`, `bool`, `int`, `float` (null is NaN), `None`, `Literal`,
        tuples, mappings from text, unions, and dataclasses.
    value
        The object.
    place
        Name of the object in messages.

    Raises
    ------
    SchemaError
        A field is missing, or its value has another type.
    """
    if not isinstance(value, dict):
        raise SchemaError(f"{place} is no object")
    hints, content = _hints(kind), {}  # type: ignore[arg-type]  # any class can be hashed
    for field in fields(kind):  # type: ignore[arg-type]  # a dataclass
        if field.name in value:
            content[field.name] = _typed(hints[field.name], value[field.name], f"{place}.{field.name}")
        elif field.default is MISSING and field.default_factory is MISSING:
            raise SchemaError(f"{place}.{field.name} is missing")
    return kind(**content)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _typed(kind: Any, value: Any, place: str) -> Any:
    """Return a JSON value as this type."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return _typed(next(each for each in arguments if (each is NoneType) == (value is None)), value, place)
    if origin is tuple:
        return _tuple(arguments, value, place)
    if origin is Mapping and isinstance(value, dict):
        return {key: _typed(arguments[1], part, f"{place}.*") for key, part in value.items()}
    if is_dataclass(kind):
        return record(kind, value, place)  # type: ignore[arg-type]  # a class, by its annotation
    if origin is Literal and isinstance(value, str) and value in arguments:
        return value
    return _single(kind, value, place)


def _single(kind: Any, value: Any, place: str) -> Any:
    if type(value) is kind:  # True is no number
        return value
    if kind is float and value is None:
        return nan  # JSON has no other word for it
    if kind is float and type(value) is int and abs(value) < _LARGEST_EXACT:
        return float(value)
    raise SchemaError(f"{place} is no {getattr(kind, '__name__', kind)}")


def _tuple(kinds: tuple[Any, ...], value: Any, place: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise SchemaError(f"{place} is no list")
    if kinds[-1] is Ellipsis:
        return tuple(_typed(kinds[0], part, f"{place}[{number}]") for number, part in enumerate(value))
    if len(value) != len(kinds):
        raise SchemaError(f"{place} has {len(value)} values; expected {len(kinds)}")
    return tuple(_typed(kind, part, place) for kind, part in zip(kinds, value, strict=True))
