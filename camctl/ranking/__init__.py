"""Which map to believe: how alike maps are, how methods stand by their figures, and what left its predecessor."""

from __future__ import annotations

from camctl.ranking.agreement import Agreement, agreement
from camctl.ranking.chance import FEWEST
from camctl.ranking.correlation import SIDE, map_correlation, rank_correlation, resized, ssim
from camctl.ranking.drift import Drift, drift
from camctl.ranking.sanity import FEW, LEAST_PICTURES, Likeness, SanityRow, sanity_rows, sanity_to_dict
from camctl.ranking.standings import RANKED, RankedAxis, Standing, standings, undecided

__all__ = [
    "FEW",
    "FEWEST",
    "LEAST_PICTURES",
    "RANKED",
    "SIDE",
    "Agreement",
    "Drift",
    "Likeness",
    "RankedAxis",
    "SanityRow",
    "Standing",
    "agreement",
    "drift",
    "map_correlation",
    "rank_correlation",
    "resized",
    "sanity_rows",
    "sanity_to_dict",
    "ssim",
    "standings",
    "undecided",
]
