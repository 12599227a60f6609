"""Pictures inside Parquet files and tar shards as data sets."""

import io
import json
import os
import pickle
import tarfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from camctl.datasets import open_data
from camctl.errors import InputError

STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


@pytest.fixture
def hugging_face(tmp_path, png):
    """Write two files as Hugging Face's `datasets` does, of 30 and 20 rows in groups of 12."""
    features = {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": ["cat", "dog"]}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    for number, rows in enumerate((range(30), range(30, 50))):
        pictures = [{"bytes": png(row), "path": None if row % 2 else f"{row}.png"} for row in rows]
        table = pa.table(
            {
                "image": pa.array(pictures, STRUCT),
                "label": pa.array([row % 3 - 1 for row in rows], pa.int64()),
                "caption": [f"text {row}" for row in rows],
                "thumbnail": pa.array([b"x"] * len(rows), pa.binary()),
            }
        )
        file = tmp_path / f"train-{number:05d}-of-00002.parquet"
        pq.write_table(table.replace_schema_metadata(metadata), file, row_group_size=12)
    return tmp_path


def test_parquet_of_hugging_face_has_names_labels_and_columns(hugging_face):
    data = open_data(f"{hugging_face}/train-*.parquet")
    assert len(data) == 50
    assert data.entries[4].id == "4.png"
    assert data.entries[5].id == "train-00000-of-00002.parquet/5"
    assert data.entries[31].id == "train-00001-of-00002.parquet/1"
    assert [entry.label for entry in data.entries[:3]] == [None, "cat", "dog"]
    assert data.entries[33].columns == {"caption": "text 33"}
    assert open_data(str(hugging_face)).fingerprint == data.fingerprint


@pytest.mark.parametrize("order", [range(50), range(49, -1, -1), [0, 29, 30, 11, 12, 49, 13, 5]], ids=str)
def test_parquet_gives_each_picture_in_any_order(hugging_face, png, order):
    data = open_data(str(hugging_face))
    data.read(20)
    copy = pickle.loads(pickle.dumps(data))  # noqa: S301 - our own
    assert all(copy.read(row) == png(row) for row in order)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # Arrow's threads; workers are forked beside them
def test_parquet_is_read_by_processes_that_were_forked_meanwhile(hugging_face, png):
    data = open_data(str(hugging_face))
    data.read(3)
    if (child := os.fork()) == 0:
        os._exit(0 if all(data.read(row) == png(row) for row in range(4, 50)) else 1)
    assert all(data.read(row) == png(row) for row in range(4, 50))
    assert os.waitpid(child, 0)[1] == 0


def test_parquet_with_bytes_or_paths(tmp_path, png):
    (tmp_path / "a.png").write_bytes(png())
    pq.write_table(pa.table({"jpg": [png(1)], "x0": [0], "y0": [0], "x1": [2], "y1": [2]}), tmp_path / "b.parquet")
    pq.write_table(pa.table({"path": ["a.png", "gone.png"], "label": [True, None]}), tmp_path / "p.parquet")
    pq.write_table(pa.table({"image": pa.array([{"path": "a.png"}], STRUCT)}), tmp_path / "s.parquet")
    data = open_data(str(tmp_path / "b.parquet"))
    assert data.read(0) == png(1)
    assert data.entries[0].box == (0, 0, 2, 2)
    data = open_data(str(tmp_path / "p.parquet"))
    assert data.read(0) == tmp_path / "a.png"
    with pytest.raises(InputError, match="There is no picture"):
        data.read(1)
    assert open_data(str(tmp_path / "s.parquet")).read(0) == tmp_path / "a.png"


def test_row_without_a_picture_or_with_half_a_box_is_an_error_of_its_row(tmp_path, png):
    table = {"image": [png(), None, png()], "x0": [0, 0, None], "y0": [0, 0, 0], "x1": [1, 1, 1], "y1": [1, 1, 1]}
    pq.write_table(pa.table(table), tmp_path / "b.parquet")
    data = open_data(str(tmp_path / "b.parquet"))
    assert data.read(0) == png()
    with pytest.raises(InputError, match=r"Row 1 of '.*b\.parquet' holds no picture\."):
        data.read(1)
    with pytest.raises(InputError, match=r"Row 2 of '.*' cannot be used: its box has no x0"):
        data.read(2)


def test_parquet_without_pictures_is_refused(tmp_path):
    pq.write_table(pa.table({"number": [1], "word": ["[x]"]}), tmp_path / "b.parquet")
    with pytest.raises(InputError, match=r"has no column of pictures: number \(int64\), word \(string\)"):
        open_data(str(tmp_path / "b.parquet"))
    pq.write_table(pa.table({"image": pa.array([], pa.binary())}), tmp_path / "b.parquet")
    with pytest.raises(InputError, match="lists no pictures"):
        open_data(str(tmp_path / "b.parquet"))
    pq.write_table(pa.table({"image": [b"x"], "x0": [1]}), tmp_path / "b.parquet")
    with pytest.raises(InputError, match="half a box"):
        open_data(str(tmp_path / "b.parquet"))


def test_damaged_parquet_is_refused_or_an_error_of_its_rows(hugging_face):
    file = hugging_face / "train-00001-of-00002.parquet"
    content = bytearray(file.read_bytes())
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="is damaged, or no Parquet file"):
        open_data(str(hugging_face))
    file.write_bytes(content)
    data = open_data(str(hugging_face))
    content[4:600] = b"\xff" * 596
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"Row 0 of '.*' cannot be read") as caught:
        data.read(30)
    assert "\n" not in caught.value.message
    assert data.read(0)


