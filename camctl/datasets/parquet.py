"""A data set in Parquet files: pictures as Hugging Face stores them (a struct of bytes and path), bytes, or paths."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camctl.datasets.columns import BOX, box_of, check_names
from camctl.datasets.data import Data, no_columns, table
from camctl.datasets.locations import Files, common_folder, joined, one_row, opened, parent
from camctl.datasets.parquet_columns import Pictures, features_of, holds_bytes, label_of, pictures_of
from camctl.errors import InputError, one_line
from camctl.paths import is_address

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_BATCH = 16
"""Rows whose bytes are in memory at once."""


def open_parquet(text: str, files: Sequence[str]) -> Data:
    """Return the pictures of Parquet files, one file after the other. Raises `InputError` if they hold none."""
    import pyarrow as pa

    pieces: list[pa.Table] = []
    pictures: Pictures | None = None
    labels: tuple[str, list[str] | None] | None = None
    for file in files:
        with _parquet(file) as part:
            names = part.schema_arrow
            if pictures is None:
                check_names(names.names, file)
                features = features_of(names)
                pictures, labels = pictures_of(names, features, file), label_of(names, features)
            elif pictures.name not in names.names:
                message = f"'{file}' has no column '{pictures.name}', and '{files[0]}' has."
                raise InputError(message, hint="Give files of one data set.")
            pieces.append(_read(part, pictures, file))
    sizes = [len(piece) for piece in pieces]
    if pictures is None or not sum(sizes):
        raise InputError(f"'{text}' lists no pictures.", hint="Give Parquet files with rows.")
    try:
        whole = pa.concat_tables(pieces, promote_options="permissive")
    except pa.ArrowException as error:
        message = f"The files of '{text}' have different columns: {one_line(error)}."
        raise InputError(message, hint="Give files of one data set.") from None
    return _data(text, files, sizes, whole, pictures, labels)


def _data(
    text: str,
    files: Sequence[str],
    sizes: list[int],
    whole: pa.Table,
    pictures: Pictures,
    labels: tuple[str, list[str] | None] | None,
) -> Data:
    """Return the data set of a table with all columns but the pictures' bytes."""
    inner = whole.column("\0").to_pylist()
    whole = whole.drop_columns(["\0"])
    root = common_folder(files)
    ids, paths = [], []
    for file, start, size in zip(files, accumulate([0, *sizes]), sizes, strict=False):
        for row in range(size):
            name = inner[start + row]
            ids.append(name or f"{file[len(root) :]}/{row}")
            paths.append(joined(parent(file), name) if pictures.kind == "path" and name else f"{file}/{name or row}")
    answers = None
    if labels is not None:
        answers = [_text(value, labels[1]) for value in whole.column(labels[0]).to_pylist()]
        whole = whole.drop_columns([labels[0]])
    boxes: list[list[float] | None] = []
    faults: dict[int, str] = {}
    if BOX[0] in whole.column_names:
        for row, corners in enumerate(zip(*(whole.column(name).to_pylist() for name in BOX), strict=True)):
            boxes.append(None)
            try:
                boxes[-1] = box_of(corners)
            except ValueError as error:
                faults[row] = f"Row {row} of '{text}' cannot be used: {error}."
        whole = whole.drop_columns(list(BOX))
    rows = table(ids, paths, answers, boxes or None)
    extras = whole if whole.num_columns else no_columns(len(rows))
    reader = Files() if pictures.kind == "path" else Bytes(tuple(files), tuple(accumulate([0, *sizes])), pictures)
    return Data(text, rows, extras.replace_schema_metadata(None), reader, faults)


