"""Paths of any kind, wherever an input is expected: one line that says what is there, and no waiting."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from camctl.cli.parsing.options import split_checkpoint
from camctl.cli.parsing.texts import parse_masks, pictures_in
from camctl.errors import InputError
from camctl.files.raw_maps import load_raw
from camctl.kit.checkpoints import read_checkpoint
from camctl.kit.name_files import given_names
from camctl.paths import check_file
from camctl.registry.loading import DEFAULT_SOURCE, split_model
from camctl.sources.mm_config import find_config, read_config
from camctl.values.picture import read_picture

HUGE = 40 << 30

READERS = {
    "picture": (read_picture, ".png"),
    "checkpoint": (read_checkpoint, ".pth"),
    "safetensors": (read_checkpoint, ".safetensors"),
    "raw maps": (load_raw, ".npz"),
    "JSON config": (lambda path: read_config(path, {}), ".json"),
    "YAML config": (lambda path: read_config(path, {}), ".yaml"),
    "Python config": (lambda path: read_config(path, {}), ".py"),
    "labels": (lambda path: given_names(str(path)), ".txt"),
}


def sparse(path):
    with path.open("wb") as file:
        file.truncate(HUGE)


def zeros_after(start):
    def make(path):
        path.write_bytes(start)
        os.truncate(path, HUGE)

    return make


KINDS = {
    "missing": lambda path: None,
    "pipe": os.mkfifo,
    "folder": lambda path: path.mkdir(),
    "device": lambda path: path.symlink_to("/dev/zero"),
    "link to itself": lambda path: path.symlink_to(path),
    "link to nothing": lambda path: path.symlink_to("nowhere"),
    "40 GB of nothing": sparse,
    "40 GB that begin as a ZIP": zeros_after(b"PK\x03\x04"),
    "40 GB that begin as a pickle": zeros_after(b"\x80\x02"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reader", READERS)
def test_what_is_no_file_of_its_kind_is_told_in_one_line(tmp_path, reader, kind):
    read, ending = READERS[reader]
    path = tmp_path / f"input{ending}"
    KINDS[kind](path)

    with pytest.raises(InputError) as caught:
        read(path)

    assert "\n" not in caught.value.message
    assert "input" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("name", ["x" * 5000, "d/" * 3000 + "x", "a\0b", "~nobody/x", "~no_such_user/x", "x" * 300])
@pytest.mark.parametrize("reader", READERS)
def test_a_name_that_no_system_allows_leads_nowhere(tmp_path, monkeypatch, reader, name):
    monkeypatch.chdir(tmp_path)
    read, ending = READERS[reader]

    with pytest.raises(InputError):
        read(Path(name + ending))


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "~nobody/x", "~no_such_user/x"])
def test_any_text_can_be_asked_whether_it_is_a_path(name):
    assert split_model(name) == (DEFAULT_SOURCE, name)
    assert split_model(f"demo:{name}") == ("demo", name)
    assert split_checkpoint(f"{name}@{name}") == (name, name)
    assert parse_masks([name], 1) == {None: name}
    assert pictures_in([name]) == (name,)
    assert given_names(name) == (name,)
    with pytest.raises(InputError):
        find_config(f"{name}.py")


def test_a_file_passes_and_a_larger_one_is_told_its_limit(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(11))

    check_file(path, "thing", hint="", largest=11)

    with pytest.raises(InputError, match="too large for a thing"):
        check_file(path, "thing", hint="", largest=10)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="a closed folder is open to root")
def test_a_closed_folder_is_told_as_such(tmp_path):
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed" / "x").touch()
    (tmp_path / "closed").chmod(0)
    with pytest.raises(InputError, match="may not be read"):
        check_file(tmp_path / "closed" / "x", "thing", hint="")


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_weights_stay_when_their_file_shrinks(tmp_path, ending):
    import torch
    from safetensors.torch import save_file

    path, weights = tmp_path / f"weights{ending}", {"a": torch.ones(1 << 20)}
    save_file(weights, path) if ending == ".safetensors" else torch.save(weights, path)

    state = read_checkpoint(path).state
    os.truncate(path, 0)

    assert torch.equal(state["a"], weights["a"])
