"""Which map to believe: how alike maps are, how methods stand by their figures, and what left its predecessor."""

from __future__ import annotations

from camctl.ranking.agreement import Agreement, agreement
from camctl.ranking.correlation import map_correlation, rank_correlation, resized
from camctl.ranking.drift import Drift, drift
from camctl.ranking.standings import Standing, standings

__all__ = [
    "Agreement",
    "Drift",
    "Standing",
    "agreement",
    "drift",
    "map_correlation",
    "rank_correlation",
    "resized",
    "standings",
]
