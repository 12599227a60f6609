"""Statistics of few measurements: intervals of means, and differences that are larger than chance."""

from __future__ import annotations

from functools import lru_cache
from math import isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    Position = tuple[int, ...]
    """Indices on the axes, the image's first and the class's second."""

FEWEST = 6
"""Fewest samples for a difference: a coin shows five equal sides once in 16 times, six once in 32."""

DRAWS = 2000
SEED = 0


def interval(figures: Mapping[Position, float]) -> tuple[float, float] | None:
    """The 95 % bootstrap interval of the mean figure; None for a single picture and class, or infinite figures.

    Figures of one picture and class are drawn together: maps of them at several layers are not two samples.
    """
    import numpy as np

    by_sample: dict[Position, list[float]] = {}
    for position in sorted(figures):
        by_sample.setdefault(position[:2], []).append(figures[position])
    if len(by_sample) < 2 or not all(map(isfinite, figures.values())):  # noqa: PLR2004
        return None
    sums = np.array([sum(own) for own in by_sample.values()])
    return interval_of_sums(sums, np.array([len(own) for own in by_sample.values()]))


def interval_of_sums(sums: NDArray[np.float64], counts: NDArray[np.int64]) -> tuple[float, float] | None:
    """The 95 % bootstrap interval of a mean, from the sum and the number of values of each sample.

    Samples without a value are left out. None for a single sample.
    """
    import numpy as np

    there = counts > 0
    if there.sum() < 2:  # noqa: PLR2004
        return None
    times = _times_drawn(int(there.sum()))
    low, high = np.percentile((times @ sums[there]) / (times @ counts[there]), (2.5, 97.5))
    return float(low), float(high)


def interval_of_lead(
    first: tuple[NDArray[np.float64], NDArray[np.int64]], second: tuple[NDArray[np.float64], NDArray[np.int64]]
) -> tuple[float, float] | None:
    """The 95 % bootstrap interval of the difference of two means over the same samples: sums and counts of each."""
    import numpy as np

    there = (first[1] > 0) & (second[1] > 0)
    if there.sum() < 2:  # noqa: PLR2004
        return None
    times = _times_drawn(int(there.sum()))
    means = [(times @ sums[there]) / (times @ counts[there]) for sums, counts in (first, second)]
    low, high = np.percentile(means[0] - means[1], (2.5, 97.5))
    return float(low), float(high)


def differ(first: Mapping[Position, float], second: Mapping[Position, float]) -> bool:
    """Whether two differ by more than chance, where both have a figure."""
    differences = {position: first[position] - second[position] for position in first.keys() & second.keys()}
    if samples(differences) < FEWEST:
        return False
    ends = interval(differences)
    return ends is not None and (ends[0] > 0 or ends[1] < 0)


def samples(figures: Mapping[Position, float]) -> int:
    """Number of pictures and classes with figures."""
    return len({position[:2] for position in figures})


@lru_cache(maxsize=4)
def _times_drawn(count: int) -> NDArray[np.int64]:
    """(DRAWS, count): how often each sample is drawn, with replacement."""
    import numpy as np

    drawn: NDArray[np.int64] = np.random.RandomState(SEED).multinomial(count, [1 / count] * count, DRAWS)
    return drawn
