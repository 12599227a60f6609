"""Pickles written by hand: numpy's objects with odd states, code, long names, deep structures."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from tests.hostile.case import ESCAPE, Case, Lot
from tests.hostile.kinds import pickles as p
from tests.hostile.kinds.checkpoint_files import case_of

if TYPE_CHECKING:
    from random import Random

RECONSTRUCT = p.name("numpy.core.multiarray", "_reconstruct")
SCALAR = p.name("numpy.core.multiarray", "scalar")
NDARRAY, DTYPE = p.name("numpy", "ndarray"), p.name("numpy", "dtype")


# --------------------------------------------------------------------------------------------- numpy


def _dtype(random: Random) -> bytes:
    code = random.choice(
        ("O8", "O8", "O", "V8", "f4", "i8", "S8", "U4", "M8[s]", "i4,O", "V2000000000", "", "x", "O8,O8")
    )
    made = p.call(DTYPE, p.text(code), p.FALSE, p.TRUE)
    flags = random.choice((0, 63, 16, 1, -1, 255, 2**40))
    fields = p.dict_of(
        a=p.tuple_of(p.call(DTYPE, p.text("O8"), p.FALSE, p.TRUE), p.number(random.choice((0, 4, 10**9, -8))))
    )
    states = (
        p.tuple_of(p.number(3), p.text("|"), p.NONE, p.NONE, p.NONE, p.number(-1), p.number(-1), p.number(flags)),
        p.tuple_of(
            p.number(3), p.text("|"), p.NONE, p.tuple_of(p.text("a")), fields, p.number(8), p.number(1), p.number(flags)
        ),
        p.tuple_of(p.number(random.choice((0, 4, 99))), p.NONE),
    )
    return p.build(made, random.choice(states)) if random.random() < 0.7 else made


def _array(random: Random) -> bytes:
    size = random.choice((1, 4, 8, 64))
    shape = p.tuple_of(
        *(p.number(random.choice((size, size, 1, 0, -1, 2**31, 2**62))) for _ in range(random.choice((1, 1, 2, 70))))
    )
    raw = p.octets(random.choice((b"A" * 8 * size, struct.pack("<Q", 0x10) * size, random.randbytes(8 * size), b"")))
    empty = p.call(RECONSTRUCT, NDARRAY, p.tuple_of(p.number(0)), p.octets(b"b"))
    state = p.tuple_of(p.number(1), shape, _dtype(random), random.choice((p.TRUE, p.FALSE)), raw)
    match random.randrange(5):
        case 0 | 1:
            return p.build(empty, state)
        case 2:
            return p.call(NDARRAY, shape, _dtype(random), raw)
        case 3:
            return p.call(SCALAR, _dtype(random), raw)
        case _:
            return p.build(p.call(NDARRAY, shape, _dtype(random)), state)


def numpy_objects(lot: Lot) -> Case:
    """Numpy's arrays and types with states made by hand: objects over raw bytes, types without their flags."""
    body = b"](" + b"".join(_array(lot.random) for _ in range(lot.random.choice((1, 1, 3)))) + b"e"
    sound = lot.sound("resnet.pth")
    content = lot.random.choice((p.beside(sound, body), p.zipped(p.dict_of(meta=body)), p.legacy(p.dict_of(x=body))))
    return case_of(lot, content)


# ---------------------------------------------------------------------------------------------- code


def payload(lot: Lot) -> bytes:
    """The body of a pickle that makes the canary, if it is run."""
    touch = p.text(f"open({lot.canary!r}, 'w').close()")
    shell = p.text(f"touch '{lot.canary}'")
    log = p.name("mmengine.logging.history_buffer", "HistoryBuffer")
    ask = p.name("builtins", "getattr")
    space = p.name("argparse", "Namespace")
    return lot.random.choice((
        p.call(p.name("os", "system"), shell),
        p.call(p.name("posix", "system"), shell),
        p.call(p.name("builtins", "exec"), touch),
        p.call(p.name("builtins", "eval"), touch),
        p.call(p.name("subprocess", "getoutput"), shell),
        p.call(p.call(ask, p.name("os", "path"), p.text("os")), shell),
        p.call(p.call(ask, log, p.text("__init__")), touch),
        p.call(p.call(ask, p.call(ask, log, p.text("__setstate__")), p.text("__globals__")), touch),
        p.call(p.name("torch.hub", "load"), p.text("."), p.text("x")),
        p.call(p.name("torch.serialization", "os.system"), shell),
        p.call(p.name("numpy", "core.multiarray.os.system"), shell),
        p.call(p.name("camctl.kit.checkpoints", "hashlib"), shell),
        p.build(p.call(space), p.dict_of(__class__=p.name("os", "system"))),
        p.build(p.call(space), p.dict_of(__reduce__=shell, state_dict=shell)),
        p.build(p.call(log), p.dict_of(__setstate__=p.name("os", "system"))),
        p.call(p.name("builtins", "map"), p.name("os", "system"), b"](" + shell + b"e"),
        p.call(p.name("torch._utils", "_rebuild_tensor_v2"), shell),
        p.call(p.name("torch", "storage"), shell),
        p.call(p.name("runpy", "_run_code"), touch, p.dict_of()),
    ))  # fmt: skip


def code(lot: Lot) -> Case:
    """A pickle that asks for code to be run, in any kind of file and place."""
    body, sound = payload(lot), lot.sound("resnet.pth")
    content = lot.random.choice((
        p.beside(sound, body), p.zipped(body), p.legacy(body), p.PROTOCOL + body + p.STOP,
        p.zipped(p.dict_of(state_dict=body)), p.beside(sound, body, key="model"),
    ))  # fmt: skip
    ending = lot.random.choice((".pth", ".pt", ".bin", ".ckpt", ".safetensors", ".npz", ".json", ".tar"))
    return case_of(lot, content, ending=ending)


def long_name(lot: Lot) -> Case:
    """A global whose name is very long, holds escapes, or is no name."""
    length = lot.random.choice((100, 5000, 100_000))
    odd = lot.random.choice(
        ("x" * length, "x." * (length // 2), ESCAPE.replace("\x9b", ""), "é", "", "x y", "%s%n", "[bold]")
    )
    module = lot.random.choice((odd, "torch", "numpy", "os"))
    return case_of(lot, lot.random.choice((p.zipped, p.legacy))(p.call(p.name(module, odd))))


def deep(lot: Lot) -> Case:
    """Tuples, lists and dicts, nested very deep."""
    depth = lot.random.choice((1_000, 30_000, 1_000_000))
    wraps = {"tuple": (b")", b"\x85"), "list": (b"]", b""), "dict": (b"}", b"")}
    start, end = wraps[lot.random.choice(("tuple", "tuple", "list", "dict"))]
    if end:
        body = start + end * depth
    elif start == b"]":
        body = b"]" * (depth + 1) + b"a" * depth
    else:
        body = (b"}" + p.text("state_dict")) * depth + b"}" + b"s" * depth
    sound = lot.sound("resnet.pth")
    return case_of(lot, lot.random.choice((p.zipped(body), p.legacy(body), p.beside(sound, body))))
