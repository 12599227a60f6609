"""Checkpoint files of every kind, sound, broken and malicious."""

from __future__ import annotations

import argparse
import collections
import gc
import hashlib
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from camctl.errors import InputError
from camctl.kit.checkpoints import file_hash, read_checkpoint
from camctl.kit.fitting import check_fit, fit

STATE = {"weight": torch.ones(2, 3), "bias": torch.zeros(2)}


class RunsCode:
    """Unpickled by an ordinary reader, it writes the file that it was made with."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"echo run > '{self.proof}'",)


class Reduced:
    """Is pickled as a call, with a state."""

    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


class LooksUp:
    """Asks for an attribute of something, the first step of many attacks."""

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (collections.OrderedDict, "fromkeys")


def save(folder: Path, content: object, **options: Any) -> Path:
    path = folder / "checkpoint.pth"
    torch.save(content, path, **options)
    return path


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "older format"])
@pytest.mark.parametrize("prefix", ["", "module.", "module._orig_mod."], ids=["plain", "parallel", "compiled"])
@pytest.mark.parametrize("nest", [None, "state_dict", "model", "module"])
def test_weights_are_found_however_they_are_nested_named_and_stored(
    tmp_path: Path,
    nest: str | None,
    prefix: str,
    zipped: bool,  # noqa: FBT001
) -> None:
    state = {prefix + key: value for key, value in STATE.items()}
    path = save(tmp_path, {nest: state, "epoch": 3} if nest else state, _use_new_zipfile_serialization=zipped)
    assert set(read_checkpoint(path).state) == {"weight", "bias"}


@pytest.mark.parametrize("wrapped", [False, True])
def test_version_numbers_are_kept_beside_the_weights(tmp_path: Path, wrapped: bool) -> None:  # noqa: FBT001
    net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    path = save(tmp_path, nn.DataParallel(net).state_dict() if wrapped else net.state_dict())
    assert read_checkpoint(path).versions == dict(net.state_dict()._metadata)


def test_moving_average_is_left_aside_unless_it_is_asked_for(tmp_path: Path) -> None:
    average = {key: value + 5 for key, value in STATE.items()}
    path = save(tmp_path, {"ema_state_dict": average, "state_dict_ema": average, "state_dict": STATE})
    assert torch.equal(read_checkpoint(path).state["weight"], STATE["weight"])
    for asked in ({"choice": "ema"}, {"choice": "state_dict_ema"}, {"usual": "ema"}):
        assert torch.equal(read_checkpoint(path, **asked).state["weight"], average["weight"])


def test_values_of_other_libraries_beside_the_weights_are_harmless(tmp_path: Path) -> None:
    from mmengine.logging import HistoryBuffer

    extra = {
        "seed": np.int64(1),
        "lr": np.float32(0.1),
        "curve": np.arange(3.0),
        "args": argparse.Namespace(lr=1),
        "message_hub": {"log_scalars": {"loss": HistoryBuffer([1.0, 2.0], [1, 1])}},
    }
    assert read_checkpoint(save(tmp_path, {"state_dict": STATE, **extra})).state.keys() == STATE.keys()


@pytest.mark.parametrize(
    "nested",
    [
        lambda names: {"meta": {"dataset_meta": {"classes": names}}},
        lambda names: {"meta": {"CLASSES": names}},
        *(lambda names, key=key: {key: names} for key in ("class_names", "classes", "categories")),
    ],
)
def test_class_names_come_from_the_metadata_or_lie_beside_the_weights(tmp_path: Path, nested: Any) -> None:
    for names, expected in ((["cat", "dog"], ("cat", "dog")), ([0, 1], None)):
        assert read_checkpoint(save(tmp_path, {"state_dict": STATE, **nested(names)})).class_names == expected


def test_hash_is_that_of_the_bytes_of_one_file_or_several(tmp_path: Path) -> None:
    path, other = save(tmp_path, STATE), tmp_path / "other"
    other.write_bytes(b"more")
    assert read_checkpoint(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert file_hash(path, other) == hashlib.sha256(path.read_bytes() + b"more").hexdigest()


def test_safetensors_are_read(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    path = tmp_path / "weights.safetensors"
    safetensors.save_file(STATE, path)
    assert torch.equal(read_checkpoint(path).state["weight"], STATE["weight"])


RECONSTRUCT, SCALAR = np.empty(0).__reduce__()[0], np.float64(0).__reduce__()[0]
DATES = Reduced(np.dtype, ("M8[s]",), (3, "|", None, None, None, -1, -1, 255))
OBJECTS = Reduced(np.dtype, ("O8",), (3, "|", None, ("a",), {"a": (np.dtype("O"), 4)}, 8, 1, 0))


@pytest.mark.parametrize(
    "extra",
    [
        Reduced(SCALAR, (DATES, b"A" * 8)),
        Reduced(SCALAR, (OBJECTS, b"A" * 8)),
        Reduced(RECONSTRUCT, (np.ndarray, (0,), b"b"), (1, (1,), OBJECTS, False, b"A" * 8)),
        Reduced(np.ndarray, ((2**31,), OBJECTS)),
    ],
)
def test_numpy_objects_with_made_up_states_do_no_harm(tmp_path: Path, extra: object) -> None:
    path = save(tmp_path, {"state_dict": STATE, "extra": [extra]}, _use_new_zipfile_serialization=False)
    assert read_checkpoint(path).state.keys() == STATE.keys()
    gc.collect()


def rewritten(path: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """Write an archive's records again, with sums that are right."""
    with zipfile.ZipFile(path) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in records.items():
            archive.writestr(name, change(name, content))
    return path


