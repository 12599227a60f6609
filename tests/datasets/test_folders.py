"""A folder, or a glob, as a data set."""

import os
import pickle
from pathlib import Path

import pytest

from camctl.datasets import is_data, open_data
from camctl.errors import InputError
from camctl.values.picture import read_picture


def ids(data):
    return [entry.id for entry in data.entries]


def labels(data):
    return [entry.label for entry in data.entries]


def test_pictures_of_a_folder_are_sorted_and_subfolders_are_labels(tree):
    folder = tree("dog/b.jpg", "cat/z.png", "cat/a.JPEG", "dog/a.webp")
    data = open_data(str(folder))
    assert ids(data) == ["cat/a.JPEG", "cat/z.png", "dog/a.webp", "dog/b.jpg"]
    assert labels(data) == ["cat", "cat", "dog", "dog"]
    assert data.read(1) == folder / "cat/z.png"
    assert data.entries[1].path == str(folder / "cat/z.png")
    assert len(data) == 4


def test_label_is_the_folder_one_level_above_the_picture(tree):
    assert labels(open_data(str(tree("train/n01/x.png", "train/n02/deep/y.png")))) == ["n01", "deep"]


def test_no_labels_if_a_picture_is_in_no_subfolder(tree):
    data = open_data(str(tree("cat/a.png", "b.png")))
    assert labels(data) == [None, None]
    assert not data.has_labels


def test_hidden_files_and_folders_and_other_files_are_skipped(tree):
    folder = tree("a.png", ".b.png", ".git/c.png", "d/.e/f.png", readme_txt="hello")
    assert ids(open_data(str(folder))) == ["a.png"]


def test_link_to_a_folder_is_followed_and_a_circle_is_not(tree, tmp_path):
    folder = tree("data/cat/a.png", "elsewhere/b.png") / "data"
    (folder / "dog").symlink_to(tmp_path / "elsewhere")
    (folder / "cat/again").symlink_to(folder)
    assert ids(open_data(str(folder))) == ["cat/a.png", "dog/b.png"]


def test_same_names_in_subfolders_stay_apart(tree):
    assert ids(open_data(str(tree("a/1.png", "b/1.png")))) == ["a/1.png", "b/1.png"]


@pytest.mark.parametrize("name", ["new\nline.png", "[bold red]x[/].png", "snow ☃.png", "a\tb.png"])
def test_odd_names_are_read(tree, name):
    data = open_data(str(tree(name)))
    assert ids(data) == [name]
    assert read_picture(data.read(0)).size == (3, 4)


def test_name_that_is_no_text_is_read_and_shown(tmp_path, png):
    path = os.fsencode(tmp_path) + b"/caf\xe9.png"
    Path(os.fsdecode(path)).write_bytes(png())
    data = open_data(str(tmp_path))
    assert ids(data) == ["caf\ufffd.png"]
    assert os.fsencode(data.read(0)) == path


def test_error_of_a_row_is_one_line(tree):
    folder = tree("new\nline.png")
    data = open_data(str(folder))
    (folder / "new\nline.png").unlink()
    with pytest.raises(InputError, match=r"There is no picture '.*new\\nline.png'\.") as caught:
        data.read(0)
    assert "\n" not in caught.value.message


def test_picture_that_links_nowhere_is_an_error_of_its_row(tree):
    folder = tree("a.png")
    (folder / "b.png").symlink_to(folder / "gone.png")
    data = open_data(str(folder))
    assert data.read(0) == folder / "a.png"
    with pytest.raises(InputError, match="There is no picture"):
        data.read(1)


def test_glob_has_ids_relative_to_its_fixed_part(tree):
    folder = tree("cat/a.png", "cat/b.txt", "dog/a.png", "dog/.c.png")
    data = open_data(f"{folder}/*/*")
    assert ids(data) == ["cat/a.png", "dog/a.png"]
    assert labels(data) == ["cat", "dog"]
    assert ids(open_data(f"{folder}/**/a.png")) == ["cat/a.png", "dog/a.png"]
    assert ids(open_data(f"{folder}/{{dog,cat}}/*.png")) == ["dog/a.png", "cat/a.png"]


