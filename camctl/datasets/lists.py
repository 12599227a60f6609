"""A data set that is a list: `.txt`, `.csv` or `.jsonl`, whose paths are relative to the list's folder."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from camctl.datasets.data import Data, table
from camctl.datasets.locations import Files, joined, opened, parent, suffix
from camctl.errors import LONGEST_QUOTE, InputError
from camctl.values.picture import picture_suffixes

if TYPE_CHECKING:
    import pyarrow as pa

LISTS = (".txt", ".csv", ".jsonl")
"""Endings of lists."""

BOX = ("x0", "y0", "x1", "y1")
"""Columns of a box: left, top, right, bottom, in the picture's pixels."""

_HINT = "Give a CSV or JSONL with a column `path`, or a TXT with a path in each line."


def open_list(text: str) -> Data:
    """Return the pictures of a list. Raises `InputError` if it is no list; a wrong row is reported when it is read."""
    with opened(text, "list") as file:
        content = file.read()
    try:
        lines = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        message = f"'{text}' is not UTF-8: line {number} holds other bytes."
        raise InputError(message, hint="Save the list as UTF-8.") from None
    rows = {".csv": _csv_rows, ".jsonl": _jsonl_rows}.get(suffix(text), _txt_rows)(lines, text)
    columns = _Columns(text)
    for row in rows:
        columns.add(row)
    if not columns.paths:
        raise InputError(f"'{text}' lists no pictures.", hint=_HINT)
    return columns.data()


class _Columns:
    """The columns of a list, filled row by row."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.folder = parent(name)
        self.paths: list[str] = []
        self.labels: list[str | None] = []
        self.boxes: list[list[float] | None] = []
        self.others: dict[str, list[Any]] = {}
        self.faults: dict[int, str] = {}

    def add(self, row: _Row) -> None:
        """Add one row; what is wrong with it is kept as its fault."""
        index, cells = len(self.paths), dict(row.cells)
        path, label = cells.pop("path", None), cells.pop("label", None)
        fault = row.fault
        box = None
        if not fault:
            try:
                box = _box([cells.pop(name, None) for name in BOX])
            except ValueError as error:
                fault = str(error)
        if not fault and not (isinstance(path, str) and path):
            fault = "it names no picture"
        if fault:
            self.faults[index] = f"Line {row.number} of '{self.name}' cannot be used: {fault}."
        self.paths.append(path if isinstance(path, str) and path else f"line {row.number}")
        self.labels.append(None if label is None or label == "" else _text(label))
        self.boxes.append(box)
        for name, value in cells.items():
            if name not in BOX:
                self.others.setdefault(name, [None] * index).append(value)
        for values in self.others.values():
            if len(values) <= index:
                values.append(None)

    def data(self) -> Data:
        """Return the data set of these columns."""
        import pyarrow as pa

        paths = (joined(self.folder, path) for path in self.paths)
        rows = table(self.paths, paths, self.labels, self.boxes)
        nothing = {"": pa.nulls(len(self.paths))}  # a table without columns has no length
        extras = pa.table(nothing | {name: _typed(values) for name, values in self.others.items() if name})
        return Data(self.name, rows, extras.drop_columns([""]), Files(), self.faults)


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
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"'{file}' has the column '{twice[0]}' twice.", hint="Rename one of them.")
    missing = [name for name in BOX if name not in names]
    if 0 < len(missing) < len(BOX):
        message = f"'{file}' has half a box: the column '{missing[0]}' is missing."
        raise InputError(message, hint="Give x0, y0, x1 and y1, in pixels, or none of them.")


def _jsonl_rows(text: str, name: str) -> Iterator[_Row]:
    usable = False
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        cells, fault = _json_object(line)
        if cells is not None and "path" in cells and not usable:
            usable = True
            _check_columns([*cells], name)
        yield _Row(number, cells or {}, fault)
    if text.strip() and not usable:
        raise InputError(f"No line of '{name}' is a JSON object with a `path`.", hint=_HINT)


def _json_object(line: str) -> tuple[dict[str, Any] | None, str]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None, "it is no JSON"
    return (value, "") if isinstance(value, dict) else (None, "it is no JSON object")


def _box(values: list[Any]) -> list[float] | None:
    """Return the corners of a box. Raises `ValueError` if some are missing, are no numbers, or are out of order."""
    if all(value is None or value == "" for value in values):
        return None
    corners = []
    for name, value in zip(BOX, values, strict=True):
        try:
            corners.append(float(value))
        except (TypeError, ValueError):
            raise ValueError(f"{name} of its box is no number") from None
    x0, y0, x1, y1 = corners
    if not all(map(math.isfinite, corners)) or x0 >= x1 or y0 >= y1:
        raise ValueError("its box has no area")
    return corners


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _typed(values: list[Any]) -> pa.Array:
    """Return a column: numbers if all its texts are numbers, texts if its values have no type in common."""
    import pyarrow as pa

    if all(value is None or isinstance(value, str) for value in values):
        column = pa.array(values, pa.string())
        for kind in (pa.int64(), pa.float64()):
            try:
                return column.cast(kind)
            except pa.ArrowInvalid:
                continue
        return column
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([None if value is None else _text(value) for value in values], pa.string())