class Bytes:
    """Reads pictures out of Parquet files, forwards with no more than a few rows in memory.

    Parameters
    ----------
    files, starts
        The files, and the number of rows before each and of all.
    pictures
        The column.
    """

    def __init__(self, files: tuple[str, ...], starts: tuple[int, ...], pictures: Pictures) -> None:
        self.files, self.starts, self.pictures = files, starts, pictures
        self._cursor: _Cursor | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_cursor": None}

    def read(self, index: int, path: str) -> bytes | Path:  # noqa: ARG002 - as all readers
        """Return the bytes of a picture. Raises `InputError`, in one line."""
        number = bisect_right(self.starts, index) - 1
        row = index - self.starts[number]
        cursor = self._cursor
        try:
            # A file that was opened before a fork shares its position with the parent.
            if cursor is None or (cursor.process, cursor.number) != (os.getpid(), number):
                cursor = self._cursor = _Cursor(number, _parquet(self.files[number]), self.pictures.name)
            value = cursor.value(row)
        except Exception as error:  # noqa: BLE001 - damaged files, file systems of many packages
            self._cursor = None
            if isinstance(error, InputError):
                raise one_row(error) from None
            message = f"Row {row} of '{self.files[number]}' cannot be read: {one_line(error)}."
            raise InputError(message, hint="Copy or download the file again.") from None
        if isinstance(value, dict):
            if value.get("bytes") is None and value.get("path"):
                return Files().read(index, joined(parent(self.files[number]), value["path"]))
            value = value.get("bytes")
        if value is None:
            raise InputError(f"Row {row} of '{self.files[number]}' holds no picture.", hint="Leave the row out.")
        return bytes(value)


class _Cursor:
    """A place in an open Parquet file that moves forwards through a group of rows."""

    def __init__(self, number: int, file: pq.ParquetFile, column: str) -> None:
        self.process, self.number = os.getpid(), number
        self._file, self._column = file, column
        sizes = (file.metadata.row_group(group).num_rows for group in range(file.num_row_groups))
        self._groups = [0, *accumulate(sizes)]
        self._group, self._start, self._batch = -1, 0, None
        self._batches: Iterator[pa.RecordBatch] = iter(())

    def value(self, row: int) -> Any:
        """Return the value of a row of the file."""
        group = bisect_right(self._groups, row) - 1
        if group != self._group or row < self._start:
            self._group, self._start, self._batch = group, self._groups[group], None
            self._batches = self._file.iter_batches(_BATCH, row_groups=[group], columns=[self._column])
        while self._batch is None or row >= self._start + self._batch.num_rows:
            if self._batch is not None:
                self._start += self._batch.num_rows
            self._batch = next(self._batches)
        return self._batch.column(0)[row - self._start].as_py()


def _parquet(file: str) -> pq.ParquetFile:
    """Open a Parquet file. Raises `InputError` if there is none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    source: Any = opened(file, "Parquet file")
    if not is_address(file):
        source.close()
        source = file  # read without Python
    try:
        return pq.ParquetFile(source, pre_buffer=False, buffer_size=1 << 20)
    except (pa.ArrowException, OSError, UnicodeError) as error:
        message = f"'{file}' is damaged, or no Parquet file: {one_line(error)}."
        raise InputError(message, hint="Copy or download it again.") from None


def _read(part: pq.ParquetFile, pictures: Pictures, file: str) -> pa.Table:
    r"""Return the columns of a file without bytes, and the column `\0`: the path of each picture, or null."""
    import pyarrow as pa

    kept = [item.name for item in part.schema_arrow if item.name != pictures.name and not holds_bytes(item.type)]
    inner = {"struct": [f"{pictures.name}.path"], "path": [pictures.name], "bytes": []}[pictures.kind]
    try:
        columns = part.read(columns=[*kept, *inner])
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"'{file}' is damaged: {one_line(error)}.", hint="Copy or download it again.") from None
    names = pa.nulls(part.metadata.num_rows, pa.string())
    if pictures.name in columns.column_names:
        names = columns.column(pictures.name)
        if pictures.kind == "struct":
            names = pa.chunked_array([chunk.field("path") for chunk in names.chunks], pa.string())
        names = names.cast(pa.string())
    whole = columns.select([name for name in kept if name in columns.column_names])
    return whole.append_column("\0", names) if kept else pa.table({"\0": names})


def _text(value: Any, names: list[str] | None) -> str | None:
    """Return a label; -1 stands for an unknown one, as in the test splits of Hugging Face."""
    if value is None or (isinstance(value, int) and value < 0):
        return None
    if names and isinstance(value, int) and value < len(names):
        return names[value]
    return str(value)
