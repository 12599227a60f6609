"""What a results folder gives back: tables, maps, the worst rows."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest

from camctl.errors import InputError, UnknownNameError
from camctl.results import Writer, open_results
from tests.results.kills import write
from tests.results.rows import SCHEMA, START, grid, rows

TOTAL = 300


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    out = tmp_path_factory.mktemp("results")
    write(out, TOTAL, (2, 2))
    write(out, TOTAL, (1, 2))
    return open_results(out)


@pytest.fixture(scope="module")
def expected(results):
    """All rows, straight from the files."""
    return [row for file in results.files for row in pa.parquet.read_table(file).to_pylist()]


def test_length_and_status(results, expected):
    assert len(results) == len(expected) == results.status.rows == 557
    assert results.status.complete
    assert results.start == START


def test_table_has_the_row_number_and_all_columns_but_the_map(results, expected):
    table = results.table()
    assert table.column_names == ["row", *(name for name in SCHEMA.names if name != "map")]
    assert table["row"].to_pylist() == list(range(len(expected)))
    assert table["index"].to_pylist() == [row["index"] for row in expected]
    assert table["predictions"].to_pylist() == [row["predictions"] for row in expected]


def test_columns_are_given_in_the_order_asked_for(results):
    assert results.table(["verdict", "id"]).column_names == ["row", "verdict", "id"]
    assert results.table(["map", "row"]).column_names == ["row", "map"]
    assert results.table([]).num_rows == len(results)


@pytest.mark.parametrize("condition", [pc.field("verdict") == "flat", [("verdict", "==", "flat")]])
def test_filter_keeps_the_row_numbers(results, expected, condition):
    table = results.table(["id"], filter=condition)
    assert table["row"].to_pylist() == [number for number, row in enumerate(expected) if row["verdict"] == "flat"]
    assert table["id"].to_pylist() == [row["id"] for row in expected if row["verdict"] == "flat"]


def test_filter_that_nothing_passes_gives_an_empty_table(results):
    assert results.table(["id"], filter=pc.field("id") == "no").num_rows == 0
    assert results.worst(3, "deletion", filter=pc.field("id") == "no").num_rows == 0
    assert results.maps([]) == []


@pytest.mark.parametrize(("by", "sign"), [("deletion", -1), ("insertion", 1), ("target_score", 1), ("data_label", 1)])
@pytest.mark.parametrize("count", [1, 7, 50, 10_000])
def test_worst_rows_come_first_by_what_is_better(results, expected, by, sign, count):
    valid = [
        (sign * row[by], number) for number, row in enumerate(expected) if row[by] is not None and row[by] == row[by]
    ]
    worst = results.worst(count, by)
    assert worst["row"].to_pylist() == [number for _, number in sorted(valid)[:count]]
    assert worst["id"].to_pylist() == [expected[number]["id"] for number in worst["row"].to_pylist()]


def test_worst_among_some(results):
    worst = results.worst(5, "deletion", filter=pc.field("method") == "gradcam")
    assert set(worst["method"].to_pylist()) == {"gradcam"}


def test_maps_of_a_table_or_of_row_numbers(results):
    table = results.table(["index"])
    picked = table.take([500, 3, 3, 256])
    for rows_ in (picked, picked["row"].to_pylist()):
        maps = results.maps(rows_)
        for cam, index in zip(maps, picked["index"].to_pylist(), strict=True):
            assert cam is None if index % 7 == 3 else np.array_equal(cam, grid(index))
    assert maps[0] is None or maps[0].dtype == np.float32


def test_row_without_a_map_gives_none(results, expected):
    number = next(number for number, row in enumerate(expected) if row["error"])
    assert results.maps([number]) == [None]


@pytest.mark.parametrize("row", [-1, 557])
def test_row_that_is_not_there(results, row):
    with pytest.raises(IndexError):
        results.maps([row])


def test_iterating_gives_dictionaries_without_maps(results, expected):
    first = next(iter(results))
    assert "map" not in first
    assert [row["id"] for row in results] == [row["id"] for row in expected]


def test_other_tools_read_the_files(results):
    dataset = ds.dataset(results.files)
    assert dataset.count_rows() == len(results)
    assert results.dataset.schema.equals(dataset.schema)
    pandas = pytest.importorskip("pandas")
    frame = results.to_pandas(["id", "deletion"])
    assert isinstance(frame, pandas.DataFrame)
    assert frame.shape == (557, 3)


def test_unknown_columns_are_named(results):
    with pytest.raises(UnknownNameError, match="no column named 'verdit'"):
        results.table(["verdit"])
    with pytest.raises(UnknownNameError, match="no column of numbers named 'verdict'"):
        results.worst(3, "verdict")


def test_results_are_those_of_the_moment_when_they_were_opened(tmp_path):
    with Writer.open(tmp_path, START, SCHEMA, total=10) as writer:
        writer.write(rows([0]))
        writer.flush()
        before = open_results(tmp_path)
        writer.write(rows([1]))
        writer.flush()
        assert (len(before), len(open_results(tmp_path))) == (2, 4)
        assert before.table().num_rows == 2


def test_run_without_rows_is_empty(tmp_path):
    Writer.open(tmp_path, START, SCHEMA, total=10).__exit__(None, None, None)
    results = open_results(tmp_path)
    assert len(results) == 0
    assert (results.status.pictures, results.status.complete) == (0, False)
    assert results.table(["id"]).num_rows == 0
    assert list(results) == []
    assert results.worst(3, "target_score").num_rows == 0


@pytest.mark.parametrize("content", [None, "", "{}", "[]", '{"software": "camctl, class activation maps"}', "\ud800"])
def test_folder_that_holds_no_results_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "start.json").write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises(InputError, match="no results of camctl"):
        open_results(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="root may write everywhere")
def test_folder_that_may_only_be_read_is_read(tmp_path):
    write(tmp_path, 10, (1, 1))
    folders = (tmp_path / "maps", tmp_path)
    for folder in folders:
        folder.chmod(0o500)
    try:
        code = "import sys; from camctl.results import open_results; print(open_results(sys.argv[1]).table().num_rows)"
        # Root may write anywhere, unless it gives that right up.
        command = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"] if os.geteuid() == 0 else []
        done = subprocess.run(
            [*command, sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=False
        )
        assert done.stdout == "19\n", done.stderr
    finally:
        for folder in folders:
            folder.chmod(0o700)


def test_file_is_no_results_folder(tmp_path):
    (tmp_path / "x").write_text("")
    with pytest.raises(InputError, match="no results folder"):
        open_results(tmp_path / "x")


def test_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="no results folder"):
        open_results(tmp_path / "nowhere")
