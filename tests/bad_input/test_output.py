"""Places that nothing can be saved to: nothing half-written, nothing lost."""

import errno
import os
import shlex
from pathlib import Path

import pytest

from camctl.files import atomic as writing

from .conftest import contents

MODEL = "python:nets:cnn"


@pytest.mark.parametrize(
    ("option", "place", "says"),
    [
        ("--save-path", "photo.png/map.png", "'photo.png' is not a folder"),
        ("--save-path", "photo.png/maps/", "is not a folder"),
        ("--save-path", "photo.png", "is the picture itself"),
        ("--save-path", "link.png", "is the picture itself"),
        ("--save-path", "map.gif", "it has the ending '.gif'"),
        ("--save-path", "", "is not a path to save to"),
        ("--save-path", "-", "is not a path to save to"),
        ("--save-path", "x" * 300 + ".png", "is too long a name"),
        ("--save-path", "x" * 300, "is too long a name"),
        ("--save-path", "a\0b.png", "cannot be the name of a file"),
        ("--save-raw", "map.npy", "it has the ending '.npy'"),
        ("--save-raw", "photo.png/map.npz", "is not a folder"),
        ("--save-raw", "", "is not the name of a file"),
    ],
)
def test_place_that_cannot_be_written_is_refused(refuses, photo, option, place, says):
    Path("link.png").symlink_to(photo)
    kept = ("--save-path", "out/map.png") if option == "--save-raw" else ()

    assert says in refuses("run", photo, MODEL, option, place, *kept).error


def test_folder_that_is_not_writable_is_refused(refuses, photo, monkeypatch):
    # Root may write anywhere: the system is made to say no.
    monkeypatch.setattr(os, "access", lambda _path, mode: not mode & os.W_OK)

    assert "is not writable" in refuses("run", photo, MODEL).error


def test_disk_that_turns_read_only_is_one_line(refuses, photo, monkeypatch):
    monkeypatch.setattr(writing, "_fill", failing(errno.EROFS))
    Path("out").mkdir()

    assert "is not writable" in refuses("run", photo, MODEL).error


@pytest.mark.parametrize(("option", "name"), [("--save-path", "out/map.png"), ("--save-raw", "out/map.npz")])
def test_full_disk_leaves_what_was_there(camctl, photo, monkeypatch, option, name):
    Path("out").mkdir()
    Path(name).write_bytes(b"of yesterday")
    before = contents(Path.cwd())
    monkeypatch.setattr(writing, "_fill", failing(errno.ENOSPC))

    done = camctl("run", photo, MODEL, option, name)

    said = f"error: '{name}' was not written: the disk is full.\nhint: Free some space, or save to another disk.\n"
    assert (done.code, done.out, done.err) == (1, "", said)
    assert contents(Path.cwd()) == before


def failing(code):
    """Writes a part, then fails as the system does."""

    def fill(file, _content):
        file.write(b"half")
        raise OSError(code, os.strerror(code))

    return fill


def test_several_maps_for_one_file_are_refused_with_a_folder_that_works(refuses, camctl, photo):
    words = ("run", photo, MODEL, "--topk", 2)
    said = refuses(*words, "--save-path", "map.png")

    assert "2 maps do not fit" in said.error
    advised = shlex.split(said.hint.removeprefix("Give a folder: "))
    assert camctl(*words, *advised, "--quiet").code == 0
    assert len(list(Path("map").iterdir())) == 2


def test_other_name_for_a_map_of_the_picture_works(refuses, camctl, photo):
    said = refuses("run", photo, MODEL, "--save-path", photo)
    before = photo.read_bytes()

    advised = shlex.split(said.hint.removeprefix("Choose another name: "))
    assert camctl("run", photo, MODEL, *advised, "--quiet").code == 0
    assert photo.read_bytes() == before


def test_demo_into_a_file_is_refused_before_any_work(refuses, photo):
    assert "is not a folder" in refuses("demo", "--output", photo).error
