"""Reads a results folder back: figures as Arrow tables, maps as arrays, and no more at once than was asked for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import accumulate, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camctl.datasets import open_data
from camctl.errors import Hint, InputError, UnknownNameError, one_line
from camctl.results.folder import Folder
from camctl.results.maps import cam_of, picture_of
from camctl.results.parts import batches, opened
from camctl.results.schema import BETTER, ROW, schema
from camctl.results.start import Start, read_start
from camctl.results.status import COUNTED, Status, counted

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq
    from numpy.typing import NDArray

    from camctl.datasets import Data
    from camctl.values.cam import Cam
    from camctl.values.picture import Picture

GRID = ("grid_height", "grid_width", "peak", "map")
"""Columns of a map: its cells are shares of its largest absolute value, the peak, which half precision holds."""


def open_results(out: str | Path) -> Results:
    """Open the results folder of a dataset run, complete or not; only its `start.json` is read.

    Raises
    ------
    InputError
        There is no such folder, or it is no results folder.
    """
    folder = Folder(out)
    if folder.contents() is None:
        hint = Hint("Check the path. A data set's results are written by", "run", save_path="OUT")
        raise InputError(f"There is no results folder '{out}'.", hint=hint)
    start = read_start(folder)
    if start is None:
        message = f"The folder '{out}' holds no results of camctl."
        raise InputError(message, hint="Name the folder that a dataset run saved to.")
    return Results(folder, start)


class Results:
    """The rows of a dataset run, as they were when it was opened.

    `len` is the number of rows. Iterating yields each row as a dictionary, without its map. Tables begin with the
    column `row`, the row's number, by which `maps` finds its map.

    Examples
    --------
    >>> results = open_results("out")                                               # doctest: +SKIP
    >>> results.table(["id", "verdict"], filter=pc.field("verdict") != "ok")        # doctest: +SKIP
    >>> worst = results.worst(50, by="deletion")                                    # doctest: +SKIP
    >>> results.maps(worst)[0].shape                                                # doctest: +SKIP
    (14, 14)
    """

    def __init__(self, folder: Folder, start: Start) -> None:
        self._folder, self._start = folder, start
        self._parts = folder.parts()

    def __repr__(self) -> str:
        return f"Results({self._folder.name!r})"

    def _repr_html_(self) -> str:
        from camctl.render.notebook_table import table

        status, names = self.status, self.columns.names
        facts = {
            "model": self.start["model"],
            "data": self.start["data"]["name"],
            "pictures": f"{status.pictures:,} of {status.total:,}",
            "rows": f"{len(self):,}",
            "columns": ", ".join(name for name in names if name != "map"),
        }
        return table(self.out, facts)

    @property
    def out(self) -> str:
        """The folder."""
        return self._folder.name

    @property
    def start(self) -> dict[str, Any]:
        """What was asked."""
        return self._start.asked

    @property
    def about(self) -> dict[str, Any]:
        """What else was told when the run began, such as versions."""
        return self._start.about

    @property
    def files(self) -> list[str]:
        """Paths of the Parquet parts, for `datasets.Dataset.from_parquet` and others."""
        return [self._folder.path(part) for part in self._parts]

    @cached_property
    def status(self) -> Status:
        """How far the run has come."""
        return counted(batches(self._folder, self._parts, COUNTED), self._start.total)

    @cached_property
    def columns(self) -> pa.Schema:
        """Names and types of the columns."""
        if not self._parts:
            return schema({})
        with opened(self._folder, self._parts[0]) as part:
            return part.schema_arrow

    @cached_property
    def dataset(self) -> ds.Dataset:
        """The rows as a data set of pyarrow."""
        import pyarrow.dataset as ds

        system, root = self._folder.arrow()
        paths = [f"{root}/{part}" for part in self._parts]
        with self._reading():
            return ds.dataset(paths, schema=self.columns, filesystem=system, format="parquet")

    def __len__(self) -> int:
        return self._starts[-1]

    @cached_property
    def _starts(self) -> list[int]:
        """Number of rows before each part, and of all."""
        with self._reading():
            return [0, *accumulate(fragment.count_rows() for fragment in self.dataset.get_fragments())]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for batch in self.batches():
            yield from batch.to_pylist()

    def batches(self, columns: Sequence[str] | None = None, filter: Any = None) -> Iterator[pa.Table]:  # noqa: A002 - pyarrow's word
        """Yield the rows piece by piece; see `table`."""
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        names, kind = self._known(columns), self._empty(columns).schema
        wanted: dict[str, pc.Expression] = {name: pc.field(name) for name in names}
        if filter is not None:
            wanted["\0"] = filter if isinstance(filter, pc.Expression) else pq.filters_to_expression(filter)
        for start, fragment in zip(self._starts, self.dataset.get_fragments(), strict=False):
            row = start
            with self._reading():
                for batch in fragment.to_batches(schema=self.columns, columns=wanted or ["index"]):
                    numbers = pa.array(range(row, row + batch.num_rows), pa.int64())
                    table = pa.table([numbers, *(batch.column(name) for name in names)], schema=kind)
                    row += batch.num_rows
                    yield table if filter is None else table.filter(batch.column("\0"))

    def table(self, columns: Sequence[str] | None = None, filter: Any = None) -> pa.Table:  # noqa: A002 - pyarrow's word
        """Return rows as one table.

        Parameters
        ----------
        columns
            Names of columns; all but the map if not given.
        filter
            Which rows: an expression of pyarrow, such as `pc.field("verdict") == "ok"`, or a list such as
            `[("verdict", "==", "ok")]`.

        Raises
        ------
        InputError
            There is no such column, or a part is damaged.
        """
        import pyarrow as pa

        return pa.concat_tables([self._empty(columns), *self.batches(columns, filter)])

    def _empty(self, columns: Sequence[str] | None) -> pa.Table:
        """Return a table of these columns without rows."""
        import pyarrow as pa

        fields = [self.columns.field(name) for name in self._known(columns)]
        return pa.schema([pa.field(ROW, pa.int64()), *fields]).empty_table()

    def to_pandas(self, columns: Sequence[str] | None = None, filter: Any = None) -> pd.DataFrame:  # noqa: A002 - pyarrow's word
        """Return rows as a data frame of pandas, which must be installed; see `table`."""
        return self.table(columns, filter).to_pandas()

    def worst(self, count: int, by: str, filter: Any = None) -> pa.Table:  # noqa: A002 - pyarrow's word
        """Return the rows with the worst values of a figure, the worst first; rows without a value are left out.

        Parameters
        ----------
        count
            Maximum number of rows.
        by
            A figure, `target_score`, or another column of numbers, of which higher is taken for better.
        filter
            Which rows are considered; see `table`.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        numeric = [
            item.name for item in self.columns if pa.types.is_integer(item.type) or pa.types.is_floating(item.type)
        ]
        if by not in numeric:
            raise UnknownNameError("column of numbers", by, numeric)
        lower = (self.columns.field(by).metadata or {}).get(BETTER) == b"lower"
        order = [(by, "descending" if lower else "ascending"), (ROW, "ascending")]
        found = self._empty([by])
        for piece in self.batches([by], filter):
            valid = piece.filter(pc.is_finite(piece.column(by)))
            found = pa.concat_tables([found, valid])
            found = found.take(pc.sort_indices(found, order)[:count])
        rows = found.column(ROW).to_pylist()
        return self._taken(rows, self._known(None)).add_column(0, ROW, found.column(ROW))

    def rows(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        """Return rows by their numbers, without their maps."""
        return list(self._taken(rows, self._known(None)).to_pylist())

    def maps(self, rows: pa.Table | Sequence[int]) -> list[NDArray[np.float32] | None]:
        """Return the maps of rows at native resolution, (height, width); None for a row without one.

        Parameters
        ----------
        rows
            A table from `table` or `worst`, or numbers of rows.
        """
        import numpy as np
        import pyarrow as pa

        numbers = rows.column(ROW).to_pylist() if isinstance(rows, pa.Table) else [int(row) for row in rows]
        found = self._taken(numbers, GRID)
        height, width, peak, values = (found.column(name) for name in GRID)
        maps: list[NDArray[np.float32] | None] = []
        for number in range(len(numbers)):
            cells = values[number].values  # noqa: PD011 - of an Arrow list
            if cells is None:
                maps.append(None)
                continue
            grid = (height[number].as_py(), width[number].as_py())
            shares = cells.to_numpy(zero_copy_only=False).astype(np.float32)
            maps.append((shares * np.float32(peak[number].as_py())).reshape(grid))
        return maps

    def cams(self, rows: pa.Table | Sequence[int]) -> Iterator[Cam]:
        """Yield the maps of rows with their pictures, which are read again; rows without a map are left out.

        `cam.overlay()` draws one, without the model.

        Parameters
        ----------
        rows
            A table from `table` or `worst`, or numbers of rows.

        Raises
        ------
        InputError
            A picture is no longer there, or the data set is another one.
        """
        import pyarrow as pa

        numbers = rows.column(ROW).to_pylist() if isinstance(rows, pa.Table) else [int(row) for row in rows]
        about = {"model": self.start["model"], "chosen_by": self.about.get("chosen_by", "")}
        found = self._taken(numbers, self._known(None)).to_pylist()
        for row, raw in zip(found, self.maps(numbers), strict=True):
            if raw is not None:
                yield cam_of(row, raw, self.picture(row), about)

    def picture(self, row: Mapping[str, Any]) -> Picture:
        """Return the picture of a row, read again. Raises `InputError`: it is gone, or the data set is another one."""
        return picture_of(self.data, row, self.start["reading"])

    @cached_property
    def data(self) -> Data:
        """The data set of the run. Raises `InputError` if it holds other pictures now."""
        asked = self.start["data"]
        data = open_data(asked["name"])
        if data.fingerprint != asked["fingerprint"]:
            message = f"The data set '{asked['name']}' has changed since it was explained."
            raise InputError(message, hint="Draw maps where the data set is as it was.")
        return data

    def _taken(self, rows: Sequence[int], columns: Sequence[str]) -> pa.Table:
        """Return these columns of rows, in the order asked for; of the rest only groups that hold a row are read."""
        import numpy as np
        import pyarrow as pa

        if any(not 0 <= row < len(self) for row in rows):
            raise IndexError(next(row for row in rows if not 0 <= row < len(self)))
        pieces: list[pa.Table] = []
        order = sorted(range(len(rows)), key=rows.__getitem__)
        for part, places in groupby(order, lambda place: bisect_right(self._starts, rows[place]) - 1):
            inner = [rows[place] - self._starts[part] for place in places]
            with self._reading(), opened(self._folder, self._parts[part]) as file:
                pieces += _rows_of(file, inner, columns)
        if not pieces:
            return pa.schema([self.columns.field(name) for name in columns]).empty_table()
        return pa.concat_tables(pieces).select(list(columns)).take(np.argsort(np.array(order)))

    def _known(self, columns: Sequence[str] | None) -> list[str]:
        """Return the names of columns that can be read, `row` left out. Raises `InputError`."""
        names = self.columns.names
        if columns is None:
            return [name for name in names if name != "map"]
        for name in columns:
            if name not in (ROW, *names):
                raise UnknownNameError("column", name, names)
        return [name for name in columns if name != ROW]

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Report a damaged part, which no interruption of ours leaves behind, as an `InputError`."""
        import pyarrow as pa

        try:
            yield
        except (pa.ArrowException, OSError) as error:
            text = f"The results folder '{self._folder.name}' cannot be read: {one_line(error)}."
            hint = "If a part is damaged, remove it and run the same command again: its pictures are redone."
            raise InputError(text, hint=hint) from None


def _rows_of(file: pq.ParquetFile, rows: Sequence[int], columns: Sequence[str]) -> Iterator[pa.Table]:
    """Yield these columns of the rows of a part, which are in ascending order."""
    starts = [0, *accumulate(file.metadata.row_group(group).num_rows for group in range(file.num_row_groups))]
    for group, numbers in groupby(rows, lambda row: bisect_right(starts, row) - 1):
        table = file.read_row_group(group, columns=list(columns))
        yield table.take([number - starts[group] for number in numbers])
