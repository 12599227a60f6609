"""A data set that is open: its rows as Arrow tables, which a million of fit into memory, and a reader of its bytes."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, overload

from camctl.errors import InputError
from camctl.values.entry import Entry
from camctl.values.texts import valid

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS_HASHED = 4096


class Reader(Protocol):
    """Reads the pictures of a data set. Workers get a copy of it each: it is pickled, and opens files when it reads."""

    def read(self, index: int, path: str) -> bytes | Path:
        """Return a picture's file, or its content. Raises `InputError`, in one line."""
        ...


@dataclass(frozen=True, eq=False)
class Data:
    """An open data set.

    `name` is what the user wrote. `rows` has the columns `id`, `path` (bytes, as the system has them), `label`, `box`.
    `extras` has the data set's other columns. `faults` are rows that cannot be used, and why. `notes` are sentences
    for the user about the whole.
    """

    name: str
    rows: pa.Table = field(repr=False)
    extras: pa.Table = field(repr=False)
    reader: Reader = field(repr=False)
    faults: Mapping[int, str] = field(default_factory=dict, repr=False)
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    @property
    def entries(self) -> Entries:
        """What the data set says about each picture, made when asked for."""
        return Entries(self.rows, self.extras)

    @property
    def columns(self) -> pa.Schema:
        """Names and types of the data set's other columns."""
        return self.extras.schema

    @property
    def has_labels(self) -> bool:
        """Whether any picture has a label."""
        labels = self.rows.column("label")
        return bool(labels.null_count < len(labels))

    @property
    def has_boxes(self) -> bool:
        """Whether any picture has a box."""
        boxes = self.rows.column("box")
        return bool(boxes.null_count < len(boxes))

    def read(self, index: int) -> bytes | Path:
        """Return the file of a picture, or its content if it has no file of its own.

        Raises `InputError`, in one line: there is none, or its row in the list is wrong.
        """
        if not 0 <= index < len(self):
            raise IndexError(index)
        if fault := self.faults.get(index):
            raise InputError(fault)
        return self.reader.read(index, os.fsdecode(self.rows.column("path")[index].as_py()))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of what the list is: ids, labels and boxes in their order."""
        digest = hashlib.sha256()
        for batch in self.rows.select(["id", "label", "box"]).to_batches(_ROWS_HASHED):
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                digest.update(json.dumps(row).encode() + b"\n")
        return digest.hexdigest()


class Entries(Sequence[Entry]):
    """The entries of a data set."""

    def __init__(self, rows: pa.Table, extras: pa.Table) -> None:
        self._rows, self._extras = rows, extras

    def __len__(self) -> int:
        return int(self._rows.num_rows)

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        number = index + len(self) if index < 0 else index
        if not 0 <= number < len(self):
            raise IndexError(index)
        identity, path, label, box = (column[number].as_py() for column in self._rows.columns)
        columns = {name: self._extras.column(name)[number].as_py() for name in self._extras.column_names}
        return Entry(identity, valid(os.fsdecode(path)), label, None if box is None else tuple(box), columns)


def table(
    ids: Iterable[str],
    paths: Iterable[str],
    labels: Iterable[str | None] | None = None,
    boxes: Iterable[Sequence[float] | None] | None = None,
) -> pa.Table:
    """Return the rows of a data set. A repeated id gets `#2`, `#3`, ..."""
    import pyarrow as pa

    names = pa.array(_unique(valid(name) for name in ids), pa.string())
    nothing = pa.nulls(len(names))
    return pa.table(
        {
            "id": names,
            "path": pa.array(map(_encoded, paths), pa.binary()),
            "label": nothing.cast(pa.string()) if labels is None else pa.array(labels, pa.string()),
            "box": pa.array([None] * len(names) if boxes is None else boxes, pa.list_(pa.float64())),
        }
    )


def no_columns(rows: int) -> pa.Table:
    """Return a table without columns for a data set that has no other columns."""
    import pyarrow as pa

    return pa.table({"nothing": pa.nulls(rows)}).select([])


def _encoded(path: str) -> bytes:
    try:
        return os.fsencode(path)
    except UnicodeEncodeError:  # half a letter, which no file has in its name
        return valid(path).encode()


def _unique(names: Iterable[str]) -> Iterable[str]:
    taken: set[str] = set()
    counts: dict[str, int] = {}
    for name in names:
        candidate = name
        while candidate in taken:
            counts[name] = counts.get(name, 1) + 1
            candidate = f"{name}#{counts[name]}"
        taken.add(candidate)
        yield candidate


def numbers(values: Any) -> Any:
    """Return the values as integers of 64 bits that are pickled as one block."""
    import numpy as np

    return np.asarray(values, np.int64)
