"""`start.json`: what was asked of a dataset run, and how another request differs from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from camctl.errors import Hint, InputError
from camctl.files.mark import MARK
from camctl.files.schema import SchemaError, record
from camctl.results.folder import START, Folder

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_NAMED = 5
"""Maximum number of differences that a message names."""
_LONGEST_VALUE = 60


@dataclass(frozen=True)
class Start:
    """What was asked.

    `asked` is what must be the same for a run to be continued, `about` what is only told (versions, the command, the
    time). `total` is the number of pictures in the data set, `columns` the type of each column.
    """

    software: str
    total: int
    columns: Mapping[str, str]
    asked: dict[str, Any]
    about: dict[str, Any]

    def to_json(self) -> bytes:
        """Return the content of the file."""
        return (json.dumps(vars(self), indent=2, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def new_start(asked: Mapping[str, Any], about: Mapping[str, Any], schema: pa.Schema, total: int) -> Start:
    """Return what is asked now, as it will be read back from JSON."""
    columns = {item.name: str(item.type) for item in schema}
    return Start(MARK, total, columns, _as_json(asked), _as_json(about))


def read_start(folder: Folder) -> Start | None:
    """Return what was asked of a results folder; None if it holds no `start.json` of camctl's."""
    content = folder.read(START)
    if content is None:
        return None
    try:
        start = record(_StartFile, json.loads(content), START)
    except (ValueError, RecursionError, SchemaError):
        return None
    if start.software != MARK:
        return None
    raw = json.loads(content)
    asked, about = raw.get("asked"), raw.get("about")
    if not isinstance(asked, dict) or not isinstance(about, dict):
        return None
    return Start(start.software, start.total, start.columns, asked, about)


@dataclass(frozen=True)
class _StartFile:
    """Those fields of the file whose type is known."""

    software: str
    total: int
    columns: Mapping[str, str]


def check_same(folder: Folder, old: Start, new: Start) -> None:
    """Raise `InputError`, which names the differences, unless a run can continue what an older one began."""
    changes = _differences(old, new)
    if not changes:
        return
    shown = "; ".join(
        f"{name} was {_short(before)}, and is {_short(after)}" for name, before, after in changes[:_MOST_NAMED]
    )
    more = f"; and {len(changes) - _MOST_NAMED} more" if len(changes) > _MOST_NAMED else ""
    message = f"The results folder '{folder.name}' was begun with other options: {shown}{more}."
    raise InputError(message, hint=Hint("Choose another folder, or start anew", overwrite=True))


def _differences(begun: Start, asked: Start) -> list[tuple[str, Any, Any]]:
    before, after = dict(_flat("", begun.asked)), dict(_flat("", asked.asked))
    before["pictures"], after["pictures"] = begun.total, asked.total
    names = [*before, *(name for name in after if name not in before)]
    pairs = [(name, before.get(name), after.get(name)) for name in names]
    changes = [(name, old, new) for name, old, new in pairs if old != new and json.dumps(old) != json.dumps(new)]  # NaN
    if not changes and begun.columns != asked.columns:
        return [("the list of columns", ", ".join(begun.columns), ", ".join(asked.columns))]
    return changes


def _flat(prefix: str, value: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the values of nested objects by their dotted names."""
    pairs: list[tuple[str, Any]] = []
    for key, item in value.items():
        name = f"{prefix}.{key}" if prefix else key
        pairs += _flat(name, item) if isinstance(item, dict) and item else [(name, item)]
    return pairs


def _short(value: Any) -> str:
    text = "not given" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def _as_json(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping as JSON gives it back: lists for tuples, texts for paths."""
    result: dict[str, Any] = json.loads(json.dumps(dict(value), default=str))
    return result
