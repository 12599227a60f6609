"""What `camctl run DATA` draws, writes and says, with good data and bad."""

import csv
import json
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from camctl import explain
from camctl.errors import ExitCode
from camctl.results import open_results
from tests.dataset.kills import made_pictures

NET = "python:dataset_nets:net"
CLOSE = 3
"""Largest difference of pixels of two overlays of the same map, of which one is kept in half precision."""

JPEG = 8
"""The same after JPEG has rounded them."""

HOSTILE = ("../x.png", "a\nb.png", "[bold red]x[bold].png", "<b>&amp;.png", "x" * 240 + ".png", "a b.png", "a-b.png",
           "-rf.png", "ünï.png", "\u043e.png", "$(true).png", "..png.png", "%s%n.png")  # fmt: skip


def overlays(out="out"):
    return sorted(path for path in Path(out, "overlays").rglob("*") if path.suffix == ".jpg")


def test_an_overlay_is_what_run_draws_of_the_picture(data, camctl):
    assert camctl("data", NET, "--save-path", "out", "--workers", "0")[0] == 0
    assert len(overlays()) == 6
    for path in overlays():
        picture = Path("data", path.parent.name, f"{path.stem.split('_')[0]}.png")
        assert camctl(picture, NET, "--save-path", "one.jpg")[0] == 0
        with Image.open(path) as drawn, Image.open("one.jpg") as alone:
            assert drawn.size == alone.size
            off = np.abs(np.asarray(drawn, np.int16) - np.asarray(alone, np.int16))
        assert off.max() <= JPEG
    for cam in open_results("out").cams(list(range(6))):
        (alone,) = explain(NET, cam.picture.path).maps
        assert np.abs(cam.overlay().astype(np.int16) - alone.overlay()).max() <= CLOSE


@pytest.mark.parametrize(
    ("which", "count"), [("all", 6), ("none", 0), ("worst:2", 2), ("sample:3", 3), ("worst:99", 6)]
)
def test_as_many_overlays_are_drawn_as_asked(data, camctl, which, count):
    assert camctl("data", NET, "--save-path", "out", "--workers", "0", "--draw", which)[0] == 0
    assert len(overlays()) == count


def test_the_worst_by_the_first_metric_are_drawn(data, camctl):
    words = ("--metrics", "deletion", "--draw", "worst:1", "--workers", "0")
    assert camctl("data", NET, "--save-path", "out", *words)[0] == 0
    worst = max(open_results("out"), key=lambda row: row["deletion"])  # lower is better
    (path,) = overlays()
    assert worst["id"] == f"{path.parent.name}/{path.stem.split('_')[0]}.png"


def test_overlays_of_an_older_run_or_look_do_not_stay(data, camctl):
    words = ("data", NET, "--save-path", "out", "--workers", "0", "--target-layers")
    seen = []
    for more in (["block1"], ["block2", "--overwrite"], ["block2", "--colormap", "gray"]):
        assert camctl(*words, *more)[0] == 0
        seen.append([path.read_bytes() for path in overlays()])
    assert len(seen[0]) == 6
    for first, second in ((0, 1), (1, 2)):
        assert all(one != other for one, other in zip(seen[first], seen[second], strict=True))


def test_overlays_that_are_there_are_not_drawn_again(data, camctl):
    words = ("data", NET, "--save-path", "out", "--workers", "0")
    assert camctl(*words)[0] == 0
    first, *others = overlays()
    first.unlink()
    times = [path.stat().st_mtime_ns for path in others]
    assert camctl(*words)[0] == 0
    assert [path.stat().st_mtime_ns for path in others] == times
    assert first.exists()


def test_no_name_of_a_picture_leads_out_of_the_folder(data, camctl):
    source = (data / "cat" / "00000.png").read_bytes()
    Path("here/deep").mkdir(parents=True)
    with Path("here/deep/list.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path"])
        for name in (*HOSTILE, str(data / "dog" / "00000.png"), "../../data/cat/00001.png"):
            writer.writerow([name])
            if not Path("here/deep", name).exists():
                Path("here/deep", name).write_bytes(source)
    before = {path for path in Path().rglob("*") if path.is_file()}
    code, _, err = camctl("here/deep/list.csv", NET, "--save-path", "out", "--workers", "0")
    assert (code, err.count("\x1b")) == (0, 0)
    after = {path for path in Path().rglob("*") if path.is_file() and path.parts[0] != "out"}
    assert after == before
    assert len(overlays()) == len(HOSTILE) + 2
    assert all(path.name.isascii() and path.name.isprintable() for path in overlays())


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "coco", "fiftyone"])
def test_all_rows_are_saved_in_another_format(data, camctl, kind):
    (data / "dog" / "00001.png").write_bytes(b"no picture")
    words = ("--topk", "2", "--workers", "0", "--draw", "none", "--format", kind)
    assert camctl("data", NET, "--save-path", "out", *words)[0] == 1
    ending = {"coco": "json", "fiftyone": "json"}.get(kind, kind)
    path = Path("out", f"{kind}.{ending}")
    if kind == "parquet":
        assert pq.read_table(path).num_rows == 11
    elif kind == "jsonl":
        assert len([json.loads(line) for line in path.read_text("utf-8").splitlines()]) == 11
    else:
        content = json.loads(path.read_text("utf-8"))
        assert len(content["images" if kind == "coco" else "samples"]) == (5 if kind == "coco" else 6)


