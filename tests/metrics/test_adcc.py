"""ADCC and its parts."""

import math

import pytest
import torch
from scipy.stats import hmean, pearsonr

from camctl.metrics.adcc import adcc, coherency
from camctl.metrics.confidence import drop
from tests.metrics.cases import brightness, case, grey, noise, softmax_case

CORNER = [[1.0, 0.0], [0.0, 0.0]]
LEFT = [[1.0, 0.0], [1.0, 0.0]]
OF_THE_CORNER = brightness(CORNER)


def again(values):
    """What the map of the shown picture is."""
    return {"map_of": lambda _inputs: torch.tensor(values)}


def test_a_map_that_stays_and_keeps_the_score_is_held_back_by_its_size_alone():
    one = case(CORNER, score_of=OF_THE_CORNER, **again(CORNER))
    assert adcc.compute(one) == pytest.approx(3 / (1 / 1 + 1 / 0.75 + 1 / 1))


def test_an_unrelated_map_of_what_is_shown_has_half_the_coherency():
    one = case(LEFT, **again([[1.0, 1.0], [0.0, 0.0]]))
    assert coherency(one) == pytest.approx(0.5)
    assert drop.compute(one) == pytest.approx(0.5)
    assert adcc.compute(one) == pytest.approx(0.5)


def test_a_negative_correlation_is_shifted_and_not_cut_off():
    one = case(CORNER, score_of=OF_THE_CORNER, **again([[0.0, 1.0], [0.0, 0.0]]))
    assert coherency(one) == pytest.approx((1 - 1 / 3) / 2)
    assert adcc.compute(one) == pytest.approx(3 / (3 + 1 / 0.75 + 1))


def test_a_map_that_turns_into_its_opposite_is_worth_nothing():
    one = case(LEFT, score_of=OF_THE_CORNER, **again([[0.0, 1.0], [0.0, 1.0]]))
    assert coherency(one) == pytest.approx(0.0)
    assert adcc.compute(one) == 0.0


def test_a_map_that_vanishes_has_no_coherency_and_is_worth_nothing():
    one = case(CORNER, score_of=OF_THE_CORNER, **again([[0.0, 0.0], [0.0, 0.0]]))
    assert math.isnan(coherency(one))
    assert adcc.compute(one) == 0.0


def test_a_map_that_loses_the_whole_score_is_worth_nothing():
    one = case(CORNER, score_of=brightness([[0.0, 1.0], [0.0, 0.0]]), **again(CORNER))
    assert drop.compute(one) == 1.0
    assert adcc.compute(one) == 0.0


def test_where_there_is_no_score_to_lose_it_is_worth_nothing():
    one = case(CORNER, grey(torch.zeros(2, 2)), **again(CORNER))
    assert math.isnan(drop.compute(one))
    assert adcc.compute(one) == 0.0


def test_the_second_map_is_that_of_the_shown_picture():
    given = []

    def map_of(inputs):
        given.append(inputs)
        return torch.tensor(LEFT)

    adcc.compute(case(LEFT, grey([[0.2, 0.4], [0.6, 0.8]]), map_of=map_of))
    (shown,) = given
    torch.testing.assert_close(shown, grey([[0.2, 0.0], [0.6, 0.0]]))


@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_harmonic_mean_of_the_authors_parts(seed):
    one = softmax_case(seed=seed)
    other = 0.3 * one.values + 0.7 * noise((32, 32), seed + 100)
    object.__setattr__(one, "map_of", lambda _inputs: other)
    coherent = (pearsonr(one.values.numpy().ravel(), other.numpy().ravel()).statistic + 1) / 2
    lost = max(0.0, one.score - one.shown_score) / one.score
    parts = [coherent, 1 - float(one.values.abs().sum()) / 32**2, 1 - lost]
    assert adcc.compute(one) == pytest.approx(hmean(parts), abs=1e-6)
