"""Which map to believe: how alike maps are, how methods stand by their figures, and what left its predecessor."""

from __future__ import annotations

from camctl.ranking.agreement import Agreement, agreement
from camctl.ranking.chance import FEWEST
from camctl.ranking.correlation import map_correlation, rank_correlation, resized
from camctl.ranking.drift import Drift, drift
from camctl.ranking.standings import RANKED, RankedAxis, Standing, standings, undecided

__all__ = [
    "FEWEST",
    "RANKED",
    "Agreement",
    "Drift",
    "RankedAxis",
    "Standing",
    "agreement",
    "drift",
    "map_correlation",
    "rank_correlation",
    "resized",
    "standings",
    "undecided",
]
