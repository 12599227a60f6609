"""`--baseline`: raw maps and manifests of any content."""

from __future__ import annotations

import io
import json
import struct
import warnings
import zipfile
from typing import Any

from tests.hostile.case import ESCAPE, FORGED, Case, Lot
from tests.hostile.kinds.mutation import archive, damaged, entries, nonsense, spoilt


def _case(lot: Lot, content: bytes) -> Case:
    picture, file = lot.copy("scene.png"), lot.write("before.npz", content)
    more = lot.random.choice(([], ["--json"], ["--min-correlation", "0.5"]))
    words = [
        "compare",
        picture,
        "demo:resnet",
        "--method",
        "GradCAM",
        "--save-path",
        "out.png",
        "--baseline",
        file,
        *more,
    ]
    return Case(words=words)


def _npy(array: Any, *, pickled: bool = False) -> bytes:
    import numpy as np

    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asanyarray(array), allow_pickle=pickled)
    return buffer.getvalue()


def _parts(lot: Lot) -> tuple[dict[str, bytes], Any]:
    import numpy as np

    content = lot.sound("maps.npz")
    with np.load(io.BytesIO(content)) as arrays:
        manifest = json.loads(str(arrays["manifest"]))
    # The picture's path in the base is another than in the case.
    manifest["image"] = "scene.png"
    for each in manifest["maps"]:
        each["image"] = "scene.png"
    return entries(content), manifest


def manifest(lot: Lot) -> Case:
    """A manifest with nodes replaced, removed or repeated."""
    parts, about = _parts(lot)
    about = spoilt(lot.random, about, lot.random.choice((1, 1, 2, 5)))
    parts["manifest.npy"] = _npy(json.dumps(about))
    return _case(lot, archive(parts))


def map_entry(lot: Lot) -> Case:
    """A manifest whose single map has odd values."""
    parts, about = _parts(lot)
    about["maps"] = [spoilt(lot.random, each, lot.random.choice((1, 2))) for each in about["maps"]] * lot.random.choice(
        (1, 1, 2, 1000)
    )
    parts["manifest.npy"] = _npy(json.dumps(about))
    return _case(lot, archive(parts))


def arrays(lot: Lot) -> Case:
    """Maps of other shapes, kinds and values."""
    import numpy as np

    parts, about = _parts(lot)
    odd = lot.random.choice((
        np.zeros(()), np.zeros(0), np.zeros((0, 5)), np.zeros((1, 1)), np.zeros((2, 3, 4)), np.full((14, 14), np.nan),
        np.full((14, 14), np.inf), np.full((14, 14), 1e38, np.float64),
        np.ones((14, 14), np.int8), np.ones((14, 14), bool), np.ones((14, 14), complex), np.full((14, 14), "x"),
        np.zeros((14, 14), "M8[s]"), np.zeros((14, 14), [("a", "f4")]), np.zeros((5000, 5000), np.int8),
        np.full((14, 14), b"x"), np.zeros((14, 14), "V8"), np.ones((14, 14), ">f8"), np.ones((14, 14), np.float16),
        np.asfortranarray(np.ones((14, 7))), np.ones((112, 112), np.longdouble), np.zeros((1,) * 30),
    ))  # fmt: skip
    for name in lot.random.sample([each for each in parts if "manifest" not in each], lot.random.choice((1, 2, 3))):
        if lot.random.random() < 0.15:
            del parts[name]
        else:
            parts[name] = _npy(odd)
    parts["manifest.npy"] = _npy(json.dumps(about))
    return _case(lot, archive(parts))


def pickled(lot: Lot) -> Case:
    """Arrays of objects, which numpy reads as a pickle, with code in it."""
    from tests.hostile.kinds.evil_pickles import payload
    from tests.hostile.kinds.pickles import PROTOCOL, STOP

    parts, about = _parts(lot)
    head = _npy(json.dumps(about))[:0] + b"\x93NUMPY\x01\x00"
    text = repr({"descr": "|O", "fortran_order": False, "shape": lot.random.choice(((), (1,)))}).encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    parts[lot.random.choice(("manifest.npy", "raw_0.npy", "values_0.npy"))] = (
        head + struct.pack("<H", len(text)) + text + PROTOCOL + payload(lot) + STOP
    )
    parts.setdefault("manifest.npy", _npy(json.dumps(about)))
    return _case(lot, archive(parts))


def mutated(lot: Lot) -> Case:
    """The file with bytes changed."""
    parts, about = _parts(lot)
    parts["manifest.npy"] = _npy(json.dumps(about))
    name = lot.random.choice(list(parts))
    if lot.random.random() < 0.5:
        parts[name] = damaged(lot.random, parts[name])
        return _case(lot, archive(parts))
    return _case(lot, damaged(lot.random, archive(parts, packed=True)))


