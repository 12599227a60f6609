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
    summary="Harmonic mean of three: a small map, one that keeps the score, and one that is stable on what it shows.",
    paper="Poppi et al., 2021, arXiv:2104.10252",
    formula="3 / (1/coherency + 1/(1 - complexity) + 1/(1 - drop)),  "
    "coherency = (1 + Pearson(M, M')) / 2,  M' the map of the picture times M,  complexity = mean_ij M",
    better="higher",
    needs={"scores", "maps"},
    cost=Cost(text="1 forward, shared, and 1 map"),
    rewards="A map on another object too, if the class survives hiding the rest; small blobs; methods that ignore the "
    "class.",
)
def adcc(case: Case) -> float:
    """ADCC, 0..1; 0 if any of the three is 0 or undefined: a blank map of what is shown, no contrast, no score.

    The correlation (-1..1) is scaled to 0..1, as in the authors' code: a map that becomes its opposite has coherency 0,
    an unrelated one 0.5. That code explains the class that wins on what is shown; here, as in the paper, it is the
    class explained.

    The map's position does not matter: a map on another object scores high if the class survives hiding the rest.
    Methods that ignore the class have a high coherency (the centre stays the centre), and small blobs a low complexity.
    """
    parts = (coherency(case), 1 - coverage.compute(case), 1 - drop.compute(case))
    if not all(part > 0 for part in parts):  # also if one is NaN
        return 0.0
    return len(parts) / sum(1 / part for part in parts)


def coherency(case: Case) -> float:
    """Pearson's correlation of the map and the map of what it shows, scaled to 0..1; NaN if one has no contrast."""
    one, other = _centred(case.values), _centred(case.map_of(case.shown))
    norm = float(one.norm() * other.norm())
    return (1 + float(one @ other) / norm) / 2 if norm else nan


def _centred(values: Tensor) -> Tensor:
    values = values.cpu().double().flatten()
    return values - values.mean()