def test_flipped_bit_and_short_storage_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path, {"weight": torch.full((100,), 5.0)})
    content = bytearray(path.read_bytes())
    content[content.index(torch.full((9,), 5.0).numpy().tobytes())] ^= 1
    flipped = tmp_path / "flipped.pth"
    flipped.write_bytes(content)
    short = rewritten(path, lambda name, content: content[:100] if name.endswith("data/0") else content)
    for damaged in (flipped, short):
        with pytest.raises(InputError, match="not a readable checkpoint"):
            read_checkpoint(damaged)


def test_archive_without_sums_is_read(tmp_path: Path) -> None:
    torch.serialization.set_crc32_options(compute_crc32=False)
    try:
        path = save(tmp_path, STATE)
    finally:
        torch.serialization.set_crc32_options(compute_crc32=True)
    assert read_checkpoint(path).state.keys() == STATE.keys()


@pytest.mark.parametrize("zipped", [True, False])
def test_name_of_any_length_is_refused_at_once(tmp_path: Path, zipped: bool) -> None:  # noqa: FBT001
    pickled = b"\x80\x02cx" + b".x" * 50_000 + b"\nx\n."
    path = save(tmp_path, STATE)
    if zipped:
        rewritten(path, lambda name, content: pickled if name.endswith(".pkl") else content)
    else:
        path.write_bytes(pickled)
    with pytest.raises(InputError, match="a name of 100003 letters"):
        read_checkpoint(path)


def test_attributes_of_a_state_dict_are_not_followed(tmp_path: Path) -> None:
    attributes = {"items": 5, "keys": "x", "get": None, "_metadata": {5: 6, "": 5, "a": {"version": "x"}}}
    state = Reduced(collections.OrderedDict, (), attributes, None, iter(STATE.items()))
    weights = read_checkpoint(save(tmp_path, state))
    assert weights.state.keys() == STATE.keys()
    assert weights.versions is None


def test_malice_does_not_run_and_is_named(tmp_path: Path) -> None:
    proof, bare = tmp_path / "proof", tmp_path / "plain.pth"
    content = {"state_dict": STATE, "extra": RunsCode(proof)}
    with pytest.raises(InputError, match=r"needs '(posix|nt|os)\.system' to be run") as caught:
        read_checkpoint(save(tmp_path, content))
    assert "--trust-checkpoint" in caught.value.hint
    bare.write_bytes(pickle.dumps({**content, "state_dict": {}}))
    with pytest.raises(InputError):
        read_checkpoint(bare)
    assert not proof.exists()


def test_attributes_of_other_things_than_training_logs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="fromkeys"):
        read_checkpoint(save(tmp_path, {"state_dict": STATE, "extra": LooksUp()}))


@pytest.mark.parametrize("content", [{"state_dict": STATE, "extra": {RunsCode}}, nn.Linear(3, 2)])
def test_trusted_checkpoint_may_hold_anything_or_be_a_whole_model(tmp_path: Path, content: object) -> None:
    path = save(tmp_path, content)
    with pytest.raises(InputError, match="refused"):
        read_checkpoint(path)
    assert read_checkpoint(path, trust=True).state.keys() == STATE.keys()


