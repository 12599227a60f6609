"""Change of the score if only what the map shows is left: average drop, and increase in confidence."""

from __future__ import annotations

from math import isnan, nan

from camctl.plugin import Case, Cost, metric

PAPER = "Chattopadhay et al., 2017, arXiv:1710.11063"
COST = Cost(text="1 forward, shared")


@metric(
    name="Average drop",
    summary="Share of the score that is lost when only what the map shows is left.",
    paper=PAPER,
    formula="max(0, Y - O) / Y,  Y the score of the picture, O of the picture times the map",
    better="lower",
    needs={"scores"},
    cost=COST,
    rewards="Large maps: one that shows everything loses nothing. Compare it with the coverage.",
)
def drop(case: Case) -> float:
    """Drop, 0..1; the paper's average is the mean over pictures. NaN if a score is NaN, or if Y = 0."""
    if isnan(case.shown_score) or not case.score:
        return nan
    return max(0.0, case.score - case.shown_score) / case.score


@metric(
    name="Increase in confidence",
    summary="Whether the score rises when only what the map shows is left.",
    paper=PAPER,
    formula="1 if O > Y else 0,  Y the score of the picture, O of the picture times the map",
    better="higher",
    needs={"scores"},
    cost=COST,
    rewards="Low scores of the picture: 0.99 can hardly rise. A small rise counts as much as a large one.",
)
def increase(case: Case) -> float:
    """1.0 or 0.0; the paper's figure is the share of pictures. NaN if a score is NaN."""
    if isnan(case.shown_score) or isnan(case.score):
        return nan
    return float(case.shown_score > case.score)
