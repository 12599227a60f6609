"""Which columns of Parquet files hold the pictures and the labels."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from camctl.errors import LONGEST_QUOTE, InputError

if TYPE_CHECKING:
    import pyarrow as pa

_NAMES = ("image", "img", "picture", "jpg", "png", "bytes")
"""Names of columns of bytes that hold pictures."""

_PATHS = ("path", "image_path", "file_name", "image")
"""Names of columns of text that hold paths."""


@dataclass(frozen=True)
class Pictures:
    """The column of the pictures: a struct of `bytes` and `path`, bytes, or paths relative to the file's folder."""

    name: str
    kind: Literal["struct", "bytes", "path"]


def features_of(schema: pa.Schema) -> dict[str, Any]:
    """Return Hugging Face's description of the columns; empty if there is none."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, ValueError):
        return {}
    return (
        {name: value for name, value in features.items() if isinstance(value, dict)}
        if isinstance(features, dict)
        else {}
    )


def pictures_of(schema: pa.Schema, features: dict[str, Any], file: str) -> Pictures:
    """Return the column of the pictures. Raises `InputError` if there is none."""
    import pyarrow as pa

    kinds: dict[str, Literal["struct", "bytes", "path"]] = {}
    for item in schema:
        if pa.types.is_struct(item.type) and {"bytes", "path"} <= {part.name for part in item.type}:
            kinds[item.name] = "struct"
        elif _is_bytes(item.type):
            kinds[item.name] = "bytes"
    described = [name for name, feature in features.items() if feature.get("_type") == "Image" and name in kinds]
    structs = [name for name, kind in kinds.items() if kind == "struct"]
    named = [name for name in _NAMES if name in kinds]
    for names in (described, structs, named, [*kinds] if len(kinds) == 1 else []):
        if names:
            return Pictures(names[0], kinds[names[0]])
    for name in _PATHS:
        if name in schema.names and _is_text(schema.field(name).type):
            return Pictures(name, "path")
    shown = ", ".join(f"{item.name} ({item.type})" for item in schema)[:LONGEST_QUOTE]
    hint = "A column of pictures is a struct of `bytes` and `path`, or named `image` (bytes) or `path` (text)."
    raise InputError(f"'{file}' has no column of pictures: {shown}.", hint=hint)


def label_of(schema: pa.Schema, features: dict[str, Any]) -> tuple[str, list[str] | None] | None:
    """Return the column of the labels, and the names that its numbers stand for; None if there is none."""
    import pyarrow as pa

    classes = {
        name: list(map(str, feature.get("names") or []))
        for name, feature in features.items()
        if feature.get("_type") == "ClassLabel" and name in schema.names
    }
    name = "label" if "label" in schema.names else next(iter(classes), None)
    if name is None or pa.types.is_nested(schema.field(name).type) or _is_bytes(schema.field(name).type):
        return None
    return name, classes.get(name) or None


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    text = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(text) or pa.types.is_large_string(text) or pa.types.is_string_view(text))


def _is_bytes(kind: pa.DataType) -> bool:
    import pyarrow as pa

    kinds = pa.types
    return bool(kinds.is_binary(kind) or kinds.is_large_binary(kind) or kinds.is_binary_view(kind))


def holds_bytes(kind: pa.DataType) -> bool:
    """Whether a column holds bytes, somewhere: another picture, or what no table shows."""
    parts = [kind.field(number).type for number in range(kind.num_fields)]
    return _is_bytes(kind) or any(map(holds_bytes, parts))
