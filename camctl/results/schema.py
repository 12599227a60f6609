"""Columns of a results folder: a row a picture, question and method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

EXTRA = "data_"
"""Prefix of a column of the data set that has the name of one of ours."""

ROW = "row"
"""Column of a table that was read back: number of the row in the results folder."""

BETTER = b"better"
"""Key of a figure's metadata: `higher` or `lower`."""


def schema(metrics: Mapping[str, str], columns: pa.Schema | None = None) -> pa.Schema:
    """Return the columns of a results folder.

    Parameters
    ----------
    metrics
        Name of each figure -> which is better, `higher` or `lower`.
    columns
        The data set's other columns; `extra_names` says under which names they stand.

    Returns
    -------
    pyarrow.Schema
    """
    import pyarrow as pa

    text, whole, short = pa.string(), pa.int32(), pa.int16()
    prediction = pa.struct([("index", whole), ("label", text), ("score", pa.float32())])
    fields = [
        pa.field("index", pa.int64(), nullable=False),
        pa.field("id", text, nullable=False),
        pa.field("path", text),
        pa.field("sha256", text),
        pa.field("width", whole),
        pa.field("height", whole),
        pa.field("view", pa.list_(pa.float32())),
        pa.field("input_height", whole),
        pa.field("input_width", whole),
        pa.field("label", text),
        pa.field("label_index", whole),
        pa.field("predictions", pa.list_(prediction)),
        pa.field("target", text),
        pa.field("target_index", whole),
        pa.field("target_score", pa.float32()),
        pa.field("target_box", pa.list_(pa.float32())),
        pa.field("versus", pa.list_(text)),
        pa.field("method", text),
        pa.field("layers", pa.list_(text)),
        pa.field("smoothing", text),
        pa.field("verdict", text),
        pa.field("reason", text),
        *(pa.field(name, pa.float64(), metadata={BETTER: better}) for name, better in metrics.items()),
        pa.field("grid_height", short),
        pa.field("grid_width", short),
        pa.field("peak", pa.float32()),
        pa.field("map", pa.list_(pa.float16())),
        pa.field("error", text),
    ]
    if columns is not None:
        names = extra_names(metrics, columns)
        fields += [pa.field(names[item.name], item.type) for item in columns]
    return pa.schema(fields)


def extra_names(metrics: Mapping[str, str], columns: pa.Schema) -> dict[str, str]:
    """Return the names that the data set's columns have in the results: a name of ours gets the prefix `data_`."""
    ours = {ROW, *schema(metrics).names}
    names = {name: name for name in columns.names if name not in ours}
    for column in columns.names:
        name = column
        while column not in names and (name in ours or name in names.values()):
            name = f"{EXTRA}{name}"
        names.setdefault(column, name)
    return names
