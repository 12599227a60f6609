"""Average drop and increase in confidence."""

import math

import pytest
import torch
from pytorch_grad_cam.metrics.cam_mult_image import DropInConfidence, IncreaseInConfidence
from pytorch_grad_cam.utils.model_targets import ClassifierOutputSoftmaxTarget

from camctl.metrics.confidence import drop, increase
from tests.metrics.cases import TARGET, case, grey, noise, softmax_case
from tests.models import TinyCnn, pictures, seeded

HALF_SHOWN = [[1.0, 0.0], [0.5, 0.5]]
SEEDS = range(4, 8)
"""Of random maps and pictures: two lower the score, two raise it."""


def test_drop_is_the_share_of_the_score_that_is_lost():
    one = case(HALF_SHOWN, grey([[0.8, 0.8], [0.8, 0.8]]))
    assert one.score == pytest.approx(0.8)
    assert drop.compute(one) == pytest.approx(0.5)


def test_drop_is_relative_to_the_score_there_was():
    assert drop.compute(case(HALF_SHOWN, grey([[0.4, 0.0], [0.4, 0.8]]))) == pytest.approx(1 - 1.0 / 1.6)


def test_hiding_what_speaks_against_the_class_is_an_increase_and_no_drop():
    one = case([[1.0, 0.0]], grey([[0.9, -0.5]]))
    assert (one.score, one.shown_score) == (pytest.approx(0.2), pytest.approx(0.45))
    assert drop.compute(one) == 0.0
    assert increase.compute(one) == 1.0


def test_an_equal_score_is_no_increase_and_no_drop():
    one = case([[1.0, 1.0]], grey([[0.5, 0.5]]))
    assert increase.compute(one) == 0.0
    assert drop.compute(one) == 0.0


def test_showing_everything_loses_nothing():
    assert drop.compute(case([[1.0, 1.0], [1.0, 1.0]])) == 0.0


def test_drop_is_not_defined_where_there_is_no_score_to_lose():
    assert math.isnan(drop.compute(case(HALF_SHOWN, grey([[0.0, 0.0], [0.0, 0.0]]))))


@pytest.mark.parametrize("figure", [drop, increase], ids=["drop", "increase"])
def test_a_score_that_is_no_number_makes_no_figure(figure):
    broken = case(HALF_SHOWN, score_of=lambda inputs: torch.full((len(inputs),), math.nan), score=0.5)
    assert math.isnan(figure.compute(broken))


def test_both_read_one_forward_pass():
    batches = []

    def score_of(inputs):
        batches.append(len(inputs))
        return inputs.mean((1, 2, 3))

    one = case(HALF_SHOWN, score_of=score_of, score=1.0)
    drop.compute(one)
    increase.compute(one)
    assert batches == [1]


@pytest.mark.parametrize("seed", SEEDS)
def test_both_equal_grad_cam(seed):
    one = softmax_case(seed=seed)
    arguments = (pictures(seed=seed), noise((32, 32), seed).numpy()[None], [ClassifierOutputSoftmaxTarget(TARGET)])
    module = seeded(TinyCnn())
    (lost,) = DropInConfidence()(*arguments, module)
    (gained,) = IncreaseInConfidence()(*arguments, module)
    assert drop.compute(one) * one.score == pytest.approx(float(lost), abs=1e-6)  # theirs is not divided by the score
    assert increase.compute(one) == float(gained)


def test_the_seeds_that_grad_cam_is_met_on_hold_both_outcomes():
    assert {increase.compute(softmax_case(seed=seed)) for seed in SEEDS} == {0.0, 1.0}
