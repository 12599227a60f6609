"""On a shared scale maps of one method can be compared, and others cannot."""

from dataclasses import replace

import numpy as np
import pytest

from camctl.render.layout.scale import shared_range, stretched
from tests.comparisons import comparison, without_map, worthless_map


@pytest.fixture(scope="module")
def maps():
    return comparison(methods=("GradCAM", "LayerCAM"))


def of_method(whole, place):
    return {number: cell.cam for number, cell in enumerate(whole.cells) if cell.cam and cell.at["method"] == place}


@pytest.mark.parametrize("method", [0, 1])
def test_each_map_ends_at_its_share_of_the_strongest_of_its_method(maps, method):
    ends = shared_range(maps)
    own = of_method(maps, method)
    full = max(cam.raw.max() for cam in own.values())
    for place, cam in own.items():
        assert ends[place] == pytest.approx((max(cam.raw.min(), 0) / full, cam.raw.max() / full))


def test_methods_of_other_units_do_not_move_each_other(maps):
    louder = [
        replace(cell, cam=replace(cell.cam, raw=1e6 * cell.cam.raw)) if cell.at["method"] == 1 else cell
        for cell in maps.cells
    ]
    before, after = shared_range(maps), shared_range(replace(maps, cells=tuple(louder)))
    assert all(after[place] == pytest.approx(ends) for place, ends in before.items())


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
    assert ends[0] == (0, 0)
    assert 1 not in ends


def test_values_that_are_no_numbers_spoil_no_neighbour(maps):
    spoilt = worthless_map(maps, {"method": 0})
    cam = replace(spoilt.cells[0].cam, raw=np.full_like(spoilt.cells[0].cam.raw, np.nan), verdict="not-finite")
    spoilt = replace(spoilt, cells=(replace(spoilt.cells[0], cam=cam), *spoilt.cells[1:]))
    assert all(np.isfinite(end) for ends in shared_range(spoilt).values() for end in ends)


def test_on_the_shared_scale_a_map_is_drawn_between_its_ends(maps):
    ends = shared_range(maps)
    for place, cam in enumerate(cell.cam for cell in maps.cells):
        values = stretched(cam, ends[place])
        span = ends[place][1] - ends[place][0]
        np.testing.assert_allclose(values, ends[place][0] + cam.values * span, atol=1e-6)
        assert values.max() <= 1
