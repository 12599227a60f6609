"""Writes a results folder part by part, so that nothing but the rows of the last seconds is lost however it ends."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from camctl.errors import CamctlError, InputError
from camctl.results.folder import RESULTS, START, Folder, draft_name
from camctl.results.parts import batches, encoded
from camctl.results.start import Start, check_same, new_start, read_start
from camctl.results.status import COUNTED, Status, counted

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

ROWS = 20_000
"""Rows of a part."""

SECONDS = 30.0
"""Seconds after which a part is written although it is not full; later, a fiftieth of the time since the start."""

_LONGEST = 600.0
_MOST_BYTES = 64 << 20


class Writer:
    """Writes the rows of one shard. Use it in a `with` block: what is written is flushed at its end.

    `done` tells for each picture, by its index, whether its rows are there. `todo` are the indices that this shard
    still has to do.

    Examples
    --------
    >>> import tempfile, pyarrow as pa
    >>> from camctl.results.schema import schema
    >>> with Writer.open(tempfile.mkdtemp(), {"method": "gradcam"}, schema({}), total=1) as writer:
    ...     writer.write(pa.Table.from_pylist([{"index": 0, "id": "a.jpg"}], schema({})))
    ...     writer.finish({}).complete
    True
    """

    def __init__(self, folder: Folder, schema: pa.Schema, done: NDArray[np.bool_], shard: tuple[int, int]) -> None:
        self.schema = schema
        self.done = done
        self.rows_per_part, self.seconds = ROWS, SECONDS
        self._folder, self._shard = folder, shard
        self._buffer: list[pa.Table] = []
        self._bytes = 0
        """Bytes in the buffer; counting them anew for each batch would take longer than explaining it."""
        self._writing: tuple[str, int] | None = None
        """The part that is being written, and how many tables of the buffer are in it."""
        self._began = self._flushed = time.monotonic()

    @classmethod
    def open(
        cls,
        out: str | Path,
        start: Mapping[str, Any],
        schema: pa.Schema,
        *,
        total: int,
        about: Mapping[str, Any] | None = None,
        overwrite: bool = False,
        shard: tuple[int, int] = (1, 1),
    ) -> Self:
        """Create a results folder, or continue it.

        Parameters
        ----------
        out
            The folder's path, or an address that fsspec reaches.
        start
            What is asked; a run is only continued if it is the same.
        schema
            The columns, from `schema`.
        total
            Number of pictures in the data set, those of other shards included.
        about
            What else is told in `start.json`, and may differ when the run is continued.
        overwrite
            Whether to remove the rows of a run that was asked for something else, or is complete.
        shard
            Number of this shard, from 1, and how many there are.

        Raises
        ------
        InputError
            The folder holds something else, or the results of other options; or it cannot be written.
        """
        number, count = shard
        if not 1 <= number <= count:
            raise InputError(f"There is no shard {number} of {count}.", hint="Count shards from 1.")
        folder, asked = Folder(out), new_start(start, about or {}, schema, total)
        _check_ours(folder)
        folder.lock(number)
        try:
            _begin(folder, asked, overwrite=overwrite, shard=shard)
            done = _done(folder, total)
            if not done.all():
                folder.remove(RESULTS)
        except BaseException:
            folder.unlock()
            raise
        return cls(folder, schema, done, shard)

    @property
    def todo(self) -> NDArray[np.int64]:
        """Indices of the pictures that this shard has to do, in their order."""
        import numpy as np

        number, count = self._shard
        mine = np.arange(number - 1, len(self.done), count)
        return mine[~self.done[mine]]

    def write(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Take the rows of whole pictures, and write a part if enough have come together.

        Raises `ValueError` if a picture has its rows already, `InputError` or `CamctlError` if the disk is full or may
        not be written to: the rows are kept, and `flush` tries again.
        """
        import numpy as np
        import pyarrow as pa

        table = rows if isinstance(rows, pa.Table) else pa.Table.from_batches([rows])
        table = table.select(self.schema.names).cast(self.schema)
        indices = np.unique(table.column("index").to_numpy())
        if self.done[indices].any():
            message = f"The rows of picture {indices[self.done[indices]][0]} are there already."
            raise ValueError(message)
        self.done[indices] = True
        self._buffer.append(table)
        self._bytes += table.nbytes
        now = time.monotonic()
        patience = min(max(self.seconds, (now - self._began) / 50), max(self.seconds, _LONGEST))
        full = sum(map(len, self._buffer)) >= self.rows_per_part
        if full or now - self._flushed >= patience or self._bytes >= _MOST_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write the rows that have come together as a part, and return when it is on the disk."""
        import pyarrow as pa

        if self._writing and self._writing[0] in self._folder.parts():  # Ctrl-C came when the part was just there
            del self._buffer[: self._writing[1]]
        self._writing = None
        if self._buffer:
            table = pa.concat_tables(self._buffer).combine_chunks()
            name = self._folder.next_part(self._shard[0])
            self._writing = (name, len(self._buffer))
            self._folder.write(name, encoded(table), draft=draft_name(self._shard[0]))
            self._buffer.clear()
            self._writing = None
        self._bytes = 0
        self._flushed = time.monotonic()

    def finish(self, counts: Mapping[str, Any]) -> Status:
        """Flush, and write `results.json` if the rows of all pictures are there, those of other shards included.

        Parameters
        ----------
        counts
            What the run counted itself, such as seconds; it is stored as it is.
        """
        self.flush()
        status = counted(batches(self._folder, self._folder.parts(), COUNTED), len(self.done))
        if status.complete:
            self._folder.remove_leftovers()
            self._folder.write(RESULTS, status.to_json(counts), draft=draft_name(self._shard[0]))
        return status

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            with suppress(*() if error is None else (CamctlError,)):  # the disk may be the reason for the first error
                self.flush()
        finally:
            self._folder.unlock()


def _check_ours(folder: Folder) -> None:
    """Raise `InputError` if the folder holds something, and is no results folder."""
    folder.check_writable()
    contents = folder.contents()
    if contents and read_start(folder) is None:
        message = f"The folder '{folder.name}' holds something else, and no results of camctl."
        raise InputError(message, hint="Choose a new or empty folder.")


def _begin(folder: Folder, asked: Start, *, overwrite: bool, shard: tuple[int, int]) -> None:
    """Write `start.json`, or check that the one that is there asks for the same."""
    number, count = shard
    folder.remove_drafts(number)
    old = read_start(folder)
    if old is not None and not overwrite:
        check_same(folder, old, asked)
        return
    if old is not None and count > 1:
        _check_shards(folder, old, asked)
        return
    if old is not None:
        # What says that the folder is ours goes last; the rows of the old run never stand beside the new request.
        for name in (RESULTS, *folder.parts()):
            folder.remove(name)
    folder.write(START, asked.to_json(), draft=draft_name(number))


def _check_shards(folder: Folder, old: Start, asked: Start) -> None:
    """Raise `InputError` if a shard would remove what another has written for the same request."""
    try:
        check_same(folder, old, asked)
    except InputError as error:
        message = f"{error.message} One shard of several does not remove what is there."
        raise InputError(message, hint="Remove the folder, or choose another.") from None


def _done(folder: Folder, total: int) -> NDArray[np.bool_]:
    """Return for each picture whether its rows are in a complete part."""
    import numpy as np

    done = np.zeros(total, bool)
    for batch in batches(folder, folder.parts(), ["index"]):
        done[batch.column("index").to_numpy()] = True
    return done
