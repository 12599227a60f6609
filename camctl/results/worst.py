"""The worst pictures of a results folder, each once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from camctl.errors import InputError, UnknownNameError
from camctl.results.review import baselines_of, better_of

if TYPE_CHECKING:
    from camctl.results.results import Results

BY_LABEL = "label"
"""Order by the score of a prediction that is not the label."""

SCORE = "target_score"


def worst_pictures(results: Results, count: int, by: str | None = None) -> list[dict[str, Any]]:
    """Return a row of each of the worst pictures, the worst first; maps of baselines do not count.

    Parameters
    ----------
    results
        From `open_results`.
    count
        Maximum number of pictures.
    by
        A figure, `target_score` or another column of numbers, or `label`: the prediction is not the label, the surest
        first. Without one, `label` if there are labels, else the first figure, else `target_score`.

    Raises
    ------
    InputError
        There is no such column, or no label.
    """
    labelled = _labelled(results)
    if by is None:
        by = BY_LABEL if labelled else next(iter(better_of(results)), SCORE)
    if by == BY_LABEL:
        if not labelled:
            message = "No picture has a label that the model knows: no prediction can differ from one."
            raise InputError(message, hint="Order by a figure, or by target_score.")
        return _differing(results, count)
    return _worst(results, count, by)


def _labelled(results: Results) -> bool:
    import pyarrow.compute as pc

    known = pc.is_valid(pc.field("label_index"))
    return any(len(piece) for piece in results.batches(["index"], known))


def _differing(results: Results, count: int) -> list[dict[str, Any]]:
    from camctl.results.review import differing
    from camctl.results.tally import PICTURE, Pictures

    pictures = Pictures(results.status.total)
    for table in results.batches(PICTURE):
        pictures.add(table)
    return results.rows(pictures.row[differing(pictures, count)].tolist())


def _worst(results: Results, count: int, by: str) -> list[dict[str, Any]]:
    """Return the rows of the worst pictures: more rows are asked for until there are enough different pictures."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kinds = (pa.types.is_integer, pa.types.is_floating)
    numeric = [item.name for item in results.columns if any(kind(item.type) for kind in kinds)]
    if by not in numeric:
        raise UnknownNameError("column of numbers", by, [*numeric, BY_LABEL])
    ours = pc.is_valid(pc.field("method")) & ~pc.is_in(pc.field("method"), pa.array(baselines_of(results), pa.string()))
    asked = count
    while True:
        found = results.worst(asked, by, filter=ours)
        rows: dict[int, dict[str, Any]] = {}
        for row in found.to_pylist():
            rows.setdefault(row["index"], row)  # of its worst map
        if len(rows) >= count or len(found) < asked:
            return list(rows.values())[:count]
        asked *= 4
