"""Columns of Arrow tables as arrays of numpy, without a Python object a row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

NONE = -1
"""Stands for a missing index."""


def array_of(table: pa.Table, name: str) -> Any:
    """Return a column of a table as one Arrow array."""
    import pyarrow as pa

    column = table.column(name).combine_chunks()
    return pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column


def indices_of(table: pa.Table, name: str) -> NDArray[np.int64]:
    """Return a column of whole numbers; `NONE` where there is none."""
    import numpy as np

    return np.asarray(array_of(table, name).fill_null(NONE).to_numpy(zero_copy_only=False), np.int64)


def codes_of(table: pa.Table, name: str, known: dict[str, int]) -> NDArray[np.int64]:
    """Return the number that `known` gives each text of a column; new texts are added, `NONE` stands for none."""
    import numpy as np

    encoded = array_of(table, name).dictionary_encode()
    numbers = [known.setdefault(text, len(known)) for text in encoded.dictionary.to_pylist()]
    lookup = np.array([*numbers, NONE], np.int64)
    codes: NDArray[np.int64] = lookup[encoded.indices.fill_null(NONE).to_numpy(zero_copy_only=False)]
    return codes


def numbers_of(table: pa.Table, name: str) -> NDArray[np.float64]:
    """Return a column of numbers; NaN where there is none."""
    import numpy as np

    return np.asarray(array_of(table, name).cast("float64").to_numpy(zero_copy_only=False), np.float64)


def first_predictions(table: pa.Table) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the class's index and the score of each row's first prediction; `NONE` and NaN where there is none."""
    import numpy as np

    there, first, fields = _firsts(table)
    index, score = np.full(len(there), NONE, np.int64), np.full(len(there), np.nan)
    index[there] = np.asarray(fields.field("index").fill_null(NONE).to_numpy(zero_copy_only=False))[first]
    score[there] = np.asarray(fields.field("score").to_numpy(zero_copy_only=False))[first]
    return index, score


def _firsts(table: pa.Table) -> tuple[NDArray[np.bool_], NDArray[np.int64], Any]:
    """Return which rows have a prediction, where the first of each lies, and all predictions."""
    import numpy as np

    lists = array_of(table, "predictions")
    starts = np.asarray(lists.offsets.to_numpy(), np.int64)
    there = np.asarray(lists.is_valid().to_numpy(zero_copy_only=False)) & (np.diff(starts) > 0)
    return there, starts[:-1][there], lists.values


def learn_names(table: pa.Table, names: dict[int, str]) -> None:
    """Add the names of classes that the rows have and `names` has not."""
    import numpy as np

    def learn(indices: NDArray[np.int64], texts: Any) -> None:
        unique, places = np.unique(indices, return_index=True)
        for index, place in zip(unique.tolist(), places.tolist(), strict=True):
            if index >= 0 and index not in names and (text := texts[place].as_py()) is not None:
                names[index] = text

    learn(indices_of(table, "label_index"), array_of(table, "label"))
    learn(indices_of(table, "target_index"), array_of(table, "target"))
    _, first, fields = _firsts(table)
    if len(first):
        labels = fields.field("label").take(first)
        learn(np.asarray(fields.field("index").fill_null(NONE).to_numpy(zero_copy_only=False))[first], labels)


def maps_by_size(
    table: pa.Table,
) -> Iterator[tuple[tuple[int, int], NDArray[np.int64], NDArray[np.float32]]]:
    """Yield the maps of a table by their size (height, width): numbers of their rows, and their cells (maps, cells)."""
    import numpy as np

    lists = array_of(table, "map")
    starts = np.asarray(lists.offsets.to_numpy(), np.int64)
    height, width = indices_of(table, "grid_height"), indices_of(table, "grid_width")
    lengths = np.diff(starts)
    there = np.asarray(lists.is_valid().to_numpy(zero_copy_only=False)) & (lengths > 0) & (lengths == height * width)
    cells = lists.values.to_numpy(zero_copy_only=False)
    sizes = height * (1 << 20) + width
    for size in np.unique(sizes[there]):
        rows = np.flatnonzero(there & (sizes == size))
        count = int(lengths[rows[0]])
        yield divmod(int(size), 1 << 20), rows, cells[starts[rows][:, None] + np.arange(count)].astype(np.float32)