def bombs(lot: Lot) -> Case:
    """Headers that promise much, archives that unpack to much, JSON nested deep."""
    parts, about = _parts(lot)
    shape = lot.random.choice(((10**12,), (2**62, 2**62), (-1, 5), (10**6, 10**6), "x", (1.5,), (None,)))
    text = (
        repr(
            {
                "descr": lot.random.choice(("<f4", "<f8", "|O", "<U9999999", [("a", "<f4")], 5)),
                "fortran_order": False,
                "shape": shape,
            }
        ).encode()
        + b"\n"
    )
    depth = lot.random.choice((500, 200_000))
    match lot.random.randrange(4):
        case 0:
            parts["raw_0.npy"] = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(100)
        case 1:
            parts["manifest.npy"] = _npy("[" * depth + "]" * depth)
        case 2:
            buffer = io.BytesIO()
            with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
                for name, content in parts.items():
                    file.writestr(name, content if name != "raw_0.npy" else _npy(bytes(1))[:-1])
                with file.open("values_0.npy", "w", force_zip64=True) as stream:
                    head = _npy("x")[:6]
                    text = repr({"descr": "|i1", "fortran_order": False, "shape": (20_000, 20_000)}).encode() + b"\n"
                    stream.write(head + b"\x01\x00" + struct.pack("<H", len(text)) + text)
                    for _ in range(400):
                        stream.write(bytes(1_000_000))
            return _case(lot, buffer.getvalue())
        case _:
            parts["manifest.npy"] = _npy(json.dumps(about | {"maps": [{"layers": ["a"] * 100_000}] * 50}))
    parts.setdefault("manifest.npy", _npy(json.dumps(about)))
    return _case(lot, archive(parts))


def texts(lot: Lot) -> Case:
    """Labels, methods and reasons in the manifest that hold escapes and lines."""
    parts, about = _parts(lot)
    odd = lot.random.choice((ESCAPE, f"a\n{FORGED}", "\u202e", "\ud800"))
    for each in about["maps"]:
        each[lot.random.choice(("method", "image", "model", "smoothing", "verdict", "reason"))] = odd
        each["target"]["label"] = odd
        each["layers"] = [odd]
    about["maps"] = about["maps"] + _parts(lot)[1]["maps"]
    for name in ("values_0", "raw_0", "raw_0_layer_0"):
        parts[f"{name.replace('_0', '_1', 1)}.npy"] = parts[f"{name}.npy"]
    parts["manifest.npy"] = _npy(json.dumps(about))
    case = _case(lot, archive(parts))
    case.streams = lot.random.choice(("pty", "pipe"))
    return case


def archives(lot: Lot) -> Case:
    """Archives with two arrays of a name, other names, sizes that are not theirs, or locked."""
    parts, about = _parts(lot)
    about["format"] = lot.random.choice((1, 1, 0, -1, 2, 10**40, 1.0, True, "1", None))
    parts["manifest.npy"] = _npy(json.dumps(about))
    name = lot.random.choice(list(parts))
    data = bytearray(archive(parts, packed=lot.random.random() < 0.5))
    match lot.random.randrange(4):
        case 0:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                buffer = io.BytesIO(bytes(data))
                with zipfile.ZipFile(buffer, "a") as file:
                    file.writestr(name, parts[lot.random.choice(list(parts))])
            return _case(lot, buffer.getvalue())
        case 1:
            parts[lot.random.choice(("../x.npy", "/x.npy", name.upper(), "x", "manifest"))] = parts.pop(name)
            return _case(lot, archive(parts))
        case 2:
            at = data.rfind(b"PK\x01\x02")
            data[at + lot.random.choice((8, 10, 20, 24, 42))] = lot.random.choice((1, 8, 99, 255))
        case _:
            at = data.rfind(b"PK\x01\x02")
            data[at + 24 : at + 28] = lot.random.choice((0, 5, 2**31, 2**32 - 1)).to_bytes(4, "little")
    return _case(lot, bytes(data))


def other(lot: Lot) -> Case:
    """Files that are no raw maps."""
    content = lot.random.choice((
        b"", b"PK\x05\x06" + bytes(18), _npy([1, 2, 3]), archive({}), archive({"manifest.npy": b""}),
        archive({"manifest.npy": _npy(json.dumps(nonsense(lot.random, 4)))}), lot.sound("resnet.pth"),
        lot.sound("scene.png"), b"\x80\x02N.",
        archive({"manifest.npy": _npy(5)}), archive({"manifest.npy": _npy(b'{"format": 1, "maps": []}')}),
        archive({"manifest.npy": _npy('{"format": 1, "maps": []}')}), archive({"manifest": b"{}"}),
        archive({"manifest.npy": _npy('{"format": "x"}')}),
    ))  # fmt: skip
    return _case(lot, content)


SORTS = {
    "manifest": manifest, "map-entry": map_entry, "arrays": arrays, "pickled": pickled, "mutated": mutated,
    "bombs": bombs, "texts": texts, "archives": archives, "other": other,
}  # fmt: skip
