"""Checkpoints: mutated sound ones, odd tensors, odd structures, and those of `evil_pickles`."""

from __future__ import annotations

import argparse
import io
import json
import random as numbers
import struct
import warnings
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from tests.hostile.case import ESCAPE, FORGED, Case, Lot
from tests.hostile.kinds.checkpoint_files import case_of, saved, state_of
from tests.hostile.kinds.evil_pickles import code, deep, long_name, numpy_objects
from tests.hostile.kinds.mutation import archive, damaged, entries, nonsense, spoilt

if TYPE_CHECKING:
    from random import Random

# -------------------------------------------------------------------------------------------- damage


def mutated(lot: Lot) -> Case:
    """A sound file with bytes changed."""
    return case_of(lot, damaged(lot.random, lot.sound(lot.random.choice(("resnet.pth", "resnet.pth", "old.pth")))))


def flipped(lot: Lot) -> Case:
    """One bit of a storage flipped: the archive's check sum says so."""
    content = bytearray(lot.sound("resnet.pth"))
    parts = entries(bytes(content))
    name = max((each for each in parts if "/data/" in each), key=lambda each: len(parts[each]))
    at = content.find(parts[name][:64])
    content[at + lot.random.randrange(len(parts[name]))] ^= 1 << lot.random.randrange(8)
    return case_of(lot, bytes(content), expected="refused")


def short_storage(lot: Lot) -> Case:
    """A storage with fewer bytes than its tensor, in an archive that is whole."""
    parts = entries(lot.sound("resnet.pth"))
    name = lot.random.choice([each for each in parts if "/data/" in each])
    parts[name] = parts[name][: lot.random.randrange(len(parts[name]))]
    return case_of(lot, archive(parts), expected="refused")


def repacked(lot: Lot) -> Case:
    """An archive whose entries are damaged, missing, renamed, packed or more than they should be."""
    parts = entries(lot.sound("resnet.pth"))
    name = lot.random.choice(list(parts))
    match lot.random.randrange(7):
        case 0:
            parts[name] = damaged(lot.random, parts[name])
        case 1:
            del parts[name]
        case 2:
            parts = {
                key.replace("/", lot.random.choice(("//", "\\", "/../", "")), 1): each for key, each in parts.items()
            }
        case 3:
            pickle = next(each for each in parts if each.endswith("data.pkl"))
            parts[pickle] = damaged(lot.random, parts[pickle])
        case 4:
            parts = {key: each for key, each in parts.items() if "byteorder" not in key} | {"archive/byteorder": b"big"}
        case 5:
            return case_of(lot, archive(parts, packed=True))
        case 6:
            parts |= {f"archive/data/{number}": b"" for number in range(lot.random.choice((10, 70000)))}
    return case_of(lot, archive(parts))


# ------------------------------------------------------------------------------------------ structure


def _odd_tensor(random: Random) -> Any:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return random.choice((
            lambda: torch.zeros(2, 3).to_sparse(),
            lambda: torch.eye(3).to_sparse_csr(),
            lambda: torch.quantize_per_tensor(torch.ones(10, 3, 3, 3), 0.1, 0, torch.qint8),
            lambda: torch.quantize_per_channel(torch.ones(2, 2), torch.ones(2), torch.zeros(2), 0, torch.quint8),
            lambda: torch.empty(3, device="meta"),
            lambda: torch.ones(3, dtype=torch.complex64),
            lambda: torch.ones(3, dtype=torch.bool),
            lambda: torch.tensor(1.5),
            lambda: torch.zeros(0),
            lambda: torch.full((16,), float("nan")),
            lambda: torch.full((16,), float("inf")),
            lambda: torch.zeros(1).expand(10**9),
            lambda: torch.zeros(1).expand(2**40),
            lambda: torch.ones(8).to(torch.float8_e4m3fn),
            lambda: torch.ones(8, dtype=torch.uint16),
            lambda: torch.nn.Parameter(torch.ones(8)),
            lambda: torch.nn.Buffer(torch.ones(8)),
            lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
            lambda: torch.ones(2, 2, 2)[:, ::2].transpose(0, 2),
            lambda: torch.randn(4).conj(),
            lambda: torch._neg_view(torch.ones(4)),
            lambda: torch.ones(8, dtype=torch.bfloat16).requires_grad_(),
        ))()  # fmt: skip


