"""What few questions can tell: intervals of means, and differences that chance does not make."""

from __future__ import annotations

from functools import lru_cache
from math import isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    Question = tuple[int, ...]

FEWEST = 6
"""Questions that a difference needs: of five, a coin wins all or none once in 16, of six once in 32."""

DRAWS = 2000
SEED = 0


def interval(figures: Mapping[Question, float]) -> tuple[float, float] | None:
    """The 95 % interval of the mean figure, by bootstrap; None for a single picture and class, or infinity.

    Parameters
    ----------
    figures: by the place on the axes, the image's first, the class's second. What these two have in common is drawn
        together: maps of one picture and class, at several layers, are no two samples.
    """
    import numpy as np

    by_sample: dict[Question, list[float]] = {}
    for question in sorted(figures):
        by_sample.setdefault(question[:2], []).append(figures[question])
    if len(by_sample) < 2 or not all(map(isfinite, figures.values())):  # noqa: PLR2004
        return None
    times = _times_drawn(len(by_sample))
    sums = times @ np.array([sum(own) for own in by_sample.values()])
    counts = times @ np.array([len(own) for own in by_sample.values()])
    low, high = np.percentile(sums / counts, (2.5, 97.5))
    return float(low), float(high)


def differ(one: Mapping[Question, float], other: Mapping[Question, float]) -> bool:
    """Whether two differ by more than chance, on the questions that both have a figure for."""
    differences = {question: one[question] - other[question] for question in one.keys() & other.keys()}
    if samples(differences) < FEWEST:
        return False
    ends = interval(differences)
    return ends is not None and (ends[0] > 0 or ends[1] < 0)


def samples(figures: Mapping[Question, float]) -> int:
    """How many pictures and classes there are figures for."""
    return len({question[:2] for question in figures})


@lru_cache(maxsize=4)
def _times_drawn(count: int) -> NDArray[np.int64]:
    """(DRAWS, count): how often each sample is drawn, as many as there are and with replacement."""
    import numpy as np

    drawn: NDArray[np.int64] = np.random.RandomState(SEED).multinomial(count, [1 / count] * count, DRAWS)
    return drawn
