"""Layers that have a grid by their size alone: tokens of queries or of several feature maps, planes of values."""

from __future__ import annotations

from itertools import combinations
from math import inf
from typing import TYPE_CHECKING

from camctl.engine.layout import MOST_EXTRA_TOKENS

if TYPE_CHECKING:
    from collections.abc import Collection

    from torch import Tensor

    from camctl.engine.observations import Observation

TOKENS = 3
"""Number of dimensions of a sequence of tokens."""

MOST_MAPS = 5
"""Largest number of feature maps whose places stand in one sequence."""


def take_places(seen: Collection[Observation], rows: Tensor, queries: int) -> None:
    """Take the grid from what is no sequence of places, and set aside what holds no features.

    Of a network of queries no places are the queries' tokens, alone or beside those of places, and those of several
    feature maps in a row; of a dense output (N, K, h, w) the planes (N, h, w) of one value a place. No features are a
    channel for each query, which is an object's mask, and what queries look at once they run: keys and values.
    """
    lengths = _lengths(seen, queries) if queries else set()
    starts = min((part.order for part in seen if _shape(part)[1:2] == (queries,)), default=inf) if queries else inf
    for part in seen:
        if part.layout is None or part.layout.name == "adapter":
            continue
        shape = _shape(part)
        part.aside = part.order > starts if shape else part.layout.channels == queries
        if shape and (shape[1] in lengths or shape[1:] == tuple(rows.shape[2:])):
            part.layout = None


def _shape(part: Observation) -> tuple[int, ...]:
    """Return the shape of a sequence of tokens; empty for another output."""
    return part.shape if part.shape is not None and len(part.shape) == TOKENS else ()


def _lengths(seen: Collection[Observation], queries: int) -> set[int]:
    """Return the lengths of sequences that are not the places of one feature map."""
    planes = (part.shape for part in seen if part.shape and part.layout and part.layout.name == "NCHW")
    areas = sorted({shape[-2] * shape[-1] for shape in planes} - {1})
    joined = {sum(some) for count in range(2, MOST_MAPS + 1) for some in combinations(areas, count)}
    beside = {area + queries + extra for area in areas for extra in range(MOST_EXTRA_TOKENS + 1)}
    return {queries} | (joined | beside).difference(areas)
