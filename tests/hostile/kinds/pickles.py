"""Pickles written opcode by opcode, and the two kinds of file that torch keeps them in."""

from __future__ import annotations

import struct

from tests.hostile.kinds.mutation import archive, entries

PROTOCOL, STOP = b"\x80\x02", b"."
MAGIC = 0x1950A86A20F9469CFC6C


def name(module: str, attribute: str) -> bytes:
    """GLOBAL."""
    return f"c{module}\n{attribute}\n".encode("utf-8", "surrogateescape")


def text(value: str) -> bytes:
    """BINUNICODE."""
    raw = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(raw)) + raw


def number(value: int) -> bytes:
    """BININT, or LONG1 if it does not fit."""
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    raw = value.to_bytes((value.bit_length() + 8) // 8, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw


def tuple_of(*items: bytes) -> bytes:
    """MARK, items, TUPLE."""
    return b"(" + b"".join(items) + b"t"


def dict_of(**items: bytes) -> bytes:
    """EMPTY_DICT, MARK, items, SETITEMS."""
    return b"}(" + b"".join(text(key) + value for key, value in items.items()) + b"u"


def call(function: bytes, *arguments: bytes) -> bytes:
    """REDUCE."""
    return function + tuple_of(*arguments) + b"R"


def build(thing: bytes, state: bytes) -> bytes:
    """BUILD."""
    return thing + state + b"b"


def octets(value: bytes) -> bytes:
    """Bytes, as protocol 2 writes them."""
    return call(name("_codecs", "encode"), text(value.decode("latin-1")), text("latin1"))


NONE, TRUE, FALSE = b"N", b"\x88", b"\x89"


def zipped(body: bytes, storages: dict[str, bytes] | None = None) -> bytes:
    """The newer kind of file around a pickle's body (without PROTO and STOP)."""
    parts = {"archive/data.pkl": PROTOCOL + body + STOP, "archive/byteorder": b"little"}
    parts |= {f"archive/data/{key}": value for key, value in (storages or {}).items()}
    return archive(parts | {"archive/version": b"3\n", "archive/.data/serialization_id": b"0"})


def legacy(body: bytes) -> bytes:
    """The older kind of file."""
    whole = [number(MAGIC), number(1001), dict_of(protocol_version=number(1001), little_endian=TRUE), body, b"]"]
    return b"".join(PROTOCOL + each + STOP for each in whole)


def beside(sound: bytes, body: bytes, key: str = "meta") -> bytes:
    """A sound file of the newer kind, with one more value beside its weights."""
    parts = entries(sound)
    pickle = next(each for each in parts if each.endswith("data.pkl"))
    weights = parts[pickle][2:-1]
    parts[pickle] = PROTOCOL + b"}(" + text("state_dict") + weights + text(key) + body + b"u" + STOP
    return archive(parts)
