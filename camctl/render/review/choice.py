"""Which pictures of a results folder a page shows: all, or the worst and some at random."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from camctl.results.worst import BY_LABEL, SCORE, worst_pictures

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from camctl.results import Results
    from camctl.results.summary import Summary

MOST = 3000
"""Maximum number of pictures of a page."""

SEED = 0


def chosen(results: Results, summary: Summary, most: int = MOST) -> NDArray[np.int64] | None:
    """Return the indices of the pictures that a page shows; None for all of them.

    Half of them are the worst by their label, by each figure and by their score, those whose maps are unlike their
    class's, and some with an error. The others are drawn at random.
    """
    import numpy as np

    if summary.pictures <= most:
        return None
    picked: set[int] = set()
    lists = list(_lists(results, summary, most // 2))
    share = max(most // 2 // max(len(lists), 1), 1)
    for indices in lists:
        picked.update(indices[:share])
    drawn = np.random.default_rng(SEED).permutation(summary.total)[: most + len(picked)]
    others = [index for index in drawn.tolist() if index not in picked]
    return np.array(sorted([*picked, *others[: most - len(picked)]]), np.int64)


def _lists(results: Results, summary: Summary, count: int) -> Iterator[list[int]]:
    """Yield the worst pictures by each measure."""
    measures = [*([BY_LABEL] if summary.right < summary.judged else []), *summary.better, SCORE]
    for by in measures:
        rows = worst_pictures(results, max(count // (len(measures) + 2), 1), by)
        yield [row["index"] for row in rows]
    yield [row["index"] for row in results.rows([item.row for item in summary.unlike])]
    yield list(_failed(results, count))


def _failed(results: Results, count: int) -> Iterator[int]:
    import pyarrow.compute as pc

    for piece in results.batches(["index"], pc.is_valid(pc.field("error"))):
        for index in piece.column("index").to_pylist():
            yield index
            count -= 1
            if not count:
                return
