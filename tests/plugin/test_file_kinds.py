"""Files and folders that people take for checkpoints: each is named for what it is, and never called damaged."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import pathlib
import struct
import sys
import uuid
import warnings
import zipfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from camctl.errors import InputError
from camctl.kit.checkpoints import read_checkpoint
from camctl.kit.class_names import as_names

STATE = {"weight": torch.ones(2, 3), "bias": torch.zeros(2)}


def refused(file: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        read_checkpoint(file)
    assert "damaged" not in caught.value.message
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("net.pth", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n", "pointer of Git LFS"),
        ("net.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n", "Git LFS"),
        ("net.pth", b"\n<!DOCTYPE html>\n<html>Sign in</html>", "web page"),
        ("net.pth", b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "XML"),
        ("net.h5", b"\x89HDF\r\n\x1a\n" + bytes(99), "Keras"),
        ("net.pth", b"\x89HDF\r\n\x1a\n" + bytes(99), "HDF5"),
        ("net.tflite", b"\x1c\0\0\0TFL3" + bytes(99), "TensorFlow Lite"),
        ("saved_model.pb", b"\x08\x01\x12\x99" + bytes(99), "another library"),
        ("net.onnx", b"\x08\x08\x12\x07pytorch\x1a\x052.1.0:" + bytes(99), "ONNX"),
        ("net.pth", b"\x08\x08\x12\x07pytorch\x1a\x052.1.0:" + bytes(99), "ONNX"),
        ("net.pth.gz", b"\x1f\x8b\x08" + bytes(99), "packed"),
        ("net.tar", b"net.pth".ljust(257, b"\0") + b"ustar" + bytes(99), "tar archive"),
        ("net.gguf", b"GGUF" + bytes(99), "GGUF"),
        ("scene.png", b"\x89PNG\r\n\x1a\n" + bytes(99), "picture"),
        ("weights.npy", b"\x93NUMPY" + bytes(99), "numpy"),
        ("notes.txt", b"some words, and more words\n", "text"),
        ("net.msgpack", b"\x85\xa6params" + bytes(99), "another library"),
    ],
)
def test_files_of_other_kinds_are_named(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert says in refused(tmp_path / name).message


def test_programs_are_named(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.trace(nn.Linear(3, 2), torch.ones(1, 3)).save(tmp_path / "traced.pt")
        torch.export.save(torch.export.export(nn.Linear(3, 2), (torch.ones(1, 3),)), tmp_path / "exported.pt2")
    assert "TorchScript" in refused(tmp_path / "traced.pt").message
    assert "torch.export" in refused(tmp_path / "exported.pt2").message


def test_archives_of_other_things_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "arrays.npz", a=np.ones(3))
    for name, inside in (("net.keras", "model.weights.h5"), ("all.zip", "net/readme.txt")):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(inside, "x")
    assert "numpy" in refused(tmp_path / "arrays.npz").message
    assert "Keras" in refused(tmp_path / "net.keras").message
    assert "archive of other files" in refused(tmp_path / "all.zip").message


def test_folders_are_named(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "google/vit"}))
    assert "adapter of PEFT for google/vit" in refused(tmp_path).message
    (tmp_path / "tf").mkdir()
    (tmp_path / "tf" / "saved_model.pb").write_bytes(b"x")
    assert "TensorFlow" in refused(tmp_path / "tf").message


def test_quantised_weights_are_named(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save({"weight": torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)}, tmp_path / "q.pth")
    assert "quantised" in refused(tmp_path / "q.pth").message


def test_weights_of_several_files_are_read_by_their_index(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    index = {"weight_map": {}}
    for number, (name, value) in enumerate(STATE.items()):
        save_file({name: value}, tmp_path / f"part-{number}.safetensors")
        index["weight_map"][name] = f"part-{number}.safetensors"
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    assert read_checkpoint(tmp_path / "model.safetensors.index.json").state.keys() == STATE.keys()
    (tmp_path / "config.json").write_text("{}")
    assert "no index of weights" in refused(tmp_path / "config.json").message


def test_safetensors_are_known_by_their_content(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file(STATE, tmp_path / "net.pth")
    assert read_checkpoint(tmp_path / "net.pth").state.keys() == STATE.keys()


class Settings(dict[str, Any]):
    """Stands for the options of another library."""


Settings.__module__, Settings.__qualname__ = "pytorch_lightning.utilities.parsing", "AttributeDict"


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    "extra",
    [
        pathlib.PurePosixPath("runs/1"),
        Path("runs/1"),
        {Path("a"), Path("b")},
        dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        decimal.Decimal("1.5"),
        uuid.UUID(int=5),
        defaultdict(list, {"loss": [1.0]}),
        np.array(["a", "b"]),
        np.random.default_rng(0),
        np.random.RandomState(0),
        torch.optim.Adam,
    ],
    ids=lambda extra: type(extra).__name__,
)
def test_what_training_keeps_beside_the_weights_is_inert(tmp_path: Path, extra: object, zipped: bool) -> None:  # noqa: FBT001
    path = tmp_path / "net.pth"
    torch.save({"state_dict": STATE, "extra": extra}, path, _use_new_zipfile_serialization=zipped)
    assert read_checkpoint(path).state.keys() == STATE.keys()


def test_options_of_lightning_are_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = type(sys)("pytorch_lightning.utilities.parsing")
    module.AttributeDict = Settings  # type: ignore[attr-defined]
    for name in ("pytorch_lightning", "pytorch_lightning.utilities"):
        monkeypatch.setitem(sys.modules, name, type(sys)(name))
    monkeypatch.setitem(sys.modules, "pytorch_lightning.utilities.parsing", module)
    path = tmp_path / "net.ckpt"
    torch.save({"state_dict": STATE, "hyper_parameters": Settings(class_names=["ant", "bee"])}, path)
    assert read_checkpoint(path).class_names == ("ant", "bee")


def test_a_whole_model_is_named_and_read_from_the_current_folder_if_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_nets_of_mine.py").write_text("from torch import nn\nclass Own(nn.Linear):\n    pass\n")
    with monkeypatch.context() as patched:
        patched.syspath_prepend(tmp_path)
        import own_nets_of_mine  # type: ignore[import-not-found]

        torch.save(own_nets_of_mine.Own(3, 2), "whole.pth")
    del sys.modules["own_nets_of_mine"]
    error = refused(Path("whole.pth"))
    assert "holds a whole model" in error.message
    assert "--trust-checkpoint" in error.hint
    assert read_checkpoint(Path("whole.pth"), trust=True).state.keys() == STATE.keys()
    monkeypatch.chdir("/")
    sys.modules.pop("own_nets_of_mine", None)
    with pytest.raises(InputError, match="needs code that cannot be imported"):
        read_checkpoint(tmp_path / "whole.pth", trust=True)


@pytest.mark.parametrize(
    "names",
    [
        ["ant", "bee"],
        ("ant", "bee"),
        {0: "ant", 1: "bee"},
        {"1": "bee", "0": "ant"},
        {"bee": 1, "ant": 0},
        np.array(["ant", "bee"]),
        np.array(["ant", "bee"], dtype=">U8"),
        np.array([b"ant", b"bee"]),
        np.array(["ant", "bee"], dtype=object),
    ],
    ids=str,
)
@pytest.mark.parametrize("zipped", [True, False])
def test_class_names_are_read_in_every_form(tmp_path: Path, names: Any, zipped: bool) -> None:  # noqa: FBT001
    path = tmp_path / "net.pth"
    for content in (
        {"class_to_idx": names},
        {"classes": names},
        {"idx_to_class": names},
        {"id2label": names},
        {"meta": {"dataset_meta": {"CLASSES": names}}},
        {"hyper_parameters": {"class_names": names}},
        {"meta": {"CLASSES": names}},
    ):
        torch.save({"state_dict": STATE, **content}, path, _use_new_zipfile_serialization=zipped)
        assert read_checkpoint(path).class_names == ("ant", "bee")


@pytest.mark.parametrize(
    "value", [None, 5, "ant", [], {}, [1, 2], {0: "ant", 2: "bee"}, {"a": "b"}, {True: "x"}, np.ones(3), {"ant": 0.5}]
)
def test_what_is_no_list_of_names_is_none(value: Any) -> None:
    assert as_names(value) is None


def test_a_length_that_says_json_is_no_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "net.bin"
    path.write_bytes(struct.pack("<Q", 1 << 60) + b'{"weight"')
    with pytest.raises(InputError, match="not a readable checkpoint"):
        read_checkpoint(path)
