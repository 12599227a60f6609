"""A file is written whole or not at all, and what stands in the way is said in one line beforehand."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from pathlib import Path

import pytest

from camctl.errors import CamctlError, InputError
from camctl.files.atomic import PICTURES, check_folder, check_writable, write_atomically

resource = pytest.importorskip("resource")


@contextmanager
def short_of_space():
    """Files cannot grow beyond 1000 bytes: what is longer fails half way, as on a full disk.

    For a few lines alone: the test runner's own log may be a file too.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_bytes_are_written_by_hand_or_by_a_function_and_folders_made(tmp_path):
    path = tmp_path / "new" / "deeper" / "a.json"
    for content in (b"{}", lambda file: file.write(b"{}")):
        assert write_atomically(path, content) == path
        assert path.read_bytes() == b"{}"
        path.unlink()


def test_a_file_gets_the_permissions_of_any_other(tmp_path):
    (tmp_path / "usual").touch()
    write_atomically(tmp_path / "a.bin", b"")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("usual", "a.bin")}
    assert len(modes) == 1


def test_a_write_that_fails_half_way_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(CamctlError, match="was not written") as caught, short_of_space():
        write_atomically(path, b"x" * 100_000)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["a.bin"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_write_leaves_no_trace(tmp_path, error):
    def interrupted(file):
        file.write(b"half")
        raise error

    with pytest.raises(error):
        write_atomically(tmp_path / "a.bin", interrupted)
    assert not list(tmp_path.iterdir())


def test_a_link_is_followed_and_stays_a_link(tmp_path):
    (tmp_path / "real.bin").write_bytes(b"old")
    link = tmp_path / "link.bin"
    link.symlink_to("real.bin")
    write_atomically(link, b"new")
    assert link.is_symlink()
    assert (tmp_path / "real.bin").read_bytes() == b"new"


def test_a_device_is_written_to_directly():
    write_atomically(os.devnull, b"gone")
    assert not Path(os.devnull).is_file()


@pytest.mark.parametrize(
    ("name", "words"), [("file/a.png", "part of it is a file"), (".", "is a folder"), (f"{'x' * 300}.png", "too long")]
)
def test_a_path_that_cannot_be_written_is_one_line(tmp_path, name, words):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=words):
        write_atomically(tmp_path / name, b"")


# ---------------------------------------------------------------------------------- beforehand


@pytest.mark.parametrize(
    ("name", "endings"), [("new/map.png", PICTURES), ("MAP.PNG", PICTURES), ("a.npz", (".npz",)), ("any.thing", ())]
)
def test_checking_makes_nothing(tmp_path, monkeypatch, name, endings):
    monkeypatch.chdir(tmp_path)
    assert check_writable(tmp_path / name, endings) == tmp_path / name
    check_writable(name, endings)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["map.bmp", "map", "map.png.txt"])
def test_an_unknown_ending_lists_the_known_ones(tmp_path, name):
    with pytest.raises(InputError, match="ending") as caught:
        check_writable(tmp_path / name)
    assert ".png, .jpg, .jpeg or .webp" in caught.value.hint


def test_a_file_in_place_of_a_folder_and_a_folder_in_place_of_a_file_are_refused(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        check_writable(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is not a folder"):
        check_writable(tmp_path / "file" / "deeper" / "map.png")


def test_a_folder_that_takes_no_files_is_refused(tmp_path, monkeypatch):
    # Permissions stop nobody who runs the tests as root.
    monkeypatch.setattr(os, "access", lambda *_args: False)
    with pytest.raises(InputError, match="not writable"):
        check_folder(tmp_path / "new")


def test_a_write_protected_file_is_refused(tmp_path, monkeypatch):
    (tmp_path / "map.png").touch()
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path).is_dir())
    with pytest.raises(InputError, match="write-protected"):
        check_writable(tmp_path / "map.png")
