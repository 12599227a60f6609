"""ROAD, beside the package grad-cam's own and that of quantus."""

import math

import numpy as np
import pytest
import torch
from pytorch_grad_cam.metrics.road import (
    ROADCombined,
    ROADLeastRelevantFirstAverage,
    ROADMostRelevantFirstAverage,
)
from pytorch_grad_cam.utils.model_targets import ClassifierOutputSoftmaxTarget

import camctl
from camctl.errors import InputError
from camctl.metrics.curves import order
from camctl.metrics.road import road
from tests.comparisons import drawn_scene, network
from tests.metrics.cases import TARGET, case, noise, softmax_case
from tests.models import TinyCnn, seeded

pytestmark = pytest.mark.filterwarnings("ignore:__array_wrap__")  # grad-cam gives NumPy a tensor


def test_a_map_of_what_the_score_reads_keeps_it_and_the_opposite_map_loses_it():
    values = torch.linspace(1, 0, 64).reshape(8, 8)
    picture = torch.where(values > 0.9, 1.0, 0.0).expand(1, 3, 8, 8)
    right = case(values, picture, lambda inputs: inputs[:, :, 0, 0].mean(1).clamp(0, 1))
    opposite = case(1 - values, picture, right.score_of)
    assert road.compute(right) > 0.3
    assert road.compute(opposite) == pytest.approx(-road.compute(right), abs=0.02)


@pytest.mark.parametrize("seed", range(3))
def test_it_is_grad_cams_combined_score(seed):
    one = softmax_case(seed=seed)
    arguments = (one.inputs, one.values.numpy()[None], [ClassifierOutputSoftmaxTarget(TARGET)], seeded(TinyCnn()))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        (theirs,) = ROADCombined()(*arguments)
    assert road.compute(one) == pytest.approx(float(theirs), abs=1e-6)


@pytest.mark.parametrize("name", ["resnet", "vit"])
def test_it_is_grad_cams_on_the_demos_networks(name):
    """Of a map as it comes: where values are equal, grad-cam is given their places in our order."""
    model, picture = network(name), drawn_scene(6_700_024)
    (cell,) = camctl.compare(
        model, picture, targets=["cat"], evaluation=camctl.Evaluation(metrics=["road"], options={"steps": 3})
    ).cells
    inputs = model.preprocess(picture.pixels)[None]
    assert cell.cam is not None
    raw = torch.nn.functional.interpolate(
        torch.from_numpy(cell.cam.raw)[None, None], inputs.shape[2:], mode="bilinear", align_corners=False
    )[0, 0]
    places = order(case(torch.from_numpy(cell.cam.values), raw=raw))
    ranks = np.empty(len(places))
    ranks[places.numpy()] = np.linspace(1, 0, len(places))
    target = [ClassifierOutputSoftmaxTarget(cell.cam.target.index)]
    arguments = (inputs, ranks.reshape(1, *inputs.shape[2:]), target, model.forward)
    percentiles = [25, 50, 75]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        (least,) = ROADLeastRelevantFirstAverage(percentiles)(*arguments)
        (most,) = ROADMostRelevantFirstAverage(percentiles)(*arguments)
    assert cell.figures["road"] == pytest.approx(float(least - most) / 2, abs=1e-6)
    assert cell.figures["road"] > 0.05


def test_it_leaves_the_stream_of_random_numbers_as_it_was():
    one = softmax_case()
    state = torch.random.get_rng_state()
    first = road.compute(one)
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.rand(3)
    assert road.compute(one) == first


def test_a_plateau_is_replaced_part_by_part():
    """By grad-cam's thresholds it goes as a whole, and the system has nothing left to start from."""
    seen = []

    def score_of(inputs):
        seen.append(int((inputs == 1).all(1).sum()))
        return torch.full((len(inputs),), 0.5)

    values = torch.zeros(10, 10)
    values[4:6, 4:6] = 1
    assert road.compute(case(values, score_of=score_of, score=0.5)) == 0.0
    assert seen == 2 * [10, 20, 30, 40, 50, 60, 70, 80, 90]


def test_fewer_steps_are_fewer_passes_and_none_a_wrong_option():
    batches = []

    def score_of(inputs):
        batches.append(len(inputs))
        return torch.full((len(inputs),), 0.5)

    road.compute(case(noise((8, 8)), score_of=score_of, score=0.5), steps=2)
    assert sum(batches) == 4
    assert road.cost.text.startswith(f"{2 * road.options['steps']} forwards")
    with pytest.raises(InputError, match="steps must be 1 or more, not 0"):
        road.compute(case(noise((8, 8))), steps=0)


def test_a_score_that_is_no_number_makes_no_figure():
    broken = case(noise((8, 8)), score_of=lambda inputs: torch.full((len(inputs),), math.nan), score=0.5)
    assert math.isnan(road.compute(broken))
