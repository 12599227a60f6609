"""A file is written whole or not at all, and what stands in the way is said in one line beforehand."""

from __future__ import annotations

import os
import stat
import struct
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

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
    with pytest.raises(CamctlError, match="larger than a file may be") as caught, short_of_space():
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


# ------------------------------------------------------------------------------- what is replaced


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o755, 0o400])
@pytest.mark.parametrize("linked", [False, True])
def test_a_file_that_is_replaced_leaves_its_mode_to_the_new_one(tmp_path, mode, linked):
    real, path = tmp_path / "real.bin", tmp_path / "a.bin"
    real.write_bytes(b"old")
    real.chmod(mode)
    path.symlink_to(real) if linked else real.rename(path)

    write_atomically(path, b"new")

    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert path.is_symlink() == linked


def test_nobody_else_can_read_a_private_file_while_it_is_written(tmp_path):
    path = tmp_path / "a.bin"
    path.touch(0o600)
    modes = []

    write_atomically(path, lambda file: modes.append(os.fstat(file.fileno()).st_mode))

    assert [stat.S_IMODE(mode) for mode in modes] == [0o600]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may give a file away")
def test_a_file_that_is_replaced_leaves_its_owner_to_the_new_one(tmp_path):
    path = tmp_path / "a.bin"
    path.touch()
    os.chown(path, 1234, 2345)
    write_atomically(path, b"new")
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 2345)


def test_a_file_that_is_replaced_leaves_its_access_list_to_the_new_one(tmp_path):
    path, other = tmp_path / "a.bin", 2
    path.touch(0o600)
    # Version, then (tag, permissions, id): the owner, user 7, the group, the mask, others; see acl(5).
    entries = [(0x01, 6, -1), (0x02, 4, 7), (0x04, 0, -1), (0x10, 4, -1), (0x20, 0, -1)]
    packed = struct.pack("<I", other) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    try:
        os.setxattr(path, "system.posix_acl_access", packed)
    except (AttributeError, OSError):
        pytest.skip("this file system keeps no access lists")

    write_atomically(path, b"new")

    assert os.getxattr(path, "system.posix_acl_access") == packed


def test_a_link_to_itself_is_refused_and_stays(tmp_path):
    path = tmp_path / "loop.png"
    path.symlink_to("loop.png")
    for write in (check_writable, lambda place: write_atomically(place, b"new")):
        with pytest.raises(InputError, match="is a link that leads to itself"):
            write(path)
    assert path.is_symlink()


def test_a_link_into_a_folder_that_takes_no_files_is_refused_beforehand(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "link.png").symlink_to(tmp_path / "file" / "deeper" / "map.png")
    with pytest.raises(InputError, match="is not a folder"):
        check_writable(tmp_path / "link.png")


def test_a_pipe_that_nobody_reads_is_one_line_and_no_wait(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(InputError, match="nobody reads"):
        write_atomically(path, b"new")


def test_a_pipe_gets_everything_that_its_reader_takes(tmp_path):
    path, content = tmp_path / "pipe", b"x" * 300_000  # more than a pipe holds
    os.mkfifo(path)
    read = []
    reader = Thread(target=lambda: read.append(path.read_bytes()))
    reader.start()
    while reader.is_alive() and not read:
        with suppress(InputError):  # until the reader has opened it
            write_atomically(path, content)
            break
    reader.join(timeout=10)
    assert read == [content]


def test_a_reader_that_ends_early_is_one_line(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def fill(file):
        os.close(reading)
        file.write(b"x" * 300_000)

    with pytest.raises(CamctlError, match="its reader has ended"):
        write_atomically(path, fill)
