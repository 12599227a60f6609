"""A data set that is a list: `.txt`, `.csv` or `.jsonl`, whose paths are relative to the list's folder."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from camctl.datasets.columns import Columns, check_names
from camctl.datasets.locations import Files, content, joined, parent, suffix
from camctl.errors import LONGEST_QUOTE, InputError
from camctl.values.picture_file import picture_suffixes

if TYPE_CHECKING:
    from camctl.datasets.data import Data

LISTS = (".txt", ".csv", ".jsonl")
"""Endings of lists."""

_HINT = "Give a CSV or JSONL with a column `path`, or a TXT with a path in each line."


def open_list(text: str) -> Data:
    """Return the pictures of a list. Raises `InputError` if it is no list; a wrong row is reported when it is read."""
    found = content(text, "list")
    try:
        lines = found.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = found.count(b"\n", 0, error.start) + 1
        message = f"'{text}' is not UTF-8: line {number} holds other bytes."
        raise InputError(message, hint="Save the list as UTF-8.") from None
    parsed = {".csv": _csv_rows, ".jsonl": _jsonl_rows}.get(suffix(text), _txt_rows)(lines, text)
    folder, columns = parent(text), Columns()
    for row in parsed:
        cells = dict(row.cells)
        path, place = cells.pop("path", None), f"Line {row.number} of '{text}'"
        if isinstance(path, str) and path:
            columns.add(path, joined(folder, path), cells, place=place, fault=row.fault)
        else:
            columns.add(f"line {row.number}", text, cells, place=place, fault=row.fault or "it names no picture")
    if not len(columns):
        raise InputError(f"'{text}' lists no pictures.", hint=_HINT)
    return columns.data(text, Files())


@dataclass(frozen=True)
class _Row:
    number: int
    cells: Mapping[str, Any] = field(default_factory=dict)
    fault: str = ""


def _txt_rows(text: str, _: str) -> Iterator[_Row]:
    """Yield a row a line: a path, or a path and a label if all lines have one, as ImageNet's lists do."""
    lines = [(number, line.strip()) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    endings = "|".join(re.escape(ending) for ending in sorted(picture_suffixes(), key=len, reverse=True))
    labelled = re.compile(rf"(.+?(?:{endings}))\s+(\S+)", re.IGNORECASE)
    matches = [labelled.fullmatch(line) for _, line in lines]
    if all(match and suffix(match[2]) not in picture_suffixes() for match in matches):
        pairs = [(match[1], match[2]) for match in matches if match]
        yield from (_Row(n, {"path": p, "label": c}) for (n, _), (p, c) in zip(lines, pairs, strict=True))
    else:
        yield from (_Row(number, {"path": line}) for number, line in lines)


def _csv_rows(text: str, name: str) -> Iterator[_Row]:
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        names = [cell.strip() for cell in next(reader, [])]
        _check_columns(names, name)
        for cells in reader:
            if not cells:
                continue
            fault = ""
            if len(cells) != len(names):
                fault = f"it has {len(cells)} cells, and the list {len(names)} columns"
            row = {column: cell or None for column, cell in zip(names, cells, strict=False)}
            yield _Row(reader.line_num, row, fault)
    except csv.Error as error:
        raise InputError(f"Line {reader.line_num} of '{name}' is no CSV: {error}.", hint=_HINT) from None


def _check_columns(names: list[str], file: str) -> None:
    """Raise `InputError` unless the header of a list names a path, nothing twice, and a whole box or none."""
    if "path" not in names:
        shown = ", ".join(names)[:LONGEST_QUOTE] or "nothing"
        raise InputError(f"'{file}' has no column `path`; its first line is: {shown}.", hint=_HINT)
    check_names(names, file)


def _jsonl_rows(text: str, name: str) -> Iterator[_Row]:
    usable = False
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        cells, fault = _json_object(line)
        usable = usable or (cells is not None and "path" in cells)
        yield _Row(number, cells or {}, fault)
    if text.strip() and not usable:
        raise InputError(f"No line of '{name}' is a JSON object with a `path`.", hint=_HINT)


def _json_object(line: str) -> tuple[dict[str, Any] | None, str]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None, "it is no JSON"
    return (value, "") if isinstance(value, dict) else (None, "it is no JSON object")
