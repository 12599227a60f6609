"""Average drop, coherency and complexity in one figure."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING

from camctl.metrics.confidence import drop
from camctl.metrics.size import coverage
from camctl.plugin import Case, Cost, metric

if TYPE_CHECKING:
    from torch import Tensor


@metric(
    name="ADCC",
    summary="Small, enough for the score, and the same map again of what it shows: the harmonic mean of the three.",
    paper="Poppi et al., 2021, arXiv:2104.10252",
    formula="3 / (1/coherency + 1/(1 - complexity) + 1/(1 - drop)),  "
    "coherency = (1 + Pearson(M, M')) / 2,  M' the map of the picture times M,  complexity = mean_ij M",
    better="higher",
    needs={"scores", "maps"},
    cost=Cost(text="1 forward, shared, and 1 map"),
    rewards="A map on another object too, as long as the class survives hiding the rest; small blobs; methods blind to "
    "the class.",
)
def adcc(case: Case) -> float:
    """0..1; 0 where any of the three is 0, or not defined: no map, or no contrast, of what is shown; no score.

    The correlation's -1..1 is shifted to 0..1, as in the authors' code: a map that turns into its opposite has
    coherency 0, and one that turns into something unrelated still has 0.5. That code explains the class that wins
    on what is shown; here, as in the paper, it is the class asked for.

    It asks nothing of where the map lies: it is high for a map on another object of the picture, as long as the class
    survives hiding the rest. It rewards methods that know no class for their coherency (the centre stays the centre),
    and through the complexity those that draw small blobs.
    """
    parts = (coherency(case), 1 - coverage.compute(case), 1 - drop.compute(case))
    if not all(part > 0 for part in parts):  # as NaN is not, either
        return 0.0
    return len(parts) / sum(1 / part for part in parts)


def coherency(case: Case) -> float:
    """Pearson's correlation of the map and the map of what it shows, shifted to 0..1; NaN where one has no contrast."""
    again = case.map_of(case.shown)
    one, other = _centred(case.values), _centred(again)
    norm = float(one.norm() * other.norm())
    return (1 + float(one @ other) / norm) / 2 if norm else nan


def _centred(values: Tensor) -> Tensor:
    values = values.cpu().double().flatten()
    return values - values.mean()
