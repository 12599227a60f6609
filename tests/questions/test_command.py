"""The questions in the words of the shell: run, compare and data sets."""

import json
import re
import shlex
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from camctl import explain
from camctl.demo.scenes import render, scene
from camctl.results import open_results
from camctl.values.cam import BLANK
from camctl.values.questions import Likeness
from tests.cli.conftest import camctl as camctl  # noqa: PLC0414 - the fixture

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/schemas/camctl-1.schema.json").read_text("utf-8"))

SEEDS = {"a": 6_000_000, "b": 6_000_001}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Two scenes, a mask, and `demo:...`."""
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
    done = camctl("run", "a.png", "demo:encoder", "--like", "b.png", "--save-path", "pair", "--json")
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


def test_comparison_draws_the_likeness_of_each_pair_both_ways_as_run_does(camctl):
    common = ("a.png", "demo:encoder", "--like", "b.png", "mask.png", "--method", "GradCAM", "LayerCAM")
    assert camctl("run", *common, "--save-raw", "run.npz").code == 0
    done = camctl("compare", *common, "--save-raw", "compare.npz", "--save-path", "pair.png", "pair.html", "--json")
    assert done.code == 0, done.err
    asked = [(one["image"], one["target"]["like"], one["method"]) for one in done.json["maps"]]
    pairs = [("a.png", "b.png"), ("b.png", "a.png"), ("a.png", "mask.png"), ("mask.png", "a.png")]
    assert asked == [(*pair, method) for pair in pairs for method in ("GradCAM", "LayerCAM")]
    with np.load("run.npz") as first, np.load("compare.npz") as second:
        order = [
            (one["image"], one["target"]["like"], one["method"]) for one in json.loads(str(first["manifest"]))["maps"]
        ]
        for number, question in enumerate(asked):
            assert np.array_equal(second[f"raw_{number}"], first[f"raw_{order.index(question)}"])
    page = Path("pair.html").read_text("utf-8")
    assert page.count('class="other"') == 4


def test_explanation_of_a_pair_shows_both_pictures_in_a_notebook():
    explanation = explain("demo:encoder", "a.png", targets=[Likeness("b.png")], methods=["GradCAM", "LayerCAM"])
    single = explain("demo:encoder", "a.png", methods=["GradCAM", "LayerCAM"])
    pair, one = (Image.open(BytesIO(shown._repr_png_())) for shown in (explanation, single))
    assert pair.height > one.height + 150
    assert np.ptp(np.asarray(pair)[-250:-60], axis=(0, 1)).min() > 100  # the second picture is there


def test_region_of_a_class_is_a_box_a_mask_or_where_it_is_predicted(camctl):
    label = first_of("a").label
    for where, shown in (("0,0,112,56", "0,0,112,56"), ("mask.png", "mask.png"), ("predicted", "predicted")):
        words = ("--target-category", label, "--where", where, "--json", "--save-raw", "raw.npz")
        done = camctl("run", "a.png", "demo:segmenter", *words)
        assert done.code == 0, done.err
        (one,) = done.json["maps"]
        assert (one["target"]["label"], one["target"]["where"]) == (label, shown)
    boxes = [camctl("run", "a.png", "demo:segmenter", "--target-category", label, "--where", where,
                    "--json").json["maps"][0]["target"]["score"] for where in ("0,0,112,56", "mask.png")]  # fmt: skip
    assert boxes[0] == pytest.approx(boxes[1], abs=1e-6)


def test_box_is_chosen_by_its_place_or_number(camctl):
    sticker = first_of("a")
    done = camctl("run", "a.png", "demo:detector", "--target-box", words_of(sticker.box), "0", "--json")
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
        *("compare", "a.png", f"demo:{net}", *words, "--method", "GradCAM", "AblationCAM"),
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


QUESTIONS = [
    ("segmenter", ("--target-category", first_of("a").label, "house")),
    ("segmenter", ("--target-category", "house", "--where", "mask.png")),
    ("segmenter", ("--target-category", "house", "--where", "0,0,112,56.5", "--boxes", "0.4")),
    ("detector", ("--target-box", "0", "1")),
    ("encoder", ("--like", "b.png")),
    ("encoder", ()),
    ("regressor", ("--target-category", f"{first_of('a').label}:up")),
]


@pytest.mark.parametrize(("net", "words"), QUESTIONS)
def test_command_in_a_report_asks_the_same_question_again(camctl, net, words):
    asked = ("compare", "a.png", f"demo:{net}", *words, "--method", "GradCAM", "LayerCAM")
    done = camctl(*asked, "--save-path", "report.html", "--save-raw", "raw.npz")
    assert done.code == 0, done.err
    page = Path("report.html").read_text("utf-8")
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])
    last = len(data["cells"]) - 1
    again = camctl(*shlex.split(data["cells"][last]["command"])[1:], "--save-raw", "again.npz")
    assert again.code == 0, again.err
    with np.load("raw.npz") as first, np.load("again.npz") as second:
        assert np.array_equal(first[f"raw_{last}"], second["raw_0"])


@pytest.mark.parametrize(("net", "words"), QUESTIONS)
def test_what_every_question_prints_is_described(camctl, net, words):
    schema = pytest.importorskip("jsonschema")
    done = camctl("run", "a.png", f"demo:{net}", *words, "--json", "--save-path", "out/")
    described = {**SCHEMA, "$ref": "#/$defs/run", "anyOf": [{}]}
    faults = schema.Draft202012Validator(described).iter_errors(done.json)
    assert [fault.message[:300] for fault in faults] == [], done.err


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
    done = camctl("run", "data", f"demo:{net}", *words, "--save-path", "out", "--workers", "0",
                  "--metrics", metric, "--json")  # fmt: skip
    assert done.code == 0, done.err
    results = open_results("out")
    assert len(results) == 5
    rows = list(results)
    assert [row["error"] for row in rows] == [None] * 5
    assert all(row[metric] is not None for row in rows if row["verdict"] not in BLANK), rows
    assert any(row["verdict"] == "ok" for row in rows), [(row["verdict"], row["reason"]) for row in rows]
    boxes = [row["target_box"] for row in rows]
    boxed = net == "detector" or any("," in word for word in words)
    assert all(boxes) if boxed else boxes == [None] * 5
    marks = [cam.target.mark for cam in results.cams([0])]
    assert marks == [None if boxes[0] is None else tuple(boxes[0])]
    again = camctl("run", "data", f"demo:{net}", *words, "--save-path", "out", "--workers", "0",
                   "--metrics", metric, "--json")  # fmt: skip
    assert again.code == 0, again.err


def test_comparison_saves_draws_and_prints_the_parts_of_its_maps(camctl):
    words = ("compare", "a.png", "demo:resnet", "--method", "GradCAM", "LayerCAM", "--boxes", "0.5", "--no-preview")
    done = camctl(*words, "--save-path", "grid.json", "grid.png", "--json")
    assert done.code == 0, done.err
    assert done.json["maps"] == json.loads(Path("grid.json").read_text("utf-8"))["maps"]
    parts = [part["box"] for one in done.json["maps"] for part in one["segments"]]
    written = json.loads(Path("grid.boxes.json").read_text("utf-8"))["annotations"]
    boxes = [one["bbox"] for one in written]
    assert np.allclose([[x, y, x + width, y + height] for x, y, width, height in boxes], parts, atol=0.02)
    assert [one["method"] for one in written] == ["GradCAM", "LayerCAM"]
    assert camctl(*words[:-2], "much").code == 2
    Path("grid.boxes.json").write_text("mine", encoding="utf-8")
    assert camctl(*words, "--save-path", "grid.json").code == 2
    assert Path("grid.boxes.json").read_text("utf-8") == "mine"


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
    done = camctl("run", "a.png", "demo:segmenter", "--where", where, "--json")
    assert done.code == 0, done.err
    assert done.json["maps"][0]["target"]["label"] == sticker.label
    refused = camctl("run", "a.png", "demo:resnet", "--where", "predicted")
    assert refused.code == 2
    assert "A region is asked of a dense output" in refused.err


def test_pictures_that_lack_what_is_asked_for_are_rows_without_a_map_and_no_failures(camctl):
    labels = scenes()
    common = ("data", "demo:detector", "--workers", "0", "--json")
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
    assert camctl("run", "a.png", "demo:encoder", "--expect", "cat").code == 2


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
    asked = ("compare", "a.png", f"demo:{net}", *words, "--method", "GradCAM", "LayerCAM")
    assert camctl(*asked, "--save-raw", "raw.npz", "--no-preview").code == 0
    done = camctl(*asked, "--baseline", "raw.npz", "--no-preview")
    assert done.code == 0, done.err
