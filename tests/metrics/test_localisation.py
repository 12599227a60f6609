"""The pointing game, by peak and by energy, and intersection over union."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage
from sklearn.metrics import jaccard_score
from torchvision.ops import box_iou

from camctl.errors import InputError
from camctl.metrics.localisation import energy, iou, pointing
from tests.metrics.cases import case, inside, noise, quantus

PEAK = [[0.0, 0.1, 0.0, 0.0], [0.0, 0.2, 1.0, 0.3], [0.0, 0.0, 0.4, 0.0]]  # at x 2.5, y 1.5
EVERY = pytest.mark.parametrize("figure", [pointing, energy, iou], ids=["pointing", "energy", "iou"])


def boxed(values, box):
    """A map put to the test with a box."""
    values = torch.as_tensor(values, dtype=torch.float32)
    return case(values, region=inside(box, tuple(values.shape)))


def points(box, **options):
    return pointing.compute(boxed(PEAK, box), **options)


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
    assert pointing.compute(boxed(values, (1, 0, 2, 1))) == 1.0
    assert pointing.compute(boxed(values, (0, 1, 2, 2))) == 0.0


def test_energy_is_the_share_of_the_sum_in_the_box():
    assert energy.compute(boxed(PEAK, (2, 1, 4, 3))) == pytest.approx(1.7 / 2.0)
    assert energy.compute(boxed(PEAK, (1, 0, 2, 2))) == pytest.approx(0.3 / 2.0)


def test_energy_counts_a_pixel_whose_centre_lies_on_the_border():
    assert energy.compute(boxed(PEAK, (2.5, 1.5, 2.5, 1.5))) == pytest.approx(0.5)


def test_an_even_map_has_the_boxs_share_of_the_picture():
    assert energy.compute(boxed(torch.ones(8, 10), (2, 2, 7, 6))) == pytest.approx(20 / 80)


def test_a_map_of_zeros_has_no_energy_to_share():
    assert math.isnan(energy.compute(boxed(torch.zeros(2, 2), (0, 0, 1, 1))))


@EVERY
def test_without_a_region_there_is_no_figure(figure):
    with pytest.raises(InputError, match="position is not known"):
        figure.compute(case(PEAK))
    assert figure.needs == {"region"}


L_SHAPED = torch.tensor([[1, 0, 0, 0], [1, 0, 0, 0], [1, 1, 1, 0]]).bool()


def test_peak_and_energy_are_looked_for_in_a_mask():
    assert pointing.compute(case(PEAK, region=L_SHAPED)) == 0.0
    assert pointing.compute(case(PEAK, region=~L_SHAPED)) == 1.0
    assert energy.compute(case(PEAK, region=L_SHAPED)) == pytest.approx(0.4 / 2.0)


def test_tolerance_is_the_distance_from_the_nearest_pixel_of_a_mask():
    assert pointing.compute(case(PEAK, region=L_SHAPED), tolerance=1) == 1.0


# ------------------------------------------------------------------------------------------- union


def test_iou_of_a_box_is_that_of_the_box_around_the_largest_part():
    values = [[0.0, 0.5, 0.0, 0.0], [1.0, 0.3, 0.0, 0.0], [0.0, 0.0, 0.0, 0.9]]
    # The largest part is the upper three: their box is 2 x 2, the lower right one does not touch it.
    assert iou.compute(boxed(values, (0, 0, 2, 2))) == 1.0
    assert iou.compute(boxed(values, (0, 0, 2, 3))) == pytest.approx(4 / 6)
    assert iou.compute(boxed(values, (1, 1, 4, 3))) == pytest.approx(1 / 9)


def test_parts_that_touch_by_a_corner_are_two_parts():
    values = [[1.0, 0.0, 0.0], [0.0, 1.0, 1.0], [0.0, 0.0, 0.0]]
    assert iou.compute(boxed(values, (1, 1, 3, 2))) == 1.0


def test_iou_of_a_mask_is_that_of_the_pixels():
    values = 0.1 + 0.8 * L_SHAPED
    assert iou.compute(case(values, region=L_SHAPED)) == 1.0
    assert iou.compute(case(values.flip(1), region=L_SHAPED)) == pytest.approx(2 / 8)


def test_the_threshold_is_a_share_of_the_maximum_and_0_2_by_default():
    values = [[0.5, 0.1, 0.09], [0.0, 0.0, 0.0]]
    assert iou.options == {"threshold": 0.2}
    assert iou.compute(boxed(values, (0, 0, 2, 1))) == 1.0
    assert iou.compute(boxed(values, (0, 0, 2, 1)), threshold=0.3) == 0.5


@pytest.mark.parametrize("threshold", [0, -0.2, 1.1])
def test_a_threshold_outside_0_to_1_is_a_wrong_option(threshold):
    with pytest.raises(InputError, match="threshold must be above 0 and at most 1"):
        iou.compute(boxed(PEAK, (0, 0, 2, 2)), threshold=threshold)


def test_a_map_of_zeros_has_no_iou():
    assert math.isnan(iou.compute(boxed(torch.zeros(2, 2), (0, 0, 1, 1))))


@pytest.mark.parametrize("seed", range(10))
def test_iou_of_a_mask_equals_scikit_learns_jaccard_score(seed):
    values = noise((24, 40), seed)
    region = noise((24, 40), seed + 100) > 0.6
    expected = jaccard_score(region.ravel(), (values >= 0.2 * values.max()).ravel())
    assert iou.compute(case(values, region=region)) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("seed", range(10))
def test_iou_of_a_box_equals_scipys_largest_part_and_torchvisions_iou(seed):
    smooth = torch.nn.functional.interpolate(noise((5, 8), seed)[None, None] ** 4, (24, 40), mode="bilinear")[0, 0]
    parts = ndimage.label((smooth >= 0.2 * smooth.max()).numpy())[0]
    largest = 1 + np.bincount(parts.ravel())[1:].argmax()
    rows, columns = ndimage.find_objects(parts)[largest - 1]
    theirs = torch.tensor([[columns.start, rows.start, columns.stop, rows.stop]])
    box = torch.tensor([[6, 4, 30, 15]])
    assert iou.compute(boxed(smooth, tuple(box[0].tolist()))) == pytest.approx(float(box_iou(box, theirs)), abs=1e-6)


# -------------------------------------------------------------------------- beside other packages


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
        one = boxed(values, (x0, y0, x1, y1))
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