def test_relative_path_gives_paths_as_the_user_wrote_them(tree, monkeypatch):
    monkeypatch.chdir(tree("data/cat/a.png"))
    for text in ("data", "data/", "data/*/a.png"):
        (entry,) = open_data(text).entries
        assert (entry.id, entry.path) == ("cat/a.png", "data/cat/a.png")
    (entry,) = open_data(".").entries
    assert (entry.id, entry.path) == ("data/cat/a.png", "data/cat/a.png")
    (entry,) = open_data("*/cat/*.png").entries
    assert (entry.id, entry.path) == ("data/cat/a.png", "data/cat/a.png")


def test_folder_whose_name_is_a_pattern_is_that_folder(tree):
    assert ids(open_data(str(tree("data[1]/a.png", "data1/b.png") / "data[1]"))) == ["a.png"]


@pytest.mark.parametrize("folder", ["empty", "texts"])
def test_folder_without_pictures_is_refused(tmp_path, folder):
    (tmp_path / folder).mkdir()
    if folder == "texts":
        (tmp_path / folder / "notes.md").write_text("no picture")
    with pytest.raises(InputError, match="holds no pictures") as caught:
        open_data(str(tmp_path / folder))
    assert "Parquet" in caught.value.hint


@pytest.mark.parametrize("text", ["nowhere", "nowhere/", "no*where.png", "list.csv", "a.tar", "b.parquet", "", "a\0b"])
def test_data_that_is_not_there_is_refused(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        open_data(text)
    assert caught.value.hint


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_folder_that_may_not_be_read_is_refused(tree):
    folder = tree("a/b.png")
    (folder / "a").chmod(0)
    try:
        with pytest.raises(InputError, match="cannot be read"):
            open_data(str(folder))
    finally:
        (folder / "a").chmod(0o700)


def test_picture_file_is_no_data_and_what_holds_many_is(tree):
    folder = tree("a.png", "sub/b.png", list_csv="path\na.png\n")
    assert not is_data(str(folder / "a.png"))
    with pytest.raises(InputError, match="is one file, and no data set"):
        open_data(str(folder / "a.png"))
    assert not is_data("missing.jpg")
    assert not is_data("https://example.com/a.jpg")
    assert all(map(is_data, (str(folder), str(folder / "list.csv"), f"{folder}/*.png", "x.parquet", "{0..9}.tar")))
    assert is_data("s3://bucket/folder")
    assert not is_data("s3://bucket/folder/a.jpg")


def test_file_with_a_pattern_in_its_name_is_no_data(tree):
    assert not is_data(str(tree("a[1].png") / "a[1].png"))


def test_fingerprint_says_what_the_list_is(tree):
    folder = tree("cat/a.png", "dog/a.png")
    before = open_data(str(folder)).fingerprint
    assert open_data(f"{folder}/").fingerprint == before
    (folder / "dog").rename(folder / "wolf")
    assert open_data(str(folder)).fingerprint != before


def test_data_is_read_by_another_process_from_a_copy(tree):
    data = open_data(str(tree("a.png", "b.png")))
    copy = pickle.loads(pickle.dumps(data))  # noqa: S301 - our own
    assert copy.read(1) == data.read(1)
    assert list(copy.entries) == list(data.entries)
    assert copy.fingerprint == data.fingerprint


def test_entries_are_a_sequence(tree):
    entries = open_data(str(tree("a.png", "b.png", "c.png"))).entries
    assert [entry.id for entry in entries[1:]] == ["b.png", "c.png"]
    assert entries[-1].id == "c.png"
    with pytest.raises(IndexError):
        entries[3]
