"""What runs on Ray's workers: an actor loads the model once, and explains blocks of pictures."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from camctl.errors import CamctlError, one_line

if TYPE_CHECKING:
    from camctl.plugin.runners import Explain

RESULT = pa.schema([("rows", pa.large_binary()), ("error", pa.binary())])
"""What comes back for a block of pictures: their rows as an Arrow stream, or a pickled error.

Ray sees one cell, so that it splits no picture's rows and changes no types.
"""


class Actor:
    """Explains blocks of pictures with a model that it loads for the first of them."""

    def __init__(self, opening: Any, folder: str) -> None:
        self._opening = opening
        self._explain: Explain | None = None
        with suppress(OSError):  # paths are relative to the driver's folder, which other machines may have
            os.chdir(folder)

    def __call__(self, block: pa.Table) -> pa.Table:
        """Return the rows of the pictures of a block."""
        (indices,) = block.column("indices").to_pylist()
        try:
            result = {"rows": [_packed(pa.concat_tables(self._explainer()(indices)))], "error": [None]}
        except CamctlError as error:
            result = {"rows": [None], "error": [pickle.dumps(error)]}
        except Exception as error:  # noqa: BLE001 - it is told in one line by the driver
            told = CamctlError(f"A process of Ray failed: {one_line(error)}", hint="Try it with the runner local.")
            result = {"rows": [None], "error": [pickle.dumps(told)]}
        return pa.table(result, schema=RESULT)

    def _explainer(self) -> Explain:
        import ray

        explain = self._explain or ray.get(self._opening)()
        self._explain = explain
        return explain


def unpacked(result: pa.Table) -> Iterator[pa.Table]:
    """Yield the rows in a table of results. Raises the error of an actor."""
    for rows, error in zip(*(result.column(name) for name in RESULT.names), strict=True):
        if error.is_valid:
            raise pickle.loads(error.as_py())  # noqa: S301 - our own actor made it
        with pa.ipc.open_stream(rows.as_buffer()) as stream:
            yield stream.read_all()


def _packed(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content
