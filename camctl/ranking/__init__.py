"""Which map to believe: how similar maps are, how methods rank by their metrics, and what changed since a baseline."""

from __future__ import annotations

from camctl.ranking.agreement import Agreement, agreement
from camctl.ranking.chance import FEWEST
from camctl.ranking.correlation import SIDE, map_correlation, rank_correlation, resized, ssim
from camctl.ranking.drift import Drift, drift
from camctl.ranking.sanity import FEW, LEAST_PICTURES, Likeness, SanityRow, sanity_rows, sanity_to_dict
from camctl.ranking.standings import RANKED, Ladder, RankedAxis, Standing, ladders, standings, undecided
from camctl.ranking.words import (
    beaten_texts,
    correlation_text,
    interval_text,
    likeness_text,
    stage_headings,
    too_few,
)

__all__ = [
    "FEW",
    "FEWEST",
    "LEAST_PICTURES",
    "RANKED",
    "SIDE",
    "Agreement",
    "Drift",
    "Ladder",
    "Likeness",
    "RankedAxis",
    "SanityRow",
    "Standing",
    "agreement",
    "beaten_texts",
    "correlation_text",
    "drift",
    "interval_text",
    "ladders",
    "likeness_text",
    "map_correlation",
    "rank_correlation",
    "resized",
    "sanity_rows",
    "sanity_to_dict",
    "ssim",
    "stage_headings",
    "standings",
    "too_few",
    "undecided",
]
