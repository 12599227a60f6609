"""The rows of a data set are what `explain` and `compare` say of each picture."""

import numpy as np
import pytest
from PIL import Image

import camctl
from camctl.datasets import open_data
from camctl.demo.scenes import render, scene
from camctl.errors import InputError
from camctl.pipeline.dataset import explain_dataset
from camctl.values.request import Classes, Evaluation

SCORE = 1e-5
HALF = 1e-3
"""Largest difference of a map in half precision, as a share of its peak."""

MODELS = ["demo:resnet", "demo:vit", "demo:swin", "demo:t2t"]


@pytest.fixture
def scenes(tmp_path, monkeypatch):
    """Five labelled scenes with boxes, of three sizes, as a list."""
    monkeypatch.chdir(tmp_path)
    lines = ["path,label,x0,y0,x1,y1"]
    for number in range(5):
        drawn = scene(70 + number)
        side = (96, 128, 160)[number % 3]
        Image.fromarray(render(drawn, side)).save(f"{number}.png")
        lines.append(f"{number}.png,{drawn.objects[0].label},4,4,{side // 2},{side // 2}")
    (tmp_path / "list.csv").write_text("\n".join(lines), encoding="utf-8")
    return "list.csv"


def rows_of(results):
    """Rows with their maps, those of a picture together."""
    rows = list(results)
    maps = results.maps([row["row"] for row in rows])
    by_picture = {}
    for row, cam in zip(rows, maps, strict=True):
        by_picture.setdefault(row["path"], []).append((row, cam))
    return by_picture


def check_same(results, model, **asked):
    """Compare every row with `explain` of its picture."""
    found = rows_of(results)
    assert found
    for path, pairs in found.items():
        cams = camctl.explain(model, path, **asked).maps
        assert len(pairs) == len(cams)
        for (row, raw), cam in zip(pairs, cams, strict=True):
            assert row["error"] is None
            assert (row["verdict"], row["method"], row["target_index"]) == (cam.verdict, cam.method, cam.target.index)
            assert row["layers"] == list(cam.layers)
            assert row["target_score"] == pytest.approx(cam.target.score, abs=SCORE)
            assert row["versus"] == [other.label for other in cam.target.versus]
            peak = np.abs(cam.raw).max()
            assert np.abs(raw - cam.raw).max() <= HALF * peak
            assert row["view"] == pytest.approx(list(cam.view.box), rel=1e-6)


@pytest.mark.parametrize("asked", [{}, {"smooth": "aug"}], ids=["plain", "smooth"])
@pytest.mark.parametrize("name", MODELS)
def test_a_row_is_what_explain_says_of_the_picture(scenes, name, asked):
    model = camctl.load(name)
    check_same(explain_dataset(model, scenes, "out", workers=0, **asked), model, **asked)


@pytest.mark.parametrize(
    "asked",
    [
        {"targets": Classes(topk=2)},
        {"targets": Classes(versus=("auto",))},
        {"targets": "dog"},
        {"methods": ("gradcam", "eigencam", "layercam")},
        {"target_layers": ("backbone.layer3", "backbone.layer4"), "aggregate": "max"},
    ],
    ids=["topk", "versus", "named", "methods", "layers"],
)
def test_what_is_asked_of_a_data_set_is_what_is_asked_of_each_picture(scenes, asked):
    model = camctl.load("demo:resnet")
    check_same(explain_dataset(model, scenes, "out", workers=0, **asked), model, **asked)


def test_the_label_of_each_picture_is_explained_if_it_is_asked_for(scenes):
    model = camctl.load("demo:resnet")
    results = explain_dataset(model, scenes, "out", targets="label", workers=0)
    labels = {entry.path: entry.label for entry in open_data(scenes).entries}
    for path, ((row, raw),) in rows_of(results).items():
        (cam,) = camctl.explain(model, path, targets=labels[path]).maps
        assert row["target"] == labels[path] == row["label"]
        assert row["label_index"] == row["target_index"] == cam.target.index
        assert np.abs(raw - cam.raw).max() <= HALF * np.abs(cam.raw).max()


def test_figures_of_a_data_set_are_those_of_compare(scenes):
    model = camctl.load("demo:resnet")
    metrics = ("deletion", "pointing", "energy")
    results = explain_dataset(
        model, scenes, "out", methods="gradcam", evaluation=Evaluation(metrics=metrics), workers=0
    )
    boxes = {entry.path: entry.box for entry in open_data(scenes).entries}
    for path, ((row, _),) in rows_of(results).items():
        evaluation = Evaluation(metrics=metrics, boxes=tuple(map(int, boxes[path])))
        (cell,) = camctl.compare(model, path, methods="gradcam", evaluation=evaluation).cells
        assert {name: row[name] for name in metrics} == pytest.approx(dict(cell.figures), abs=1e-4)


@pytest.mark.parametrize("workers", [1, 2])
def test_worker_processes_change_nothing(scenes, workers):
    model = camctl.load("demo:resnet")
    alone = explain_dataset(model, scenes, "alone", workers=0)
    ahead = explain_dataset(model, scenes, "ahead", workers=workers, batch_size=2)
    for row, other in zip(alone, ahead, strict=True):
        assert row.pop("target_score") == pytest.approx(other.pop("target_score"), abs=SCORE)
        assert row.pop("peak") == pytest.approx(other.pop("peak"), rel=1e-4)
        first, second = row.pop("predictions"), other.pop("predictions")
        assert [one["index"] for one in first] == [one["index"] for one in second]
        assert row == other


def test_a_picture_without_a_class_above_the_threshold_is_no_error(data):
    model = camctl.load("python:dataset_nets:multi_label")
    scores = sorted(row["target_score"] for row in explain_dataset(model, data, "best", workers=0))
    threshold = (scores[2] + scores[3]) / 2
    results = explain_dataset(model, data, "out", targets=Classes(threshold=threshold), workers=0)
    without = 0
    for path, pairs in rows_of(results).items():
        assert all(row["error"] is None for row, _ in pairs)
        try:
            cams = camctl.explain(model, path, targets=Classes(threshold=threshold)).maps
        except InputError:
            without += 1
            assert [(row["verdict"], raw, row["reason"]) for row, raw in pairs] == [
                (None, None, f"No class scores above {threshold:g}.")
            ]
        else:
            assert [row["target"] for row, _ in pairs] == [cam.target.label for cam in cams]
    assert without == 3


def test_inputs_of_different_sizes_go_through_the_model_by_size(data):
    model = camctl.load("python:dataset_nets:ragged")
    results = explain_dataset(model, data, "out", workers=0)
    assert {(row["input_height"], row["grid_height"]) for row in results} == {(40, 10), (48, 12)}
    check_same(results, model)


def test_a_picture_in_a_data_set_of_one_is_explained(data):
    model = camctl.load("python:dataset_nets:net")
    check_same(explain_dataset(model, str(data / "cat" / "0000[0].png"), "out", workers=0), model)
