"""From signed maps on their layers' grids to one map over the view."""

import cv2
import numpy as np
import pytest
import torch

from camctl.engine.maps import fuse, fuse_raw, resize, unit


def maps(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_unit_stretches_each_map_on_its_own():
    stretched = unit(torch.tensor([[[1.0, 3.0]], [[-8.0, 0.0]]]))
    assert stretched.tolist() == [[[0.0, 1.0]], [[0.0, 1.0]]]


def test_a_map_without_contrast_becomes_zeros():
    assert unit(torch.full((1, 2, 2), 7.0)).tolist() == [[[0.0, 0.0], [0.0, 0.0]]]


@pytest.mark.parametrize(("grid", "size"), [((7, 7), (224, 224)), ((4, 6), (50, 33)), ((1, 3), (8, 8))])
def test_resizing_aligns_pixel_centres_as_opencv_does(grid, size):
    small = maps(1, *grid)
    theirs = cv2.resize(small[0].numpy(), size[::-1], interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(resize(small, size)[0].numpy(), theirs, atol=1e-5)


def test_no_layer_outweighs_another_by_its_scale():
    one, other = maps(1, 4, 4), maps(1, 8, 8, seed=1)
    torch.testing.assert_close(fuse([one, other], (16, 16), "mean"), fuse([one * 1e4, other], (16, 16), "mean"))


@pytest.mark.parametrize("aggregate", ["mean", "max", "product"])
def test_one_layer_is_the_same_whatever_the_fusion(aggregate):
    one = maps(1, 4, 4)
    torch.testing.assert_close(fuse([one], (4, 4), aggregate), unit(one.clamp_min(0)))
    assert fuse_raw([one], aggregate) is one


def test_mean_max_and_product_are_what_they_say():
    one, other = torch.tensor([[[0.0, 1.0, 0.5]]]), torch.tensor([[[1.0, 0.0, 0.5]]])
    assert fuse([one, other], (1, 3), "mean").tolist() == [[[0.0, 0.0, 0.0]]]
    assert fuse([one, other], (1, 3), "max").tolist() == [[[1.0, 1.0, 0.0]]]
    assert fuse([one, other], (1, 3), "product").tolist() == [[[0.0, 0.0, 1.0]]]


def test_the_raw_fusion_is_signed_and_at_the_finest_grid():
    fused = fuse_raw([-maps(1, 4, 4).abs(), -maps(1, 8, 6, seed=1).abs()], "mean")
    assert fused.shape == (1, 8, 6)
    assert bool((fused < 0).all())


def test_a_product_of_raw_maps_keeps_a_sign_where_all_agree():
    fused = fuse_raw([torch.tensor([[[2.0, -2.0, 2.0]]]), torch.tensor([[[1.0, -1.0, -1.0]]])], "product")
    assert fused.tolist() == [[[1.0, -1.0, 0.0]]]


def test_the_result_spans_zero_to_one():
    for aggregate in ("mean", "max", "product"):
        fused = fuse([maps(2, 4, 4), maps(2, 7, 7, seed=1)], (20, 30), aggregate)
        assert fused.shape == (2, 20, 30)
        assert fused.amin((1, 2)).tolist() == [0.0, 0.0]
        torch.testing.assert_close(fused.amax((1, 2)), torch.ones(2))