def tensors(lot: Lot) -> Case:
    """Tensors of odd kinds, in the place of a weight or beside the weights."""
    state = state_of(lot)
    tensor = _odd_tensor(lot.random)
    names = list(state)
    if lot.random.random() < 0.3:
        state = dict.fromkeys(names, tensor)
    else:
        for each in lot.random.sample(names, lot.random.choice((1, 3, len(names) // 2))):
            state[each] = tensor
    if lot.random.random() < 0.2:
        state = {"x": tensor}
    return case_of(lot, saved(state, new=lot.random.random() < 0.8))


def keys(lot: Lot) -> Case:
    """Names of weights that are no names, escapes, very long, or not text."""
    state = state_of(lot)
    for odd in lot.random.sample(
        [
            "",
            ".",
            "..",
            ESCAPE,
            f"a\n{FORGED}",
            "x" * 100_000,
            "a." * 5000,
            5,
            None,
            (1, 2),
            True,
            1.5,
            b"x",
            "\ud800",
            "日本",
        ],
        lot.random.choice((1, 3, 8)),
    ):
        state[odd] = state[lot.random.choice(list(state))]
    if lot.random.random() < 0.4:
        state = {
            f"{lot.random.choice(('module.', '_orig_mod.', '.', ESCAPE))}{key}": value for key, value in state.items()
        }
    return case_of(lot, saved(state))


def structure(lot: Lot) -> Case:  # noqa: C901 - a list of structures
    """Dicts that hold themselves, attributes of their own, version numbers that are none."""
    random = lot.random
    state: Any = OrderedDict(state_of(lot))
    match random.randrange(9):
        case 0:
            state[random.choice(("state_dict", "model", "net", "self"))] = state
        case 1:
            holder: list[Any] = [state]
            holder.append(holder)
            state = {"state_dict": holder, "model": state, "more": holder}
        case 2:
            state._metadata = random.choice((5, "x", [1], {5: 6}, {"": 5}, {"backbone": {"version": "x"}}, {"a": None}))
        case 3:
            setattr(
                state,
                random.choice(("items", "keys", "__class__x", "get", "values", "copy")),
                random.choice((5, "x", None)),
            )
        case 4:
            state = {"state_dict": {"model": {"module": {"net": {"model_ema": {"state_dict": state}}}}}}
        case 5:
            state = {
                "state_dict": state,
                "meta": nonsense(random, 4),
                "class_names": nonsense(random, 3),
                "epoch": 10**400,
            }
        case 6:
            state = {
                "state_dict": state,
                "meta": {"dataset_meta": {"classes": nonsense(random, 3)}, "CLASSES": [ESCAPE] * 8},
            }
        case 7:
            state = random.choice(
                (
                    [state],
                    (state,),
                    {1: state},
                    "state",
                    5,
                    None,
                    {},
                    [],
                    state.get("backbone.conv1.weight", 1),
                )
            )
        case 8:
            state = spoilt(random, {"state_dict": state, "meta": {"classes": ["a"] * 8}}, 3)
    try:
        content = saved(state, new=random.random() < 0.8)
    except (TypeError, ValueError, RecursionError, UnicodeEncodeError, OverflowError):
        content = saved(dict(state_of(lot)))
    return case_of(lot, content)


# --------------------------------------------------------------------------------------- other files


def safetensors(lot: Lot) -> Case:
    """Safetensors: damaged bytes, or a header that says other things than the data."""
    content = lot.sound("resnet.safetensors")
    if lot.random.random() < 0.4:
        return case_of(lot, damaged(lot.random, content), ending=".safetensors")
    size = struct.unpack("<Q", content[:8])[0]
    header = spoilt(lot.random, json.loads(content[8 : 8 + size]), lot.random.choice((1, 3)))
    raw = json.dumps(header).encode()
    length = lot.random.choice((len(raw), len(raw), len(raw), 2**63 - 1, 2**31, 0, len(raw) + 5))
    data = struct.pack("<Q", length) + raw + content[8 + size :]
    return case_of(lot, data, ending=lot.random.choice((".safetensors", ".safetensors", ".pth")))


def torchscript(lot: Lot) -> Case:
    """A script of torch, whole, damaged, or with the weights' ending."""
    content = lot.sound("script.pt")
    content = content if lot.random.random() < 0.2 else damaged(lot.random, content)
    return case_of(lot, content, ending=lot.random.choice((".pt", ".pth", ".safetensors")))


def other(lot: Lot) -> Case:
    """Files that are no checkpoints at all."""
    import numpy as np

    buffer = io.BytesIO()
    np.savez(buffer, a=np.arange(4), b=np.array([{1: 2}, None], dtype=object))
    content = lot.random.choice((
        buffer.getvalue(), b"", b"\0", b"PK\x03\x04", b"<!doctype html>", lot.sound("scene.png"), b"\x80\x02",
        b"\x80\x05.",
        b"." * 100, b"N.", b"I" + b"9" * 100_000 + b"\n.", lot.random.randbytes(1000), b"\x1f\x8b\x08" + bytes(50),
        b"ustar" * 200,
        b"version https://git-lfs.github.com/spec/v1\n", b"\x80\x02" + b"(" * 100_000 + b".",
        b"\x80\x02]q\x00h\x00a.", archive({}),
        b"\x80\x02X\xff\xff\xff\x7fx.", b"\x80\x04\x8d" + b"\xff" * 7 + b"\x7f",
        b"\x80\x02}" + b"r\xff\xff\xff\xff" + b".",
    ))  # fmt: skip
    return case_of(lot, content, ending=lot.random.choice((".pth", ".npz", ".safetensors", ".bin", "", ".pt")))


def sound(lot: Lot) -> Case:
    """Sound files as mmengine, timm, torchvision and Lightning leave them, which must load."""
    import numpy as np
    import torch

    random, state = lot.random, state_of(lot)
    space = argparse.Namespace(lr=0.1, names=["a"], path="x", nested=argparse.Namespace(a=1))
    content = random.choice((
        {"state_dict": state, "meta": {"epoch": np.int64(3), "best": np.float64(0.5), "seed": np.float32(2.0)}},
        {"state_dict": OrderedDict(state), "epoch": 3, "args": space, "metric": np.float64(80.1), "arch": "resnet"},
        {"model": state,
        "rng": {"numpy": ("MT19937", np.arange(624, dtype=np.uint32), 5, 0, 0.0), "torch": torch.get_rng_state()}},
        {"state_dict": state, "rng": numbers.Random(5).getstate(), "losses": np.linspace(0, 1, 9),  # noqa: S311 - its state alone
        "flag": np.bool_(True)},
        {"state_dict": {f"module.{key}": value for key, value in state.items()},
        "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}}},
        {"state_dict": state, "state_dict_ema": state, "version": 2, "amp_scaler": {"scale": 65536.0}},
        {"pytorch-lightning_version": "2.4", "state_dict": state, "hyper_parameters": {"lr": 0.1},
        "callbacks": {"a": {"b": torch.ones(2)}}},
        {"state_dict": state, "time": np.datetime64("2026-01-01"), "names": np.array(["a", "b"]),
        "void": np.zeros(2, [("a", "f4")])},
        state,
    ))  # fmt: skip
    return case_of(lot, saved(content, new=random.random() < 0.7), expected="accepted")


SORTS = {
    "mutated": mutated, "flipped": flipped, "short-storage": short_storage, "repacked": repacked,
    "numpy": numpy_objects,
    "code": code, "long-name": long_name, "deep": deep, "tensors": tensors, "keys": keys, "structure": structure,
    "safetensors": safetensors, "torchscript": torchscript, "other": other, "sound": sound,
}  # fmt: skip
