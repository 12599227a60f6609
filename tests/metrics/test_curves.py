"""Insertion and deletion."""

import math
import weakref

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from camctl.errors import InputError
from camctl.metrics.curves import CHUNK, blurred, deletion, insertion, order
from tests.metrics.cases import TARGET, brightness, case, grey, noise, quantus, softmax_case
from tests.models import TinyCnn, pictures, seeded

VALUES = [[0.4, 0.1], [0.2, 1.0]]  # places by value: (1, 1), (0, 0), (1, 0), (0, 1)
PICTURE = grey([[0.1, 0.2], [0.3, 0.4]])
BOTH = pytest.mark.parametrize("figure", [insertion, deletion], ids=["insertion", "deletion"])


def falling():
    """A case whose score is the sum of the picture's pixels, 1 in all: 1, 0.6, 0.5, 0.2, 0 while they are taken out."""
    return case(VALUES, PICTURE, brightness([[1.0, 1.0], [1.0, 1.0]]))


def rising():
    """A case whose score counts pixels that are as they were, by weights: 0, 0.4, 0.5, 0.8, 1 while they are put in."""
    weights = torch.tensor([[0.1, 0.2], [0.3, 0.4]])
    return case(VALUES, PICTURE, lambda inputs: ((inputs == PICTURE).all(1) * weights).sum((1, 2)))


def seen_by(figure, values, **options):
    """Every input that a figure asks the score of, and in what batches."""
    batches = []

    def score_of(inputs):
        batches.append(inputs.clone())
        return inputs.float().mean((1, 2, 3))

    values = torch.as_tensor(values)
    inputs = pictures(size=tuple(values.shape))
    figure.compute(case(values, inputs, score_of, score=0.5), **options)
    return inputs, torch.cat(batches), [len(batch) for batch in batches]


def test_deletion_is_the_area_under_the_falling_score():
    assert deletion.compute(falling(), steps=4) == pytest.approx((1.0 / 2 + 0.6 + 0.5 + 0.2 + 0.0 / 2) / 4)


def test_insertion_is_the_area_under_the_rising_score():
    assert insertion.compute(rising(), steps=4) == pytest.approx((0.0 / 2 + 0.4 + 0.5 + 0.8 + 1.0 / 2) / 4)


def test_fewer_steps_take_several_pixels_at_a_time():
    assert deletion.compute(falling(), steps=2) == pytest.approx((1.0 / 2 + 0.5 + 0.0 / 2) / 2)
    assert deletion.compute(falling(), steps=1) == pytest.approx(0.5)


def test_parts_that_are_not_equal_count_by_their_share_of_pixels():
    # One pixel, one pixel, two pixels.
    expected = (1.0 + 0.6) / 2 / 4 + (0.6 + 0.5) / 2 / 4 + (0.5 + 0.0) / 2 / 2
    assert deletion.compute(falling(), steps=3) == pytest.approx(expected)


def test_there_are_never_more_steps_than_pixels():
    assert deletion.compute(falling(), steps=100) == pytest.approx(deletion.compute(falling(), steps=4))


@BOTH
@pytest.mark.parametrize("steps", [0, -3])
def test_fewer_than_one_step_is_a_wrong_option(figure, steps):
    with pytest.raises(InputError, match=f"steps must be 1 or more, not {steps}"):
        figure.compute(falling(), steps=steps)


@BOTH
def test_thirty_steps_are_the_default(figure):
    assert figure.options == {"steps": 30}
    assert len(seen_by(figure, noise((8, 8)))[1]) == 31


def test_deletion_goes_from_the_picture_to_the_mean_colour():
    inputs, seen, _ = seen_by(deletion, noise((8, 8)))
    torch.testing.assert_close(seen[:1], inputs)
    assert not seen[-1].any()


def test_insertion_goes_from_the_blurred_picture_to_the_whole():
    inputs, seen, _ = seen_by(insertion, noise((8, 8)))
    torch.testing.assert_close(seen[:1], blurred(inputs))
    torch.testing.assert_close(seen[-1:], inputs)


@BOTH
def test_a_step_changes_whole_pixels_and_as_many_as_its_share(figure):
    _, seen, _ = seen_by(figure, noise((6, 10)), steps=15)
    changed = (seen != seen[0]).sum((2, 3))
    assert changed.tolist() == [[4 * step] * 3 for step in range(16)]


@BOTH
def test_only_a_chunk_of_inputs_is_scored_at_a_time(figure):
    *_, batches = seen_by(figure, noise((8, 8)))
    assert max(batches) == CHUNK
    assert sum(batches) == 31


@BOTH
def test_inputs_that_were_scored_are_let_go(figure):
    scored = []

    def score_of(inputs):
        assert not any(earlier() is not None for earlier in scored)
        scored.append(weakref.ref(inputs))
        return inputs.mean((1, 2, 3))

    figure.compute(case(noise((8, 8)), None, score_of, score=1.0))
    assert len(scored) == 4


@BOTH
def test_a_score_that_is_no_number_makes_no_figure(figure):
    broken = case(VALUES, score_of=lambda inputs: torch.full((len(inputs),), math.nan), score=0.5)
    assert math.isnan(figure.compute(broken))


