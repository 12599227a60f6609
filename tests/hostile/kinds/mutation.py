"""Random damage to bytes, archives and JSON."""

from __future__ import annotations

import io
import zipfile
from random import Random
from typing import Any


def damaged(random: Random, content: bytes) -> bytes:
    """The bytes with one to eight changes: flips, cuts, repeats, zeros, insertions."""
    data = bytearray(content)
    for _ in range(random.choice((1, 1, 1, 2, 8))):
        if not data:
            break
        # The first and last kilobytes hold headers and indexes: most readers' faults are there.
        at = random.choice((random.randrange(len(data)), random.randrange(min(1024, len(data)))))
        at = random.choice((at, at, max(0, len(data) - 1 - at)))
        match random.randrange(7):
            case 0:
                data[at] ^= 1 << random.randrange(8)
            case 1:
                data[at] = random.choice((0, 255, 127, 128, random.randrange(256)))
            case 2:
                del data[at:]
            case 3:
                del data[at : at + random.choice((1, 4, 100, 4096))]
            case 4:
                data[at:at] = random.randbytes(random.choice((1, 4, 100)))
            case 5:
                size = random.choice((4, 64, 4096))
                data[at : at + size] = bytes(size)
            case 6:
                data[at : at + 4] = random.choice((b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f"))
    return bytes(data)


def archive(entries: dict[str, bytes], *, packed: bool = False) -> bytes:
    """A ZIP of these entries."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return buffer.getvalue()


def entries(content: bytes) -> dict[str, bytes]:
    """The entries of a ZIP."""
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return {name: file.read(name) for name in file.namelist()}


def nonsense(random: Random, depth: int = 2) -> Any:
    """A value of any kind that JSON knows, often at the edge of its kind."""
    simple = [
        None, True, False, 0, -1, 1, 2**31, 2**63, 10**40, -(10**18), 0.0, -0.0, 1e308, float("nan"), float("inf"),
        "", " ", "x", "\x1b]0;PWNED\x07", "a\nerror: FORGED", "\ud800", "日本語", "x" * 20000, "nan", "../etc/passwd",
    ]  # fmt: skip
    if depth and random.random() < 0.4:
        if random.random() < 0.5:
            return [nonsense(random, depth - 1) for _ in range(random.choice((0, 1, 2, 5)))]
        return {str(nonsense(random, 0)): nonsense(random, depth - 1) for _ in range(random.choice((0, 1, 3)))}
    return random.choice(simple)


def spoilt(random: Random, value: Any, changes: int = 1) -> Any:
    """A JSON value with some node replaced, removed or repeated, in place where it can be."""
    for _ in range(changes):
        node, step = None, value
        while isinstance(step, dict | list) and step and (node is None or random.random() < 0.85):
            node = step
            key = random.choice(list(step)) if isinstance(step, dict) else random.randrange(len(step))
            step = step[key]
        if node is None:
            return nonsense(random)
        if random.random() < 0.25:
            del node[key]
        elif random.random() < 0.1 and isinstance(node, list):
            node.extend(node[:1000])
        else:
            node[key] = nonsense(random)
    return value
