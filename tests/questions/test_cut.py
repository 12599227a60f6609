"""Boxes and masks out of a map: where its parts lie in the picture, to half a pixel, and how they are written."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

import camctl
from camctl.demo.scenes import render, scene
from camctl.errors import InputError
from camctl.files.coco import coco, picture_mask, run_lengths
from camctl.render.marks import draw_mark
from camctl.values.segments import Cut, otsu, segments
from camctl.values.view import View

WHOLE = View(size=(8, 8), box=(0.0, 0.0, 8.0, 8.0))


def light(*rectangles, size=8):
    """A map that is 1 in some rectangles (left, top, right, bottom) and 0.1 elsewhere."""
    values = np.full((size, size), 0.1, np.float32)
    for left, top, right, bottom in rectangles:
        values[top:bottom, left:right] = 1
    return values


@pytest.mark.parametrize("threshold", ["otsu", "0.5", "q80"])
def test_box_runs_along_the_edges_of_its_outermost_pixels(threshold):
    (part,) = segments(light((2, 1, 6, 5)), WHOLE, Cut(threshold))
    assert part.box == (2, 1, 6, 5)
    assert (part.area, part.score) == (16, 1)


def test_box_of_a_cropped_and_resized_view_lies_where_the_picture_is_light():
    # Every pixel of the input shows 10 x 5 pixels of the picture, from (100, 40) on.
    view = View(size=(8, 8), box=(100.0, 40.0, 180.0, 80.0))
    (part,) = segments(light((2, 1, 6, 5)), view, Cut("0.5"))
    assert part.box == (120, 45, 160, 65)
    assert part.area == 40 * 20


def test_each_part_has_its_own_box_the_largest_first_and_corners_do_not_join():
    first, second, third = segments(light((0, 0, 2, 2), (2, 2, 5, 5), (7, 0, 8, 1)), WHOLE, Cut("0.5"))
    assert (first.box, second.box, third.box) == ((2, 2, 5, 5), (0, 0, 2, 2), (7, 0, 8, 1))
    assert not (first.mask & second.mask).any()


def test_blank_map_has_no_part():
    assert segments(np.zeros((4, 4), np.float32), WHOLE, Cut()) == ()


def test_otsus_threshold_is_opencvs_to_a_level():
    random = np.random.default_rng(0)
    values = np.clip(np.concatenate([random.normal(0.2, 0.08, 5000), random.normal(0.7, 0.1, 800)]), 0, 1)
    levels = np.round(values * 255).astype(np.uint8)
    theirs, _ = cv2.threshold(levels, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    assert otsu(values) == pytest.approx(theirs / 255, abs=2 / 255)


@pytest.mark.parametrize("threshold", ["", "otso", "0", "1.5", "q100", "q", "nan", "-0.5"])
def test_threshold_that_is_none_is_refused_with_the_three_forms(threshold):
    with pytest.raises(InputError, match="no threshold") as raised:
        Cut(threshold)
    assert "otsu" in raised.value.hint
    assert "q95" in raised.value.hint


def explained(**targets):
    drawn = scene(11, classes=["cat"])
    explanation = camctl.explain("demo:resnet", render(drawn, 150), **targets)
    return drawn, explanation


def test_box_of_a_map_overlaps_the_object():
    drawn, explanation = explained(targets="cat")
    (x0, y0, x1, y1) = explanation.maps[0].segments("otsu")[0].box
    left, top, right, bottom = (edge * 150 for edge in drawn.objects[0].box)
    inside = max(0, min(x1, right) - max(x0, left)) * max(0, min(y1, bottom) - max(y0, top))
    assert inside / ((x1 - x0) * (y1 - y0) + (right - left) * (bottom - top) - inside) > 0.5


def test_coco_names_picture_class_threshold_and_the_exact_pixels():
    _, explanation = explained(targets=["cat", "dog"], methods=["GradCAM"])
    cut = Cut("0.5", masks=True)
    written = json.loads(json.dumps(coco(explanation, cut)))
    assert written["images"] == [{"id": 0, "file_name": "<array>", "width": 150, "height": 150}]
    assert [entry["name"] for entry in written["categories"]] == ["cat", "dog"]
    first = written["annotations"][0]
    assert (first["threshold"], first["method"]) == ({"name": "0.5", "level": 0.5}, "GradCAM")
    counts, size = first["segmentation"]["counts"], first["segmentation"]["size"]
    mask = np.repeat(np.arange(len(counts)) % 2, counts).reshape(size, order="F").astype(bool)
    cam = explanation.maps[0]
    part = cam.segments(cut)[0]
    assert np.array_equal(mask, picture_mask(cam, [part]))
    rows, columns = np.nonzero(mask)
    x, y, width, height = first["bbox"]
    pixel = 150 / cam.view.size[0]
    # The centres of all its pixels lie within the box, and reach its edges to less than a pixel.
    assert x <= columns.min() + 0.5 < x + max(pixel, 1)
    assert x + width - max(pixel, 1) < columns.max() + 0.5 <= x + width
    assert y <= rows.min() + 0.5
    assert rows.max() + 0.5 <= y + height
    assert mask.sum() == pytest.approx(first["area"], rel=0.05)


def test_run_lengths_are_coco_tools_where_those_are_there():
    tools = pytest.importorskip("pycocotools.mask")
    mask = np.random.default_rng(0).random((7, 5)) > 0.5
    packed = tools.frPyObjects(run_lengths(mask), 7, 5)
    assert np.array_equal(tools.decode(packed).astype(bool), mask)


@pytest.mark.parametrize("canvas", ["view", "original"])
def test_outline_of_a_box_lies_on_its_edge_inside(canvas):
    box, view = (20.0, 10.0, 60.0, 50.0), View(size=(50, 50), box=(0.0, 0.0, 100.0, 100.0))
    picture = np.full((50, 50, 3) if canvas == "view" else (100, 100, 3), 128, np.uint8)
    draw_mark(picture, box, view.box, view)
    drawn = (picture != 128).any(2)
    rows, columns = np.nonzero(drawn)
    scale = picture.shape[0] / 100
    edges = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert edges == tuple(edge * scale for edge in box)
    assert not drawn[rows.min() + 8 : rows.max() - 8, columns.min() + 8 : columns.max() - 8].any()


def test_overlay_draws_what_is_cut_out_and_nothing_else():
    _, explanation = explained(targets="cat")
    cam = explanation.maps[0]
    plain, cut = cam.overlay(), cam.overlay(cut=Cut("0.5"))
    changed = np.argwhere((plain != cut).any(2))
    (x0, y0, x1, y1) = (edge * cam.view.size[0] / 150 for edge in cam.segments("0.5")[0].box)
    assert (changed.min(0) == np.round([y0, x0])).all()
    assert (changed.max(0) + 1 == np.round([y1, x1])).all()
    assert np.array_equal(replace(cam).overlay(), plain)
