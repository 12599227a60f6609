"""Lists of pictures as data sets: TXT, CSV, JSONL."""

import json

import pyarrow as pa
import pytest

from camctl.datasets import open_data
from camctl.errors import InputError


@pytest.fixture
def listed(tree):
    """Return a function that opens a list of this content beside the pictures a.png and b.png."""

    def open_list(name, content):
        folder = tree("a.png", "b.png")
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return open_data(str(folder / name))

    return open_list


def fault(data, index):
    with pytest.raises(InputError) as caught:
        data.read(index)
    assert "\n" not in caught.value.message
    return caught.value.message


def test_csv_has_labels_boxes_and_any_other_column(listed, tmp_path):
    data = listed("l.csv", "path,label,x0,y0,x1,y1,site,age\na.png,cat,0,1,2.5,3,north,7\nb.png,,,,,,,\n")
    first, second = data.entries
    assert (first.id, first.path, first.label, first.box) == ("a.png", str(tmp_path / "a.png"), "cat", (0, 1, 2.5, 3))
    assert first.columns == {"site": "north", "age": 7}
    assert (second.label, second.box, second.columns) == (None, None, {"site": None, "age": None})
    assert data.columns == pa.schema([("site", pa.string()), ("age", pa.int64())])
    assert data.has_boxes
    assert data.read(0) == tmp_path / "a.png"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_csv_of_other_programs_is_read(listed, delimiter, end, start):
    data = listed("l.csv", start + end.join(delimiter.join(row) for row in (("path", "label"), ("a.png", "NA"))))
    assert [(entry.id, entry.label) for entry in data.entries] == [("a.png", "NA")]


def test_csv_keeps_markup_quotes_and_ends_of_lines_in_names(listed):
    data = listed("l.csv", 'path,label\n"odd\n,name.png","[red]""x"""\n')
    assert (data.entries[0].id, data.entries[0].label) == ("odd\n,name.png", '[red]"x"')
    assert "odd\\n,name.png" in fault(data, 0)


def test_txt_has_a_path_a_line(listed):
    data = listed("l.txt", "a.png\n\n  my photos/b c.png \n")
    assert [entry.id for entry in data.entries] == ["a.png", "my photos/b c.png"]
    assert not data.has_labels


def test_txt_has_labels_if_every_line_has_one(listed):
    assert [entry.label for entry in listed("l.txt", "a.png 0\nmy b.png\t17\n").entries] == ["0", "17"]
    assert [entry.id for entry in listed("m.txt", "a.png 0\nb.png\n").entries] == ["a.png 0", "b.png"]
    assert [entry.id for entry in listed("n.txt", "a.png copy.png\n").entries] == ["a.png copy.png"]


def test_jsonl_keeps_every_column(listed):
    lines = [
        {"path": "a.png", "label": 3, "tags": ["x"]},
        {"path": "b.png", "score": 0.5, "x0": 0, "y0": 0, "x1": 1, "y1": 2},
    ]
    data = listed("l.jsonl", "\n".join(map(json.dumps, lines)))
    first, second = data.entries
    assert (first.label, first.columns) == ("3", {"tags": ["x"], "score": None})
    assert (second.box, second.columns) == ((0, 0, 1, 2), {"tags": None, "score": 0.5})


def test_jsonl_column_of_mixed_types_is_text(listed):
    data = listed(
        "l.jsonl", '{"path": "a.png", "n": 1}\n{"path": "b.png", "n": "x"}\n{"path": "c", "n": {"y": "\\ud800"}}'
    )
    assert [entry.columns["n"] for entry in data.entries][:2] == ["1", "x"]


def test_path_is_relative_to_the_list_and_may_be_absolute(tree, monkeypatch, tmp_path):
    tree("a.png")
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists/l.txt").write_text(f"../a.png\n{tmp_path / 'a.png'}\n")
    monkeypatch.chdir(tmp_path)
    data = open_data("lists/l.txt")
    assert data.read(0).samefile("a.png")
    assert data.read(1) == tmp_path / "a.png"


def test_repeated_path_gets_a_number(listed):
    data = listed("l.txt", "a.png\na.png\na.png#2\na.png\n")
    assert [entry.id for entry in data.entries] == ["a.png", "a.png#2", "a.png#2#2", "a.png#3"]
    assert data.read(1) == data.read(0)


def test_missing_file_is_an_error_of_its_row(listed, tmp_path):
    data = listed("l.txt", "a.png\ngone.png\nb.png\n")
    assert len(data) == 3
    assert fault(data, 1) == f"There is no picture '{tmp_path / 'gone.png'}'."
    assert data.read(2) == tmp_path / "b.png"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a.png,1,2,3,", "its box has no y1"),
        ("a.png,1,2,x,4", "x1 of its box is no number"),
        ("a.png,3,2,3,4", "its box has no area"),
        ("a.png,nan,2,3,4", "its box has no area"),
        ("a.png,1,2", "it has 3 cells, and the list 5 columns"),
        (",1,2,3,4", "it names no picture"),
    ],
)
def test_wrong_row_is_an_error_of_its_row(listed, tmp_path, row, reason):
    data = listed("l.csv", f"path,x0,y0,x1,y1\n{row}\nb.png,0,0,1,1\n")
    assert fault(data, 0) == f"Line 2 of '{tmp_path / 'l.csv'}' cannot be used: {reason}."
    assert data.read(1) == tmp_path / "b.png"


@pytest.mark.parametrize(
    ("row", "reason"), [("{", "no JSON"), ("[1]", "no JSON object"), ('{"x": 1}', "names no picture")]
)
def test_wrong_line_of_jsonl_is_an_error_of_its_row(listed, row, reason):
    data = listed("l.jsonl", f'{{"path": "a.png"}}\n{row}\n')
    assert reason in fault(data, 1)
    assert [entry.id for entry in data.entries] == ["a.png", "line 2"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("l.csv", "file,label\na.png,1\n", "has no column `path`"),
        ("l.csv", "path,x0,x1\na.png,1,2\n", "half a box: the column 'y0'"),
        ("l.csv", "path,path\na.png,b.png\n", "the column 'path' twice"),
        ("l.csv", "path\n", "lists no pictures"),
        ("l.csv", "", "no column `path`"),
        ("l.txt", "\n", "lists no pictures"),
        ("l.jsonl", "[]\n1\n", "JSON object with a `path`"),
        ("l.csv", b"path\ncaf\xe9.png\n", "is not UTF-8: line 2"),
    ],
)
def test_list_that_is_none_is_refused(listed, name, content, message):
    with pytest.raises(InputError, match=message) as caught:
        listed(name, content)
    assert caught.value.hint


def test_fingerprint_follows_labels_and_boxes(listed):
    prints = {
        listed("l.csv", f"path,label,x0,y0,x1,y1\na.png,{label},0,0,1,{end}\n").fingerprint
        for label, end in (("cat", 1), ("dog", 1), ("cat", 2), ("cat", 1))
    }
    assert len(prints) == 3