@pytest.mark.parametrize("name", ["disguised.pth", "disguised.safetensors"])
@pytest.mark.parametrize(
    "content", [b"", b"some text, and more text\n" * 20, b"<!DOCTYPE html><html></html>", b"\x80\x02}"]
)
def test_file_of_another_kind_is_one_clear_line(tmp_path: Path, content: bytes, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match="is not a readable checkpoint: it is") as caught:
        read_checkpoint(path)
    assert caught.value.hint
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.98])
def test_truncated_file_is_one_clear_line(tmp_path: Path, zipped: bool, part: float) -> None:  # noqa: FBT001
    path = save(tmp_path, {"weight": torch.randn(100, 100)}, _use_new_zipfile_serialization=zipped)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    with pytest.raises(InputError, match="not a readable checkpoint"):
        read_checkpoint(path)


def test_what_is_no_file_with_weights_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no checkpoint file"):
        read_checkpoint(tmp_path / "none.pth")
    with pytest.raises(InputError, match="no weights"):
        read_checkpoint(save(tmp_path, {"epoch": 3}))
    with pytest.raises(InputError, match="is a folder") as caught:
        read_checkpoint(tmp_path)
    assert "checkpoint.pth" in caught.value.hint


@pytest.mark.parametrize("precision", [torch.float32, torch.float16])
def test_fitting_weights_of_any_precision_leave_no_note(tmp_path: Path, precision: torch.dtype) -> None:
    layer = nn.Linear(3, 2)
    path = save(tmp_path, {key: value.to(precision) for key, value in STATE.items()})
    assert fit(layer, read_checkpoint(path), hint="") == ()
    assert layer.weight.dtype == torch.float32
    assert torch.equal(layer.weight, STATE["weight"])


def test_weights_that_are_not_used_are_one_note(tmp_path: Path) -> None:
    path = save(tmp_path, {**STATE, "momentum": torch.zeros(1)})
    assert fit(nn.Linear(3, 2), read_checkpoint(path), hint="") == (
        "1 entry of the checkpoint is not used (momentum).",
    )


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["conv.weight"], "none of its weights is one of the model"),
        (["0.weight", "0.bias"], "2 weights have other sizes"),
    ],
)
def test_weights_of_another_model_are_refused(tmp_path: Path, names: list[str], message: str) -> None:
    path = save(tmp_path, {name: torch.zeros(7, 7) for name in names})
    with pytest.raises(InputError, match=f"is for another model: {message}"):
        fit(nn.Sequential(nn.Linear(3, 2)), read_checkpoint(path), hint="")


def test_weights_of_the_right_names_and_other_sizes_are_not_taken_for_each_other(tmp_path: Path) -> None:
    def net(width: int) -> nn.Module:
        def part(inputs: int, outputs: int) -> nn.Module:
            return nn.Sequential(nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs))

        parts = {"stem": part(3, width), "body": part(width, 2 * width), "more": part(2 * width, 3)}
        return nn.Sequential(collections.OrderedDict(parts))

    path = save(tmp_path, dict(net(4).state_dict()))
    # The narrow one's body has the sizes of the wide one's stem.
    with pytest.raises(InputError, match=r"; 5 fit\. The first is stem.*, \(8, 3\) in .* and \(4, 3\) in the"):
        fit(net(8), read_checkpoint(path), hint="")


def test_a_head_of_another_size_is_told_by_its_classes(tmp_path: Path) -> None:
    net = nn.Sequential()
    net.add_module("head", nn.Linear(3, 5))
    path = save(tmp_path, {f"head.{key}": value for key, value in STATE.items()})
    with pytest.raises(InputError, match="The head has 5 classes in Net, 2 in the checkpoint") as caught:
        fit(net, read_checkpoint(path), hint="Now build it with classes=N", where="Net")
    assert caught.value.hint == "Now build it with classes=2"


def test_a_library_that_loads_by_itself_gets_the_same_answer() -> None:
    (note,) = check_fit(nn.Linear(3, 2), [], ["momentum"], path="x")
    assert note == "1 entry of the checkpoint is not used (momentum)."
    with pytest.raises(InputError, match=r"1 of 2 weights is not in it \(bias \(2\)\)"):
        check_fit(nn.Linear(3, 2), ["bias"], [], path="x")
    with pytest.raises(InputError, match="is for another model"):
        check_fit(nn.Linear(3, 2), ["weight", "bias"], [], path="x")


def test_a_bug_of_camctls_own_is_not_blamed_on_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path, STATE)
    monkeypatch.delattr("camctl.kit.pickles._attribute")
    with pytest.raises(NameError, match="_attribute"):
        read_checkpoint(path)
