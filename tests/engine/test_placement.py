"""Where a map's light lies: at the border, all over, in one cell, or where an object is. Every map is drawn by hand."""

import pytest
import torch

from camctl.engine.verdict import placement

GRIDS = [(4, 4), (7, 7), (8, 8), (9, 9), (13, 13), (14, 14), (7, 13), (28, 28), (56, 56)]


def blob(height, width, row, column, reach):
    """A round object, its centre and its size as shares of the picture."""
    y = (torch.arange(height) + 0.5)[:, None] / height - row
    x = (torch.arange(width) + 0.5)[None] / width - column
    return torch.exp(-(y.square() + x.square()) / (2 * reach**2))


def dark(height, width):
    return torch.full((height, width), -0.1)


def strip(height, width, *sides):
    """Light on whole sides, one cell thick."""
    made = dark(height, width)
    for side in sides:
        made.select(*{"top": (0, 0), "bottom": (0, -1), "left": (1, 0), "right": (1, -1)}[side]).fill_(1.0)
    return made


def verdict(raw):
    found = placement("block", (raw)[None])[0]
    return found.name, bool(found.reason)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("reach", [0.1, 0.2, 0.4])
@pytest.mark.parametrize("at", [(0.5, 0.5), (0.5, 0.05), (0.95, 0.95), (0.0, 0.5), (0.8, 0.3)])
def test_an_object_in_the_middle_at_the_border_or_in_a_corner_is_ok(grid, at, reach):
    assert verdict(blob(*grid, *at, reach)) == ("ok", False)


@pytest.mark.parametrize("grid", [(7, 7), (8, 8), (14, 14)])
@pytest.mark.parametrize("side", ["top", "bottom", "left", "right"])
def test_an_object_that_lies_along_one_side_of_a_small_grid_is_ok(grid, side):
    assert verdict(strip(*grid, side))[0] == "ok"


@pytest.mark.parametrize("grid", [(7, 7), (8, 8), (9, 9), (13, 13), (14, 14), (28, 28), (56, 56), (112, 112)])
def test_a_frame_is_border_on_every_grid(grid):
    found = placement("block", (strip(*grid, "top", "bottom", "left", "right"))[None])[0]

    assert found.name == "border"
    assert "'block'" in found.reason
    assert "padding" in found.reason


@pytest.mark.parametrize("sides", [("bottom",), ("bottom", "right"), ("top", "left", "right")])
@pytest.mark.parametrize("side", [28, 56, 112])
def test_a_lit_side_is_border_where_a_cell_is_thinner_than_an_object(side, sides):
    faint = 0.05 * blob(side, side, 0.5, 0.5, 0.2)
    assert verdict(torch.maximum(strip(side, side, *sides), faint)) == ("border", True)


def test_an_object_that_fills_the_lower_part_of_a_fine_grid_is_ok():
    made = dark(56, 56)
    made[-12:] = 1.0
    assert verdict(made) == ("ok", False)


@pytest.mark.parametrize("grid", [(7, 7), (14, 14), (56, 56), (112, 112)])
def test_light_that_is_nearly_everywhere_is_diffuse(grid):
    level = 0.9 + 0.1 * torch.rand(*grid, generator=torch.Generator().manual_seed(0))
    level[grid[0] // 2, grid[1] // 2] = 0.0

    found = placement("block", (level)[None])[0]

    assert found.name == "diffuse"
    assert "brightest quarter" in found.reason


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("share", [0.5, 0.6, 0.7])
def test_a_large_object_of_even_light_is_ok(grid, share):
    height, width = grid
    made = dark(*grid)
    tall, wide = int(height * share**0.5), int(width * share**0.5)
    made[:tall, (width - wide) // 2 : (width - wide) // 2 + wide] = 1.0
    assert verdict(made) == ("ok", False)


def test_one_cell_of_many_with_nearly_all_the_light_is_ok_with_a_warning():
    made = 0.0005 * torch.ones(14, 14)
    made[3, 9] = 1.0

    found = placement("block", (made)[None])[0]

    assert found.name == "ok"
    assert "one cell of 196 (row 4, column 10)" in found.reason


def test_one_cell_of_few_is_an_object():
    made = dark(7, 7)
    made[3, 3] = 1.0
    assert verdict(made) == ("ok", False)


def test_a_small_object_of_a_few_cells_is_no_outlier():
    made = dark(14, 14)
    made[3:5, 9:11] = 1.0
    assert verdict(made) == ("ok", False)


def test_neither_scale_nor_what_speaks_against_the_class_counts():
    made = blob(14, 14, 0.4, 0.6, 0.1) - 0.2
    assert (
        placement("block", (made)[None])[0]
        == placement("block", (1e-6 * made)[None])[0]
        == placement("block", (1e6 * made)[None])[0]
    )


@pytest.mark.parametrize("grid", [(1, 5), (2, 2), (5, 2)])
def test_a_grid_without_an_inside_has_no_border(grid):
    assert verdict(torch.rand(*grid)) == ("ok", False)
