"""`results.json`: how far a dataset run has come, counted from the rows that are there."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from camctl.files.mark import MARK

if TYPE_CHECKING:
    import pyarrow as pa

COUNTED = ("index", "error", "verdict")
"""Columns that are read to count."""


@dataclass(frozen=True)
class Status:
    """How far a run has come.

    `total` is the number of pictures in the data set, `pictures` of those that have rows, `rows` of rows, `errors` of
    pictures with an error, `verdicts` of rows with each verdict.
    """

    total: int
    pictures: int
    rows: int
    errors: int
    verdicts: Mapping[str, int]

    @property
    def complete(self) -> bool:
        """Whether every picture has its rows."""
        return self.pictures == self.total

    def to_json(self, counts: Mapping[str, Any]) -> bytes:
        """Return the content of the file, with what the last run counted."""
        content = {"software": MARK, "complete": self.complete, **asdict(self), "counts": dict(counts)}
        return (json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n").encode("utf-8", "replace")


def counted(batches: Iterable[pa.RecordBatch], total: int) -> Status:
    """Count rows, of which the columns `COUNTED` are needed."""
    import numpy as np
    import pyarrow.compute as pc

    there, failed = np.zeros(total, bool), np.zeros(total, bool)
    rows, verdicts = 0, Counter[str]()
    for batch in batches:
        index = batch.column("index").to_numpy(zero_copy_only=False)
        there[index] = True
        failed[index[batch.column("error").is_valid().to_numpy(zero_copy_only=False)]] = True
        rows += batch.num_rows
        for pair in pc.value_counts(batch.column("verdict").drop_null()).to_pylist():
            verdicts[pair["values"]] += pair["counts"]
    return Status(total, int(there.sum()), rows, int(failed.sum()), dict(sorted(verdicts.items())))
