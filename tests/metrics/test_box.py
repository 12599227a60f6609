"""The pointing game, by peak and by energy."""

import math

import numpy as np
import pytest
import torch

from camctl.errors import InputError
from camctl.metrics.box import energy, pointing
from tests.metrics.cases import case, noise, quantus

PEAK = [[0.0, 0.1, 0.0, 0.0], [0.0, 0.2, 1.0, 0.3], [0.0, 0.0, 0.4, 0.0]]  # at x 2.5, y 1.5
BOTH = pytest.mark.parametrize("figure", [pointing, energy], ids=["pointing", "energy"])


def points(box, **options):
    return pointing.compute(case(PEAK, box=box), **options)


def test_a_peak_in_the_box_wins():
    assert points((2, 1, 3, 2)) == 1.0


def test_a_peak_outside_the_box_loses():
    assert points((0, 0, 2, 3)) == 0.0
    assert points((0, 0, 4, 1)) == 0.0


def test_boxes_are_columns_first():
    assert points((1, 2, 2, 3)) == 0.0


def test_a_pixel_lies_where_its_centre_does_and_the_border_is_inside():
    assert points((2.5, 1.5, 4, 3)) == 1.0
    assert points((0, 0, 2.5, 1.5)) == 1.0
    assert points((2.51, 1, 4, 3)) == 0.0
    assert points((0, 0, 4, 1.49)) == 0.0


def test_there_is_no_tolerance_unless_asked_for():
    beside = (0, 0, 1.5, 3)  # one pixel to the left of the peak
    assert points(beside) == 0.0
    assert points(beside, tolerance=1) == 1.0


def test_tolerance_is_measured_as_the_crow_flies():
    across = (0, 0, 1.5, 0.5)  # one pixel left and one up
    assert points(across, tolerance=1) == 0.0
    assert points(across, tolerance=2) == 1.0


def test_a_tolerance_below_zero_is_a_wrong_option():
    with pytest.raises(InputError, match="tolerance must be 0 or more, not -1"):
        points((0, 0, 4, 3), tolerance=-1)


def test_of_equal_peaks_the_first_in_reading_order_counts():
    values = [[0.0, 1.0], [1.0, 1.0]]
    assert pointing.compute(case(values, box=(1, 0, 2, 1))) == 1.0
    assert pointing.compute(case(values, box=(0, 1, 2, 2))) == 0.0


def test_energy_is_the_share_of_the_sum_in_the_box():
    assert energy.compute(case(PEAK, box=(2, 1, 4, 3))) == pytest.approx(1.7 / 2.0)
    assert energy.compute(case(PEAK, box=(1, 0, 2, 2))) == pytest.approx(0.3 / 2.0)


def test_energy_counts_a_pixel_whose_centre_lies_on_the_border():
    assert energy.compute(case(PEAK, box=(2.5, 1.5, 2.5, 1.5))) == pytest.approx(0.5)
    assert energy.compute(case(PEAK, box=(2.51, 0, 3, 3))) == 0.0


def test_an_even_map_has_the_boxs_share_of_the_picture():
    assert energy.compute(case(torch.ones(8, 10), box=(2, 2, 7, 6))) == pytest.approx(20 / 80)


def test_a_map_of_zeros_has_no_energy_to_share():
    assert math.isnan(energy.compute(case(torch.zeros(2, 2), box=(0, 0, 1, 1))))


@BOTH
def test_without_a_box_there_is_no_figure(figure):
    with pytest.raises(InputError, match="Where the object is"):
        figure.compute(case(PEAK))
    assert figure.needs == {"box"}


def rounds():
    """Maps with a peak and boxes of many sizes, some around the peak and some not."""
    random = np.random.default_rng(0)
    for seed in range(40):
        values = noise((24, 40), seed)
        x0, y0 = random.uniform(0, 30), random.uniform(0, 18)
        yield values, (x0, y0, random.uniform(x0 + 1, 40), random.uniform(y0 + 1, 24))


def test_both_equal_quantus():
    kinds = quantus()
    y, x = np.mgrid[:24, :40] + 0.5
    won = []
    for values, (x0, y0, x1, y1) in rounds():
        one = case(values, box=(x0, y0, x1, y1))
        arguments = {
            "model": torch.nn.Identity(),
            "x_batch": np.zeros((1, 1, 24, 40)),
            "y_batch": np.array([0]),
            "a_batch": values.numpy()[None, None],
            "s_batch": ((x >= x0) & (x <= x1) & (y >= y0) & (y <= y1))[None, None],
        }
        asked = {"abs": False, "normalise": False, "disable_warnings": True}
        (hit,) = kinds.PointingGame(**asked)(**arguments)
        (mass,) = kinds.RelevanceMassAccuracy(**asked)(**arguments)
        won.append(pointing.compute(one))
        assert won[-1] == float(hit)
        assert energy.compute(one) == pytest.approx(float(mass), abs=1e-6)
    assert 0 < sum(won) < len(won)
