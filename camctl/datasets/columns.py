"""The rows of a data set as they are found one by one, turned into its columns."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from camctl.datasets.data import Data, Reader, table
from camctl.errors import InputError
from camctl.values.texts import valid

if TYPE_CHECKING:
    import pyarrow as pa

BOX = ("x0", "y0", "x1", "y1")
"""Columns of a box: left, top, right, bottom, in the picture's pixels."""


class Columns:
    """The columns of a data set, filled row by row."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.paths: list[str] = []
        self.labels: list[str | None] = []
        self.boxes: list[list[float] | None] = []
        self.others: dict[str, list[Any]] = {}
        self.faults: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self.ids)

    def add(self, name: str, path: str, cells: Mapping[str, Any], *, place: str, fault: str = "") -> None:
        """Add one row. What is wrong with it is kept as its fault, with its place, such as a line of a list."""
        index, others = len(self), dict(cells)
        label, corners, box = others.pop("label", None), [others.pop(corner, None) for corner in BOX], None
        if not fault:
            try:
                box = box_of(corners)
            except ValueError as error:
                fault = str(error)
        if fault:
            self.faults[index] = f"{place} cannot be used: {fault}."
        self.ids.append(name)
        self.paths.append(path)
        self.labels.append(None if label is None or label == "" else _text(label))
        self.boxes.append(box)
        for column, value in others.items():
            if column not in self.others:
                self.others[column] = [None] * index
            self.others[column].append(value)
        for values in self.others.values():
            if len(values) <= index:
                values.append(None)

    def data(self, name: str, reader: Reader, notes: Sequence[str] = ()) -> Data:
        """Return the data set of these columns."""
        import pyarrow as pa

        rows = table(self.ids, self.paths, self.labels, self.boxes)
        nothing = {"": pa.nulls(len(self))}  # a table without columns has no length
        extras = pa.table(nothing | {column: _typed(values) for column, values in self.others.items() if column})
        return Data(name, rows, extras.drop_columns([""]), reader, self.faults, tuple(notes))


def check_names(names: Sequence[str], file: str) -> None:
    """Raise `InputError` if a column is there twice, or half a box."""
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise InputError(f"'{file}' has the column '{twice[0]}' twice.", hint="Rename one of them.")
    missing = [name for name in BOX if name not in names]
    if 0 < len(missing) < len(BOX):
        message = f"'{file}' has half a box: the column '{missing[0]}' is missing."
        raise InputError(message, hint="Give x0, y0, x1 and y1, in pixels, or none of them.")


def box_of(values: Sequence[Any]) -> list[float] | None:
    """Return the corners of a box. Raises `ValueError` if some are missing, are no numbers, or are out of order."""
    if all(value is None or value == "" for value in values):
        return None
    corners = []
    for name, value in zip(BOX, values, strict=True):
        if value is None or value == "":
            raise ValueError(f"its box has no {name}")
        try:
            corners.append(float(value))
        except (TypeError, ValueError):
            raise ValueError(f"{name} of its box is no number") from None
    x0, y0, x1, y1 = corners
    if not all(map(math.isfinite, corners)) or x0 >= x1 or y0 >= y1:
        raise ValueError("its box has no area")
    return corners


def _text(value: Any) -> str:
    return valid(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))


def _typed(values: list[Any]) -> pa.Array:
    """Return a column: numbers if all its texts are numbers, texts if its values have no type in common."""
    import pyarrow as pa

    if all(value is None or isinstance(value, str) for value in values):
        column = pa.array([None if value is None else valid(value) for value in values], pa.string())
        for kind in (pa.int64(), pa.float64()):
            try:
                return column.cast(kind)
            except pa.ArrowInvalid:
                continue
        return column
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError):
        return pa.array([None if value is None else _text(value) for value in values], pa.string())
