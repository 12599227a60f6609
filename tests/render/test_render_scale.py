"""On a shared scale maps of one method can be compared, and others cannot."""

from dataclasses import replace

import numpy as np
import pytest

from camctl.render.layout.tiles import Tiles, shared_range
from camctl.render.overlay import overlay, whole
from camctl.values.look import Look
from tests.comparisons import comparison, without_map, worthless_map


@pytest.fixture(scope="module")
def maps():
    return comparison(methods=("GradCAM", "LayerCAM"))


def of_method(whole, place):
    return {cell: cell.cam for cell in whole.cells if cell.cam and cell.at["method"] == place}


@pytest.mark.parametrize("method", [0, 1])
def test_each_map_ends_at_its_share_of_the_strongest_of_its_method(maps, method):
    ends = shared_range(maps)
    own = of_method(maps, method)
    full = max(cam.raw.max() for cam in own.values())
    for cell, cam in own.items():
        assert ends[cell] == pytest.approx((max(cam.raw.min(), 0) / full, cam.raw.max() / full))


def test_methods_of_other_units_do_not_move_each_other(maps):
    louder = [
        replace(cell, cam=replace(cell.cam, raw=1e6 * cell.cam.raw)) if cell.at["method"] == 1 else cell
        for cell in maps.cells
    ]
    before, after = shared_range(maps), shared_range(replace(maps, cells=tuple(louder)))
    for one, other in zip(before.values(), after.values(), strict=True):
        assert one == pytest.approx(other)


def test_images_share_the_scale_of_a_method():
    both = comparison(seeds=(6_700_024, 6_702_026), targets=("cat",), methods=("GradCAM",))
    ends = shared_range(both)
    assert sum(high == 1 for _, high in ends.values()) == 1


def test_networks_have_scales_of_their_own():
    both = comparison(models=("resnet", "vit"), targets=("cat",), methods=("GradCAM",))
    assert [high for _, high in shared_range(both).values()] == [1, 1]


def test_a_map_worth_nothing_lies_at_zero_and_a_missing_one_nowhere(maps):
    dead = without_map(worthless_map(maps, {"method": 0}), {"method": 1}, "It failed.")
    ends = shared_range(dead)
    assert ends[dead.cells[0]] == (0, 0)
    assert dead.cells[1] not in ends


def test_values_that_are_no_numbers_spoil_no_neighbour(maps):
    spoilt = worthless_map(maps, {"method": 0})
    cam = replace(spoilt.cells[0].cam, raw=np.full_like(spoilt.cells[0].cam.raw, np.nan), verdict="not-finite")
    spoilt = replace(spoilt, cells=(replace(spoilt.cells[0], cam=cam), *spoilt.cells[1:]))
    assert all(np.isfinite(end) for ends in shared_range(spoilt).values() for end in ends)


def test_on_the_shared_scale_a_map_is_drawn_between_its_ends(maps):
    tiles = Tiles(maps, Look(scale="shared"))
    for cell, (low, high) in shared_range(maps).items():
        picture = tiles.picture_of(cell)(224, 224)
        expected = overlay(picture, low + cell.cam.values * (high - low), whole(picture.shape))
        assert np.abs(tiles.overlay(cell)(224, 224).astype(int) - expected).max() <= 1
