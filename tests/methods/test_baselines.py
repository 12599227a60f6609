"""Random, Centre and Edges: what every method must beat."""

import math
import zlib

import numpy as np
import pytest
import torch
from scipy.ndimage import sobel

from camctl import registry
from camctl.errors import InputError
from camctl.methods.baseline_centre import centre
from camctl.methods.baseline_edges import edges
from camctl.methods.baseline_random import random
from tests.drawing import drawn
from tests.models import TinyCnn, TinyVit, counted, pictures, seeded

BASELINES = {"random": random, "centre": centre, "edges": edges}
EVERY = pytest.mark.parametrize("baseline", BASELINES.values(), ids=BASELINES)


def map_of(baseline, inputs=None, target=3, seed=0, **settings):
    """A baseline's map of a tiny network whose weights are drawn from `seed`."""
    inputs = pictures() if inputs is None else inputs
    (one,) = drawn(seeded(TinyCnn(), seed), inputs, ["block2.bn2"], [baseline], target, **settings)
    return one


@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_is_found_by_its_name(name):
    assert registry.pick("method", f"camctl[{name}]").plugin is BASELINES[name]


@EVERY
def test_a_baseline_says_that_others_must_beat_it(baseline):
    assert baseline.summary.startswith("Baseline that others must beat:")
    assert not baseline.discriminative


@EVERY
def test_a_baseline_knows_no_class_and_no_weights(baseline):
    one = map_of(baseline)
    assert one.verdict.name == "ok"
    assert torch.equal(map_of(baseline, target=1).values, one.values)
    assert torch.equal(map_of(baseline, seed=5).values, one.values)


@EVERY
def test_a_baseline_runs_the_model_no_second_time(baseline):
    module = seeded(TinyCnn())
    forward, batches = counted(module)
    drawn(module, pictures(), ["block2.bn2"], [baseline], 3, forward=forward)
    assert batches == [1]
    assert "gradients" not in baseline.needs


@EVERY
def test_a_baseline_works_on_tokens_and_on_pictures_that_are_not_square(baseline):
    inputs = pictures(size=(32, 64))
    (one,) = drawn(seeded(TinyVit(size=(32, 64))), inputs, ["layers.1.ln1"], [baseline], 3)
    assert one.verdict.name == "ok"
    assert one.values.shape == (32, 64)


@EVERY
def test_a_baseline_of_half_precision_is_computed_in_single(baseline):
    halved = pictures().half()
    (one,) = drawn(seeded(TinyCnn()).half(), halved, ["block2.bn2"], [baseline], 3)
    assert one.verdict.name == "ok"
    assert torch.equal(one.raw, map_of(baseline, halved.float()).raw)


# ------------------------------------------------------------------------------------------ random


def test_random_is_the_same_for_the_same_seed_and_picture_and_else_another():
    one = map_of(random)
    assert torch.equal(map_of(random).raw, one.raw)
    for other in (map_of(random, pictures(seed=9)), map_of(random, options={"seed": 1})):
        assert abs(torch.corrcoef(torch.stack([other.raw.flatten(), one.raw.flatten()]))[0, 1]) < 0.4


def test_random_peaks_all_over_the_place():
    peaks = {int(map_of(random, pictures(seed=seed)).raw.argmax()) for seed in range(40)}
    assert len(peaks) > 20  # of 64 places


def test_random_draws_noise_in_0_to_1_for_every_place_of_the_layers_grid():
    inputs = pictures()
    raw = map_of(random, inputs).raw
    assert raw.shape == (8, 8)
    stream = np.random.RandomState([0, zlib.crc32(inputs[0].numpy().tobytes())]).random_sample((8, 8))
    assert raw.numpy() == pytest.approx(stream)
    assert len(raw.unique()) == 64
    assert 0 <= raw.min() < 0.1
    assert 0.9 < raw.max() < 1


def test_random_gives_every_view_noise_of_its_own():
    plain, smooth = map_of(random).raw, map_of(random, aug_smooth=True).raw
    assert not torch.allclose(smooth, plain)
    assert not torch.allclose(smooth, smooth.flip(1))
    assert smooth.std() == pytest.approx(float(plain.std()) / math.sqrt(6), rel=0.2)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_random_refuses_a_seed_that_is_none(seed):
    with pytest.raises(InputError, match=f"not {seed}"):
        map_of(random, options={"seed": seed})


def test_random_leaves_numpys_own_generator_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - the one that is everybody's
    map_of(random)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


# ------------------------------------------------------------------------------------------ centre


def test_centre_falls_off_by_a_quarter_of_each_side():
    raw = map_of(centre, pictures(size=(40, 80))).raw
    for row, column in [(0, 0), (20, 40), (5, 61), (39, 12)]:
        y, x = (row + 0.5) / 40 - 0.5, (column + 0.5) / 80 - 0.5
        assert float(raw[row, column]) == pytest.approx(math.exp(-(y**2 + x**2) / (2 * 0.25**2)), rel=1e-5)


def test_centre_is_the_same_in_a_mirror():
    raw = map_of(centre).raw
    torch.testing.assert_close(raw, raw.flip(0))
    torch.testing.assert_close(raw, raw.flip(1))
    torch.testing.assert_close(map_of(centre, aug_smooth=True).values, map_of(centre).values)


# ------------------------------------------------------------------------------------------- edges


def test_edges_are_sobels_over_all_channels():
    inputs = pictures(size=(24, 40))
    along = [sobel(plane, axis, mode="nearest") for plane in inputs[0].numpy() for axis in (0, 1)]
    expected = torch.from_numpy(sum(part**2 for part in along) ** 0.5)
    torch.testing.assert_close(map_of(edges, inputs).raw, expected, rtol=1e-4, atol=1e-4)


def test_edges_of_a_step_by_hand():
    inputs = torch.zeros(1, 3, 32, 32)
    inputs[:, 0, :, 16:] = 0.5
    raw = map_of(edges, inputs).raw
    assert raw[:, 15:17].unique().tolist() == [4 * 0.5]
    assert raw.count_nonzero() == 2 * 32


def test_colours_of_one_brightness_have_an_edge():
    inputs = torch.zeros(1, 3, 32, 32)
    inputs[:, 0, :, :16] = inputs[:, 1, :, 16:] = 1.0
    assert float(map_of(edges, inputs).raw.max()) == pytest.approx(4 * math.sqrt(2))


def test_a_picture_without_edges_gives_a_flat_map():
    assert map_of(edges, torch.full((1, 3, 32, 32), 0.3)).verdict.name == "flat"


def test_edges_of_the_six_views_are_put_upright_again():
    plain, smooth = map_of(edges).raw, map_of(edges, aug_smooth=True).raw
    torch.testing.assert_close(smooth, plain, rtol=1e-4, atol=1e-5)  # the factors' mean is 1
    assert not torch.allclose(plain, plain.flip(1))
