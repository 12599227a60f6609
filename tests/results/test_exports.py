"""What other tools read of results."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from camctl.errors import InputError
from camctl.results import Writer, export, open_results, schema
from camctl.results.boxes import box_of_map, whole_map
from tests.results.kills import write

SCHEMA = schema({"deletion": "lower"})


@pytest.fixture
def results(tmp_path):
    """Two maps of one picture, of which the model saw the middle, and a picture that could not be read."""
    import pyarrow as pa

    cam = np.zeros((4, 4), np.float16)
    cam[1, 2] = 2
    row = {
        "index": 0,
        "id": "a.jpg",
        "path": "data/[a].jpg",
        "width": 200,
        "height": 100,
        "view": [50.0, 0.0, 150.0, 100.0],
        "label": "dog",
        "predictions": [{"index": 3, "label": "cat", "score": 0.5}],
        "target": "cat",
        "target_index": 3,
        "target_score": 0.5,
        "deletion": float("nan"),
        "grid_height": 4,
        "grid_width": 4,
    }
    rows = [
        row | {"method": "gradcam", "map": cam.ravel()},
        row | {"method": "gradcam++", "map": np.zeros(16, np.float16)},
        {"index": 1, "id": "b.jpg", "path": "data/b.jpg", "error": "It is\ndamaged."},
    ]
    with Writer.open(tmp_path / "out", {}, SCHEMA, total=2) as writer:
        writer.write(pa.Table.from_pylist(rows, SCHEMA))
    return open_results(tmp_path / "out")


def test_jsonl_has_a_row_a_line_and_no_word_that_json_lacks(results, tmp_path):
    lines = export(results, "jsonl", tmp_path / "x.jsonl").read_text().splitlines()
    rows = [json.loads(line, parse_constant=pytest.fail) for line in lines]
    assert [row["id"] for row in rows] == ["a.jpg", "a.jpg", "b.jpg"]
    assert rows[0]["deletion"] is None
    assert rows[2]["error"] == "It is\ndamaged."


def test_parquet_is_all_parts_in_one(tmp_path):
    write(tmp_path / "out", 100, (1, 1))
    results = open_results(tmp_path / "out")
    table = pq.read_table(export(results, "parquet", tmp_path / "x.parquet"))
    assert table.schema.equals(results.columns)
    assert table["map"].to_pylist() == results.table(["map"])["map"].to_pylist()


def test_coco_has_the_box_of_each_map_that_is_not_blank(results, tmp_path):
    content = json.loads(export(results, "coco", tmp_path / "x.json", threshold=0.5).read_text())
    assert content["images"] == [{"id": 0, "file_name": "data/[a].jpg", "width": 200, "height": 100}]
    assert content["categories"] == [{"id": 3, "name": "cat"}]
    (annotation,) = content["annotations"]
    assert (annotation["image_id"], annotation["category_id"], annotation["method"]) == (0, 3, "gradcam")
    # The cell is 25 pixels wide, from 100 to 125; half of its maximum is reached half a cell from its centre.
    assert annotation["bbox"] == pytest.approx([100, 25, 25, 25], abs=0.5)
    assert annotation["area"] == pytest.approx(625, abs=25)


def test_fiftyone_has_heatmaps_of_whole_pictures(results, tmp_path):
    first, second = json.loads(export(results, "fiftyone", tmp_path / "x.json").read_text())["samples"]
    assert first["filepath"] == "data/[a].jpg"
    assert first["ground_truth"] == {"label": "dog"}
    assert first["prediction"] == {"label": "cat", "confidence": 0.5}
    cam = np.array(first["gradcam"]["map"])
    assert cam.shape == (128, 256)
    assert not cam[:, :60].any()
    assert not cam[:, 200:].any()
    y, x = np.unravel_index(cam.argmax(), cam.shape)
    assert (x / 256 * 200, y / 128 * 100) == pytest.approx((112.5, 37.5), abs=1.5)
    assert first["gradcam"]["range"] == [0, 2]
    assert "gradcam__" in first
    assert second == {"filepath": "data/b.jpg", "camctl_id": "b.jpg", "error": "It is\ndamaged."}


def test_map_that_covers_the_picture_stays_as_it_is():
    cam = np.eye(3, dtype=np.float32)
    assert whole_map(cam, (0, 0, 30, 60), (30, 60)) is cam


@pytest.mark.parametrize("view", [(-20, -10, 120, 110), (90, 0, 190, 100), (-50, 0, 50, 100)])
def test_view_may_reach_beyond_the_picture(view):
    whole = whole_map(np.ones((2, 2), np.float32), view, (100, 100))
    assert whole.shape == (256, 256)
    assert whole[128, round((max(view[0], 0) + min(view[2], 100)) / 2 * 2.56) - 1] == 1


def test_box_is_of_the_largest_part():
    cam = np.zeros((8, 8), np.float32)
    cam[0, 0] = 5
    cam[4:7, 2:8] = 3
    # From 3 in the centre of a cell to 0 in the next, 2.5 is reached after a sixth of the way.
    assert box_of_map(cam, (0, 0, 80, 80), 0.5) == pytest.approx((25 - 10 / 6, 45 - 10 / 6, 80, 65 + 10 / 6), abs=0.5)


@pytest.mark.parametrize("cam", [np.zeros((3, 3)), -np.ones((3, 3)), np.full((3, 3), np.nan)])
def test_blank_map_has_no_box(cam):
    assert box_of_map(cam.astype(np.float32), (0, 0, 3, 3)) is None


def test_wrong_requests_are_refused(results, tmp_path):
    with pytest.raises(InputError, match="no format named 'cocco'"):
        export(results, "cocco", tmp_path / "x")
    with pytest.raises(InputError, match="threshold must be"):
        export(results, "coco", tmp_path / "x", threshold=0)
    with pytest.raises(InputError, match="is a folder"):
        export(results, "coco", tmp_path)
    assert not (tmp_path / "x").exists()
