"""The first principal component: an SVD's values at a fraction of its cost, with a sign that never flips."""

import pytest
import torch

from camctl.engine.maps import principal, reduce


def evidence(n=2, channels=12, height=4, width=5, seed=0):
    return torch.randn(n, channels, height, width, generator=torch.Generator().manual_seed(seed))


def by_svd(sample):
    places = sample.flatten(1).T
    centred = places - places.mean(0)
    _, _, directions = torch.linalg.svd(centred, full_matrices=True)
    return (centred @ directions[0]).reshape(sample.shape[1:])


@pytest.mark.parametrize("channels", [3, 12, 20, 64], ids=["C<places", "C<places too", "C=places", "C>places"])
def test_the_principal_component_is_that_of_an_svd_up_to_its_sign(channels):
    values = evidence(channels=channels)
    for sample, found in zip(values, principal(values), strict=True):
        expected = by_svd(sample)
        sign = torch.sign((expected * found).sum())
        torch.testing.assert_close(found, sign * expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("channels", [3, 64])
def test_what_stands_out_is_positive_where_no_class_is_known(channels):
    found = principal(evidence(n=6, channels=channels), of_class=False)
    assert torch.equal(found.amax((1, 2)), found.abs().amax((1, 2)))


@pytest.mark.parametrize("channels", [3, 64])
def test_the_sign_follows_the_sum_over_channels(channels):
    values = evidence(n=6, channels=channels)
    total = values.sum(1)
    correlation = ((total - total.mean((1, 2), keepdim=True)) * principal(values)).sum((1, 2))
    assert bool((correlation > 0).all())


def test_the_sign_does_not_depend_on_the_order_of_channels_or_on_a_mirrored_picture():
    values = evidence()
    shuffled = values[:, torch.randperm(12, generator=torch.Generator().manual_seed(1))]
    torch.testing.assert_close(principal(values), principal(shuffled), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(principal(values), principal(values.flip(3)).flip(2), rtol=1e-4, atol=1e-4)


def test_the_largest_value_is_positive_where_the_sum_says_nothing():
    half = torch.tensor([[[-3.0, 1.0], [1.0, 1.0]]])
    values = torch.stack([torch.cat([half, -half])])  # the two channels cancel
    found = principal(values)
    assert found.flatten()[found.abs().argmax()] > 0
    torch.testing.assert_close(found[0], -half[0] * 2**0.5)


def test_both_gram_matrices_give_one_map():
    square = evidence(channels=20)
    wider = torch.cat([square, torch.zeros(2, 1, 4, 5)], 1)  # a channel more than places: the other branch
    fewer = torch.cat([square, torch.zeros(2, 20, 1, 5)], 2)  # more places than channels
    torch.testing.assert_close(principal(square), principal(wider), rtol=1e-4, atol=1e-4)
    assert principal(fewer).shape == (2, 5, 5)


def test_nan_and_infinity_give_nan_for_their_own_sample_alone():
    values = evidence(n=3)
    values[0, 0, 0, 0], values[2, 1, 1, 1] = float("nan"), float("inf")
    found = principal(values)
    assert torch.isnan(found[0]).all()
    assert torch.isnan(found[2]).all()
    torch.testing.assert_close(found[1:2], principal(values[1:2]))


@pytest.mark.parametrize("shape", [(1, 5, 1, 1), (1, 1, 3, 3)])
def test_one_place_or_one_channel_is_no_error(shape):
    values = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    found = principal(values)
    if shape[1] == 1:
        torch.testing.assert_close(found, values[:, 0] - values.mean(), rtol=1e-4, atol=1e-5)
    else:
        assert found.tolist() == [[[0.0]]]


def test_evidence_without_contrast_gives_zeros():
    assert principal(torch.ones(1, 4, 3, 3)).abs().max() < 1e-6


def test_the_sum_and_none_are_what_they_say():
    values = evidence()
    torch.testing.assert_close(reduce(values, "sum"), values.sum(1))
    assert reduce(values[:, 0], "none") is not None
    torch.testing.assert_close(reduce(values, "principal"), principal(values))