@BOTH
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_given_on_as_it_came(figure, dtype):
    one = softmax_case(seeded(TinyCnn()).to(dtype))
    assert one.inputs.dtype is dtype
    whole = softmax_case(seeded(TinyCnn()))
    assert figure.compute(one) == pytest.approx(figure.compute(whole), abs=0.02)


# ------------------------------------------------------------------------------------------- order


def test_high_values_come_first():
    values = noise((9, 14))
    assert values.flatten()[order(case(values))].tolist() == sorted(values.flatten().tolist(), reverse=True)


def test_equal_values_come_by_the_signed_raw_map():
    raw = torch.tensor([[-1.0, -5.0, -2.0], [-3.0, 1.0, -4.0], [-6.0, -7.0, 2.0]])
    assert order(case(raw.clamp_min(0) / 2, raw=raw)).tolist() == [8, 4, 0, 2, 3, 5, 1, 6, 7]


def test_the_raw_map_decides_nothing_between_values_that_differ():
    values = noise((9, 14))
    assert torch.equal(order(case(values, raw=-values)), order(case(values)))


def test_values_that_are_level_in_the_raw_map_too_come_in_one_shuffled_order():
    assert order(case(torch.zeros(3, 3))).tolist() == [7, 2, 1, 4, 8, 6, 3, 0, 5]
    values = torch.tensor([[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    assert order(case(values)).tolist() == [4, 8, 7, 2, 1, 6, 3, 0, 5]


def test_wide_zeros_come_in_from_no_corner():
    values = torch.zeros(56, 56)
    values[20:24, 30:40] = torch.rand(4, 10, generator=torch.Generator().manual_seed(0)) + 0.1
    places = order(case(values))[40 : 40 + 400]
    rows, columns = places // 56, places % 56
    quarters = torch.stack([(rows < 28) & (columns < 28), (rows < 28) & (columns >= 28), (rows >= 28) & (columns < 28)])
    assert quarters.sum(1).tolist() == pytest.approx([100, 100, 100], abs=25)


# -------------------------------------------------------------------------- beside other packages


def kernel_of_the_authors():
    """As in their code: a dot in an 11 x 11 picture, through scipy's Gaussian filter."""
    dot = np.zeros((11, 11))
    dot[5, 5] = 1
    return torch.from_numpy(gaussian_filter(dot, 5)).float()


def blurred_by_the_authors(inputs):
    kernel = kernel_of_the_authors()
    return torch.nn.functional.conv2d(inputs, kernel.expand(3, 1, 11, 11).contiguous(), padding=5, groups=3)


@pytest.mark.parametrize("size", [(40, 28), (7, 5)])
def test_the_blur_is_the_authors(size):
    inputs = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(blurred(inputs), blurred_by_the_authors(inputs), rtol=1e-5, atol=1e-6)


def area_by_the_authors(one, before, after, pixels):
    """Their loop: `pixels` more at every step, by numpy's order, and the trapezoids of equal width."""
    places = np.flip(np.argsort(one.values.numpy().ravel()))
    picture, after = before.clone().reshape(3, -1), after.reshape(3, -1)
    scores = []
    for step in range(len(places) // pixels + 1):
        scores.append(float(one.score_of(picture.reshape(before.shape))[0]))
        at = places[pixels * step : pixels * (step + 1)].copy()
        picture[:, at] = after[:, at]
    return (sum(scores) - scores[0] / 2 - scores[-1] / 2) / (len(scores) - 1)


@pytest.mark.parametrize("seed", range(3))
def test_both_are_the_authors_with_their_number_of_steps(seed):
    one = softmax_case(seed=seed)
    inputs = one.inputs
    inserted = area_by_the_authors(one, blurred_by_the_authors(inputs), inputs, 32)
    deleted = area_by_the_authors(one, inputs, torch.zeros_like(inputs), 32)
    assert insertion.compute(one, steps=32) == pytest.approx(inserted, abs=1e-6)
    assert deletion.compute(one, steps=32) == pytest.approx(deleted, abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_deletion_is_the_area_under_quantus_pixel_flipping(seed):
    one = softmax_case(seed=seed, size=(24, 24))
    flipping = quantus().PixelFlipping(
        features_in_step=3 * 24,  # it flips channels one by one: three for each of our pixels
        normalise=False,
        perturb_baseline=0.0,
        disable_warnings=True,
    )
    # A shade apart, so that the channels of a pixel are flipped together.
    shades = torch.tensor([2e-5, 1e-5, 0.0]).reshape(3, 1, 1)
    (curve,) = flipping(
        model=seeded(TinyCnn()),
        x_batch=one.inputs.numpy(),
        y_batch=np.array([TARGET]),
        a_batch=(one.values + shades).numpy()[None],
        softmax=True,
    )
    scores = np.array([one.score, *curve])  # it leaves out the whole picture
    area = (scores[:-1] + scores[1:]).mean() / 2
    assert len(scores) == 25
    assert deletion.compute(one, steps=24) == pytest.approx(area, abs=1e-6)