def test_json_counts_what_became_of_the_pictures(data, camctl):
    (data / "dog" / "00001.png").write_bytes(b"no picture")
    (data / "cat" / "00001.png").write_bytes(b"")
    code, out, err = camctl("data", NET, "--save-path", "out", "--workers", "2", "--json")
    found = json.loads(out)
    assert (code, err) == (1, "")
    assert (found["total"], found["pictures"], found["rows"], found["failed"]) == (6, 6, 6, 2)
    assert sum(found["errors"].values()) == 2
    assert sum(found["verdicts"].values()) == 4
    assert found["accuracy"] is not None


def test_pictures_without_a_map_are_told(data, camctl):
    words = ("data", "python:dataset_nets:multi_label", "--save-path", "out", "--workers", "0", "--threshold", "1")
    code, out, err = camctl(*words)
    assert code == 0
    assert "without a map 6: No class scores above 1." in out + err


def test_strict_ends_with_another_code_if_a_map_is_worthless(data, camctl):
    words = ("data", NET, "--save-path", "out", "--workers", "0", "--target-category", "hen")
    assert camctl(*words)[0] == 0
    assert {row["verdict"] for row in open_results("out")} != {"ok"}
    assert camctl(*words, "--strict")[0] == ExitCode.NOT_OK


def test_nothing_but_one_line_and_a_hint_is_said_of_data_that_cannot_be_used(data, camctl):
    Path("empty").mkdir()
    Path("texts").mkdir()
    Path("texts/a.docx").write_text("x", "utf-8")
    Path("none.csv").write_text("path,label\n", "utf-8")
    Path("file").write_text("x", "utf-8")
    pq.write_table(pa.table({"a": [1]}), "numbers.parquet")
    wrong = {
        ("empty", NET, "--save-path", "out"): "holds no pictures",
        ("texts", NET, "--save-path", "out"): "holds no pictures",
        ("none.csv", NET, "--save-path", "out"): "lists no pictures",
        ("numbers.parquet", NET, "--save-path", "out"): "no column of pictures",
        ("nothing/", NET, "--save-path", "out"): "There is no folder",
        ("data", NET): "need a folder",
        ("data", NET, "--save-path", "data"): "holds something else",
        ("data", NET, "--save-path", "file"): "is not a folder",
        ("data", NET, "--save-path", "out", "--draw", "worst"): "does not say which overlays",
        ("data", NET, "--save-path", "out", "--shard", "3/2"): "no part of a whole",
        ("data", NET, "--save-path", "out", "--target-category", "zebra"): "no class named 'zebra'",
    }
    for words, text in wrong.items():
        code, out, err = camctl(*words)
        assert (code, out) == (2, "")
        assert [line.partition(":")[0] for line in err.splitlines()] == ["error", "hint"]
        assert text in err
    assert not Path("out").exists()


def test_labels_that_the_model_does_not_know_are_told_and_not_asked_of_it(data, camctl):
    Path("all.csv").write_text("path,label\ndata/cat/00000.png,zebra\ndata/cat/00001.png,yak\n", "utf-8")
    Path("some.csv").write_text(
        "path,label\ndata/cat/00000.png,cat\ndata/cat/00001.png,yak\ndata/cat/00002.png,\n", "utf-8"
    )
    Path("none.csv").write_text("path\ndata/cat/00000.png\n", "utf-8")
    code, out, err = camctl("all.csv", NET, "--save-path", "a", "--workers", "0")
    assert (code, "2 of 2 labels are no class of the model: 'zebra', 'yak'." in out + err) == (0, True)
    code, _, err = camctl("all.csv", NET, "--save-path", "b", "--workers", "0", "--target-category", "label")
    assert (code, "No label of all.csv is a class of the model" in err) == (2, True)
    code, _, err = camctl("none.csv", NET, "--save-path", "c", "--workers", "0", "--target-category", "label")
    assert (code, "it has none" in err) == (2, True)
    code, _, err = camctl("some.csv", NET, "--save-path", "d", "--workers", "0", "--target-category", "label")
    assert code == 1
    assert [row["error"] for row in open_results("d")] == [
        None, "There is no class named 'yak'.", "It has no label, and its label is asked for."
    ]  # fmt: skip


def test_a_tar_that_is_cut_is_used_as_far_as_it_goes_and_told(data, camctl):
    made_pictures(data / "cow", 20)
    with tarfile.open("whole.tar", "w") as tar:
        for path in sorted((data / "cow").iterdir()):
            tar.add(path, path.name)
    content = Path("whole.tar").read_bytes()
    Path("cut.tar").write_bytes(content[: len(content) // 2])
    code, out, err = camctl("cut.tar", NET, "--save-path", "out", "--workers", "0")
    assert code == 0
    assert "'cut.tar' is cut short" in out + err
    assert 5 < len(open_results("out")) < 15


def test_pictures_of_one_name_in_two_folders_have_rows_and_overlays_of_their_own(data, camctl):
    assert camctl("data", NET, "--save-path", "out")[0] == 0
    ids = [row["id"] for row in open_results("out")]
    assert ids == [f"{folder}/0000{number}.png" for folder in ("cat", "dog") for number in range(3)]
    assert len(overlays()) == 6
