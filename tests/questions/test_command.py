"""The questions in the words of the shell: run, compare and data sets."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from camctl.demo.scenes import render, scene
from camctl.results import open_results
from camctl.values.cam import BLANK
from tests.cli.conftest import camctl as camctl  # noqa: PLC0414 - the fixture

SEEDS = {"a": 6_000_000, "b": 6_000_001}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Two scenes, a mask, and `python:question_nets:...`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(Path(__file__).parent)
    for name, seed in SEEDS.items():
        Image.fromarray(render(scene(seed, 2), 112)).save(f"{name}.png")
    mask = np.zeros((112, 112), np.uint8)
    mask[:56] = 255
    Image.fromarray(mask).save("mask.png")


def first_of(name):
    return scene(SEEDS[name], 2).objects[0]


def words_of(box):
    return ",".join(f"{112 * edge:.1f}" for edge in box)


def test_likeness_is_drawn_on_both_pictures_of_the_pair(camctl):
    done = camctl("run", "a.png", "python:question_nets:encoder", "--like", "b.png", "--save-path", "pair", "--json")
    assert done.code == 0, done.err
    assert [(one["image"], one["target"]["label"]) for one in done.json["maps"]] == [
        ("a.png", "likeness to b.png"),
        ("b.png", "likeness to a.png"),
    ]
    assert {one["target"]["like"] for one in done.json["maps"]} == {"a.png", "b.png"}
    assert len({one["target"]["score"] for one in done.json["maps"]}) == 1
    assert sorted(file.name for file in Path("pair").iterdir()) == [
        "a_likeness-to-b.png_gradcam.png",
        "b_likeness-to-a.png_gradcam.png",
    ]


def test_region_of_a_class_is_a_box_a_mask_or_where_it_is_predicted(camctl):
    label = first_of("a").label
    for where, shown in (("0,0,112,56", "0,0,112,56"), ("mask.png", "mask.png"), ("predicted", "predicted")):
        words = ("--target-category", label, "--where", where, "--json", "--save-raw", "raw.npz")
        done = camctl("run", "a.png", "python:question_nets:segmenter", *words)
        assert done.code == 0, done.err
        (one,) = done.json["maps"]
        assert (one["target"]["label"], one["target"]["where"]) == (label, shown)
    boxes = [camctl("run", "a.png", "python:question_nets:segmenter", "--target-category", label, "--where", where,
                    "--json").json["maps"][0]["target"]["score"] for where in ("0,0,112,56", "mask.png")]  # fmt: skip
    assert boxes[0] == pytest.approx(boxes[1], abs=1e-6)


def test_box_is_chosen_by_its_place_or_number(camctl):
    sticker = first_of("a")
    done = camctl("run", "a.png", "python:question_nets:detector", "--target-box", words_of(sticker.box), "0", "--json")
    assert done.code == 0, done.err
    first = done.json["maps"][0]["target"]
    assert first["label"] == sticker.label
    assert len(first["box"]) == 4


@pytest.mark.parametrize(
    ("net", "words"),
    [
        ("segmenter", ("--target-category", first_of("a").label)),
        ("segmenter", ("--target-category", first_of("a").label, "--where", "mask.png")),
        ("detector", ("--target-box", "0")),
        ("encoder", ("--like", "b.png")),
        ("regressor", ("--target-category", f"{first_of('a').label}:up")),
    ],
)
def test_comparison_measures_ranks_and_describes_every_question(camctl, net, words):
    metrics = ("energy",) if net == "regressor" else ("insertion", "energy")
    done = camctl(
        *("compare", "a.png", f"python:question_nets:{net}", *words, "--method", "GradCAM", "AblationCAM"),
        *("--metrics", *metrics, "--baselines", "--box", words_of(first_of("a").box)),
        *("--save-path", "grid.png", "report.html", "grid.json", "--no-preview"),
    )
    assert done.code == 0, done.err
    manifest = json.loads(Path("grid.json").read_text("utf-8"))
    assert {one["method"] for one in manifest["maps"]} == {"GradCAM", "AblationCAM", "Random", "Centre", "Edges"}
    assert all(set(metrics) <= set(one["figures"]) for one in manifest["maps"])
    energy = {one["method"]: one["figures"]["energy"] for one in manifest["maps"]}
    if net != "encoder":  # b.png shows other objects
        assert energy["GradCAM"] > 2 * max(energy[name] for name in ("Random", "Centre", "Edges"))


@pytest.mark.parametrize(
    ("net", "words"),
    [
        ("segmenter", ()),
        ("segmenter", ("--where", "predicted")),
        ("segmenter", ("--target-category", first_of("a").label, "--where", "0,0,112,112")),
        ("regressor", ("--target-category", f"{first_of('a').label}:up")),
        ("detector", ("--target-box", "0")),
        ("encoder", ("--like", "b.png")),
        ("encoder", ()),
    ],
)
def test_data_set_has_a_row_for_every_picture_and_question(camctl, net, words):
    scenes()
    metric = "sparsity" if net == "regressor" else "insertion"
    done = camctl("run", "data", f"python:question_nets:{net}", *words, "--save-path", "out", "--workers", "0",
                  "--metrics", metric, "--json")  # fmt: skip
    assert done.code == 0, done.err
    results = open_results("out")
    assert len(results) == 5
    rows = list(results)
    assert [row["error"] for row in rows] == [None] * 5
    assert all(row[metric] is not None for row in rows if row["verdict"] not in BLANK), rows
    assert any(row["verdict"] == "ok" for row in rows), [(row["verdict"], row["reason"]) for row in rows]
    again = camctl("run", "data", f"python:question_nets:{net}", *words, "--save-path", "out", "--workers", "0",
                   "--metrics", metric, "--json")  # fmt: skip
    assert again.code == 0, again.err


def scenes():
    """Five pictures in the folder `data`, and the labels of each."""
    Path("data").mkdir()
    labels = {}
    for seed in range(5):
        drawn = scene(6_000_010 + seed, 2)
        Image.fromarray(render(drawn, 112)).save(f"data/{seed}.png")
        labels[f"{seed}.png"] = {sticker.label for sticker in drawn.objects}
    return labels


def test_region_without_a_class_asks_for_the_class_of_most_pixels_there(camctl):
    sticker = first_of("a")
    left, top, right, bottom = (112 * edge for edge in sticker.box)
    where = f"{left:.0f},{top:.0f},{right:.0f},{bottom:.0f}"
    done = camctl("run", "a.png", "python:question_nets:segmenter", "--where", where, "--json")
    assert done.code == 0, done.err
    assert done.json["maps"][0]["target"]["label"] == sticker.label
    refused = camctl("run", "a.png", "demo:resnet", "--where", "predicted")
    assert refused.code == 2
    assert "A region is asked of a dense output" in refused.err


def test_pictures_that_lack_what_is_asked_for_are_rows_without_a_map_and_no_failures(camctl):
    labels = scenes()
    common = ("data", "python:question_nets:detector", "--workers", "0", "--json")
    done = camctl("run", *common, "--target-category", "cat", "--boxes", "0.5", "--masks", "--save-path", "cats")
    assert done.code == 0, done.err
    rows = list(open_results("cats"))
    drawn = {row["id"]: row["verdict"] is not None for row in rows}
    assert drawn == {name: "cat" in there for name, there in labels.items()}
    assert 0 < sum(drawn.values()) < 5
    assert {row["reason"] for row in rows if not row["verdict"]} == {"No 'cat' is detected."}
    boxes = {row["id"]: row["target_box"] for row in rows}
    assert all((box is not None and len(box) == 4) == drawn[name] for name, box in boxes.items())
    parts = json.loads(Path("cats/boxes.json").read_text("utf-8"))
    assert {part["image_id"] for part in parts["annotations"]} == {row["index"] for row in rows if row["verdict"]}
    assert parts["annotations"][0]["threshold"]["name"] == "0.5"
    assert sum(parts["annotations"][0]["segmentation"]["counts"]) == 112 * 112
    masks = [np.asarray(Image.open(path)) for path in Path("cats/overlays").rglob("*.mask.png")]
    assert len(masks) == sum(drawn.values())
    assert all(mask.shape[:2] == (112, 112) and 0 < (mask > 0).mean() < 1 for mask in masks)
    none = camctl("run", *common, "--target-box", "7", "--save-path", "none")
    assert none.code == 0, none.err
    assert none.json["without_map"] == {"There is no detection 7.": 5}


def test_another_prediction_than_expected_is_exit_code_4_if_strict(camctl):
    labels = [sticker.label for sticker in scene(SEEDS["a"], 2).objects]
    predicted = camctl("run", "a.png", "demo:resnet", "--json").json["predictions"][0]["label"]
    other = next(label for label in labels if label != predicted)
    good = camctl("run", "a.png", "demo:resnet", "--expect", predicted, "--strict", "--json")
    assert (good.code, good.json["as_expected"], good.json["expected"]["label"]) == (0, True, predicted)
    bad = camctl("run", "a.png", "demo:resnet", "--expect", other, "--strict", "--json")
    assert (bad.code, bad.json["as_expected"]) == (4, False)
    words = camctl("run", "a.png", "demo:resnet", "--expect", other, "--no-preview")
    assert words.code == 0
    assert f"expected {other}" in words.err
    assert "another is predicted" in words.err
    assert camctl("run", "a.png", "demo:resnet", "--expect", "zebra").code == 2
    assert camctl("run", "a.png", "python:question_nets:encoder", "--expect", "cat").code == 2


def test_labels_of_a_data_set_are_what_is_expected(camctl):
    right, wrong = (Path(name) for name in ("right/cat", "wrong/dog"))
    for folder in (right, wrong):
        folder.mkdir(parents=True)
        Image.fromarray(render(scene(12, classes=["cat"]), 112)).save(folder / "0.png")
    common = ("demo:resnet", "--workers", "0", "--strict", "--expect")
    assert camctl("run", "right", *common, "label", "--save-path", "r").code == 0
    assert camctl("run", "wrong", *common, "label", "--save-path", "w").code == 4
    assert "--expect label" in camctl("run", "wrong", *common, "dog", "--save-path", "w").err


def test_boxes_and_masks_are_saved_drawn_and_printed(camctl):
    label = first_of("a").label
    done = camctl("run", "a.png", "demo:resnet", "--target-category", label, "--boxes", "0.5", "--masks",
                  "--save-path", "cam.png", "--json")  # fmt: skip
    assert done.code == 0, done.err
    (one,) = done.json["maps"]
    assert one["threshold"] == {"name": "0.5", "level": 0.5}
    written = json.loads(Path("cam.boxes.json").read_text("utf-8"))
    x, y, width, height = written["annotations"][0]["bbox"]
    assert one["segments"][0]["box"] == pytest.approx([x, y, x + width, y + height], abs=0.02)
    mask = np.asarray(Image.open("cam.mask.png"))
    assert mask.shape[:2] == (112, 112)
    assert (mask[..., 0] > 0).sum() == pytest.approx(sum(part["area"] for part in one["segments"]), rel=0.02)
    words = camctl("run", "a.png", "demo:resnet", "--boxes", "q95", "--save-path", "maps/", "--no-preview")
    assert "maps/boxes.json" in words.err
    assert camctl("run", "a.png", "demo:resnet", "--boxes", "much").code == 2


@pytest.mark.parametrize(
    ("net", "words"),
    [
        ("segmenter", ("--target-category", first_of("a").label, "--where", "0,0,112,112")),
        ("detector", ("--target-box", "0")),
        ("encoder", ("--like", "b.png")),
    ],
)
def test_raw_maps_of_a_question_are_the_baseline_of_the_same(camctl, net, words):
    asked = ("compare", "a.png", f"python:question_nets:{net}", *words, "--method", "GradCAM", "LayerCAM")
    assert camctl(*asked, "--save-raw", "raw.npz", "--no-preview").code == 0
    done = camctl(*asked, "--baseline", "raw.npz", "--no-preview")
    assert done.code == 0, done.err
