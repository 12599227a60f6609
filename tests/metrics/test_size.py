"""Coverage and sparsity."""

import itertools
import math

import numpy as np
import pytest
import torch

from camctl.metrics.size import coverage, sparsity
from tests.metrics.cases import case, noise, quantus


def test_coverage_is_the_mean_of_the_map():
    assert coverage.compute(case([[1.0, 0.0], [0.25, 0.25]])) == 0.375


def test_sparsity_of_one_bright_pixel_is_all_but_its_own_share():
    assert sparsity.compute(case([[0.0, 0.0], [0.0, 1.0]])) == 0.75


def test_an_even_map_has_no_sparsity():
    assert sparsity.compute(case(np.full((3, 5), 0.3))) == pytest.approx(0.0, abs=1e-12)


def test_sparsity_by_hand():
    # Values 1 to 4 in order weigh -3, -1, 1, 3: 10 of 4 * 10.
    assert sparsity.compute(case([[0.75, 0.25], [1.0, 0.5]])) == pytest.approx(0.25)


def test_sparsity_is_half_the_mean_difference_over_the_mean():
    values = noise((6, 7)) ** 2
    flat = values.double().flatten().tolist()
    difference = sum(abs(a - b) for a, b in itertools.product(flat, flat)) / len(flat) ** 2
    assert sparsity.compute(case(values)) == pytest.approx(difference / (2 * sum(flat) / len(flat)))


def test_sparsity_knows_neither_places_nor_scale():
    values = noise((6, 7))
    assert sparsity.compute(case(values.flip(1) / 3)) == pytest.approx(sparsity.compute(case(values)), abs=1e-7)


def test_a_map_of_zeros_has_no_sparsity_to_speak_of():
    assert math.isnan(sparsity.compute(case([[0.0, 0.0]])))


@pytest.mark.parametrize("power", [0.5, 1, 8])
def test_sparsity_equals_quantus(power):
    values = noise((24, 32)) ** power
    measure = quantus().Sparseness(normalise=False, abs=False, disable_warnings=True)
    (theirs,) = measure(
        model=torch.nn.Identity(),
        x_batch=np.zeros((1, 1, 24, 32)),
        y_batch=np.array([0]),
        a_batch=values.numpy()[None, None].copy(),
    )
    assert sparsity.compute(case(values)) == pytest.approx(float(theirs), abs=1e-5)


def test_neither_speaks_for_a_map():
    assert coverage.better == sparsity.better == "neither"
