"""Parquet parts of a results folder: encoded, and read back column by column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from camctl.errors import InputError, one_line

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from camctl.results.folder import Folder

ROW_GROUP = 2048
"""Rows of a group. To read one map its group's are decoded; each group costs some kilobytes of a part's footer."""

_UNLIKE = {"id", "path", "sha256", "map"}
"""Columns of text or bytes in which no value repeats."""


def encoded(table: pa.Table) -> Any:
    """Return a table as the content of a part: Parquet, compressed with zstd."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    repeated = [item.name for item in table.schema if item.name not in _UNLIKE and not pa.types.is_floating(item.type)]
    pq.write_table(
        table,
        sink,
        compression="zstd",
        row_group_size=ROW_GROUP,
        use_dictionary=repeated,
        write_statistics=[item.name for item in table.schema if not pa.types.is_nested(item.type)],
    )
    return sink.getvalue()


def opened(folder: Folder, part: str) -> pq.ParquetFile:
    """Open a part; close it. Raises `InputError` if it is damaged, which no interruption of ours leaves behind."""
    import pyarrow.parquet as pq

    system, root = folder.arrow()
    try:
        return pq.ParquetFile(f"{root}/{part}", filesystem=system)
    except Exception as error:  # noqa: BLE001 - file systems of many packages
        raise _damaged(folder, part, error) from None


def batches(folder: Folder, parts: Sequence[str], columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield these columns of parts. Raises `InputError` if one is damaged."""
    for part in parts:
        with opened(folder, part) as file:
            try:
                yield from file.iter_batches(columns=list(columns))
            except (OSError, ValueError) as error:
                raise _damaged(folder, part, error) from None


def _damaged(folder: Folder, part: str, error: Exception) -> InputError:
    text = f"'{folder.path(part)}' cannot be read: {one_line(error)}."
    return InputError(text, hint="If it is damaged, remove it and run the same command again: its pictures are redone.")