def test_files_of_different_data_sets_are_refused(tmp_path):
    pq.write_table(pa.table({"image": [b"x"], "n": ["x"]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"image": [b"x"], "n": [{"y": 1}]}), tmp_path / "b.parquet")
    pq.write_table(pa.table({"other": [b"x"]}), tmp_path / "c.parquet")
    for names in ("{a,b}", "{a,c}"):
        with pytest.raises(InputError, match=r"columns|has no column") as caught:
            open_data(f"{tmp_path}/{names}.parquet")
        assert caught.value.hint


def write_tar(path, members):
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


@pytest.fixture
def shards(tmp_path, png):
    """Write three shards of four samples in the layout of WebDataset."""
    for shard in range(3):
        members = {}
        for sample in range(4):
            number = 4 * shard + sample
            key = f"val/{number:06d}"
            members |= {
                f"{key}.cls": str(number % 2).encode(),
                f"{key}.json": json.dumps({"site": "north", "age": number}).encode(),
                f"{key}.png": png(number),
                f"{key}.seg.png": png(0),
            }
        write_tar(tmp_path / f"data-{shard:03d}.tar", members)
    return tmp_path


def test_shards_give_a_picture_a_sample_with_label_and_columns(shards, png):
    data = open_data(f"{shards}/data-{{000..002}}.tar")
    assert len(data) == 12
    entry = data.entries[5]
    assert (entry.id, entry.label, entry.columns) == ("data-001.tar/val/000005.png", "1", {"site": "north", "age": 5})
    copy = pickle.loads(pickle.dumps(data))  # noqa: S301 - our own
    assert [copy.read(number) for number in (11, 0, 5)] == [png(11), png(0), png(5)]
    assert data.notes == ()
    assert open_data(str(shards)).fingerprint == data.fingerprint


def test_shard_of_plain_files(tmp_path, png):
    members = {"a.1.png": png(1), "a.2.png": png(2), "b.png": png(3), "b.txt": b"dog\n", "._b.png": b"", "read.me": b""}
    data = open_data(str(write_tar(tmp_path / "x.tar", members)))
    assert [(entry.id, entry.label) for entry in data.entries] == [
        ("a.1.png", None),
        ("a.2.png", None),
        ("b.png", "dog"),
    ]
    assert [data.read(row) for row in range(3)] == [png(1), png(2), png(3)]


def test_label_in_json_and_a_wrong_json(tmp_path, png):
    members = {"a.png": png(), "a.json": b'{"label": "cat", "x0": 0}', "b.png": png(), "b.json": b"{", "c.png": png()}
    data = open_data(str(write_tar(tmp_path / "x.tar", members)))
    for row, reason in ((0, "its box has no y0"), (1, "its .json is no JSON")):
        with pytest.raises(InputError, match=reason):
            data.read(row)
    assert data.read(2) == png()
    assert data.entries[0].label == "cat"


@pytest.mark.parametrize("share", [0.1, 0.35, 0.5, 0.73, 0.9])
def test_of_a_tar_that_is_cut_the_whole_pictures_are_used_and_the_cut_is_named(tmp_path, share):
    contents = [os.urandom(3000) for _ in range(20)]
    file = write_tar(tmp_path / "x.tar", {f"{number:02d}.png": content for number, content in enumerate(contents)})
    cut = int(20 * 3584 * share)  # a header, and six blocks
    with file.open("r+b") as stream:
        stream.truncate(cut)
    data = open_data(str(file))
    whole = (cut + 3584 - 3512) // 3584
    assert len(data) == whole
    assert [data.read(row) for row in range(whole)] == contents[:whole]
    assert f"'{file}' is cut short" in data.notes[0]
    assert f"the first {whole} are used" in data.notes[0]


def test_tar_without_its_end_is_said_to_be_cut(tmp_path, png):
    file = write_tar(tmp_path / "x.tar", {"a.png": png(), "b.png": png()})
    with file.open("r+b") as stream:
        stream.truncate(2048)
    data = open_data(str(file))
    assert len(data) == 2
    assert "cut short" in data.notes[0]


@pytest.mark.parametrize("content", [b"", b"no tar" * 500, b"\x1f\x8b" + bytes(2000)])
def test_file_that_is_no_tar_is_refused(tmp_path, content):
    (tmp_path / "x.tar").write_bytes(content)
    with pytest.raises(InputError, match=r"no tar file, or a compressed one|holds no pictures"):
        open_data(str(tmp_path / "x.tar"))


def test_missing_shard_is_refused_by_name(shards):
    with pytest.raises(InputError, match=r"There is no tar file '.*data-003\.tar'"):
        open_data(f"{shards}/data-{{000..003}}.tar")


def test_compressed_tar_is_refused():
    with pytest.raises(InputError, match="is compressed"):
        open_data("x.tar.gz")


def test_data_at_an_address_is_the_same_as_on_the_disk(shards, hugging_face, png):
    import fsspec

    memory = fsspec.filesystem("memory")
    for file in shards.iterdir():
        memory.pipe_file(f"/packed/{file.name}", file.read_bytes())
    for number in range(2):
        memory.pipe_file(f"/tree/{number}/a.png", png(number))
    memory.pipe_file("/tree/l.csv", b"path,label\n0/a.png,x\ngone.png,y\n")
    for pattern in ("data-{000..002}.tar", "train-*.parquet"):
        here, there = open_data(f"{hugging_face}/{pattern}"), open_data(f"memory://packed/{pattern}")
        assert there.fingerprint == here.fingerprint
        assert [there.read(row) for row in range(len(here))] == [here.read(row) for row in range(len(here))]
    for text in ("memory://tree", "memory://tree/*/*.png"):
        data = open_data(text)
        assert [(entry.id, entry.label) for entry in data.entries] == [("0/a.png", "0"), ("1/a.png", "1")]
        assert Image.open(io.BytesIO(data.read(1))).size == (4, 3)
    data = open_data("memory://tree/l.csv")
    assert data.read(0) == png(0)
    with pytest.raises(InputError, match=r"There is no picture 'memory://tree/gone\.png'"):
        data.read(1)
    memory.rm("/packed", recursive=True)
    memory.rm("/tree", recursive=True)


@pytest.mark.parametrize("text", ["nope://x/", "memory://nowhere", "memory://nowhere/*.png", "memory://no.csv"])
def test_address_that_leads_nowhere_is_refused(text):
    with pytest.raises(InputError) as caught:
        open_data(text)
    assert caught.value.hint
