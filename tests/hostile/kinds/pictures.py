"""Pictures: truncated, mutated, of the wrong ending, huge by their header, of odd modes, of many pages."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from typing import TYPE_CHECKING, Any

from tests.hostile.case import ESCAPE, Case, Lot, run
from tests.hostile.kinds.mutation import damaged

if TYPE_CHECKING:
    from random import Random

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "JPEG2000", "TGA", "ICO", "AVIF")
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBa", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "I;16", "I;16B")


def _encoded(picture: Any, kind: str, **options: Any) -> bytes | None:
    buffer = io.BytesIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture.save(buffer, kind, **options)
    except Exception:  # noqa: BLE001 - what a format cannot hold is told in many ways
        return None
    return buffer.getvalue()


def _small(lot: Lot, mode: str = "RGB") -> Any:
    from PIL import Image

    with Image.open(lot.base / "scene.png") as picture:
        small = picture.convert("RGB").resize((lot.random.choice((1, 2, 31, 64)), lot.random.choice((1, 3, 64))))
    try:
        return small.convert(mode)
    except ValueError:
        return small.convert("L").convert("I").convert(mode) if mode.startswith("I;") else small


def _picture(lot: Lot, kind: str | None = None) -> tuple[bytes, str]:
    while True:
        chosen = kind or lot.random.choice(FORMATS)
        if content := _encoded(_small(lot), chosen):
            return content, chosen
        kind = None


def _case(lot: Lot, content: bytes, ending: str) -> Case:
    file = lot.write(f"picture.{ending}", content)
    words = run(file, "demo:resnet")
    if lot.random.random() < 0.1:
        words = ["layers", "demo:resnet", "--image", file, "--json"]
    elif lot.random.random() < 0.1:
        words = ["compare", file, "demo:resnet", "--method", "EigenCAM", "--save-path", "out.png", "--quiet"]
    return Case(words=words)


def mutated(lot: Lot) -> Case:
    """A small picture of any format with bytes changed."""
    content, kind = _picture(lot)
    return _case(lot, damaged(lot.random, content), kind.lower())


def truncated(lot: Lot) -> Case:
    """The beginning of a picture."""
    content, kind = _picture(lot)
    return _case(lot, content[: lot.random.randrange(len(content))], kind.lower())


def wrong_ending(lot: Lot) -> Case:
    """A picture named as another kind of file, or another kind of file named as a picture."""
    content, _ = _picture(lot)
    other = lot.random.choice(
        (content, lot.sound("resnet.pth"), b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"<svg/>", b"%PDF-1.4")
    )
    return _case(lot, other, lot.random.choice(("png", "jpg", "eps", "pdf", "txt", "psd", "fits", "svg", "webp")))


def huge(lot: Lot) -> Case:
    """A header that promises very many pixels."""
    side = lot.random.choice((30_000, 65_535, 2**31 - 1, 2**32 - 1, 0))
    other = lot.random.choice((1, 30_000, 2**31 - 1, 0))
    match lot.random.randrange(5):
        case 0:
            head = struct.pack(">II", side, other) + b"\x08\x02\0\0\0"
            chunk = b"IHDR" + head
            data = zlib.compress(bytes(1000))
            content = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
            content += struct.pack(">I", len(data)) + b"IDAT" + data + struct.pack(">I", zlib.crc32(b"IDAT" + data))
            return _case(lot, content, "png")
        case 1:
            return _case(lot, b"P6\n%d %d\n255\n" % (side, other) + bytes(100), "ppm")
        case 2:
            head = struct.pack("<IiiHHIIiiII", 40, side & 0x7FFFFFFF, other & 0x7FFFFFFF, 1, 24, 0, 0, 0, 0, 0, 0)
            return _case(lot, b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + head + bytes(100), "bmp")
        case 3:
            return _case(
                lot,
                b"GIF89a" + struct.pack("<HH", side & 0xFFFF, other & 0xFFFF) + b"\0\0\0,\0\0\0\0" + bytes(9),
                "gif",
            )
        case _:
            tags = [
                (256, side),
                (257, other),
                (258, 8),
                (259, 1),
                (262, 1),
                (273, 8),
                (277, 1),
                (278, other),
                (279, 10),
            ]
            body = b"".join(struct.pack("<HHII", tag, 4, 1, value & 0xFFFFFFFF) for tag, value in tags)
            return _case(lot, b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + body + bytes(4), "tif")


def modes(lot: Lot) -> Case:
    """Every mode of Pillow in every format that takes it."""
    mode = lot.random.choice(MODES)
    picture = _small(lot, mode)
    for kind in lot.random.sample(FORMATS, len(FORMATS)):
        if content := _encoded(picture, kind):
            return _case(lot, content, kind.lower())
    return _case(lot, *_picture(lot))


def pages(lot: Lot) -> Case:
    """TIFF, GIF, PNG and WebP of several pages, whole or damaged."""
    more = [_small(lot, lot.random.choice(("RGB", "L", "P", "CMYK"))) for _ in range(lot.random.choice((1, 3, 40)))]
    kind = lot.random.choice(("TIFF", "TIFF", "GIF", "PNG", "WEBP"))
    options = (
        {"compression": lot.random.choice(("raw", "tiff_lzw", "jpeg", "tiff_deflate", "group4"))}
        if kind == "TIFF"
        else {}
    )
    content = _encoded(_small(lot), kind, save_all=True, append_images=more, **options) or _picture(lot)[0]
    return _case(lot, content if lot.random.random() < 0.4 else damaged(lot.random, content), kind.lower())


def tiff_tags(lot: Lot) -> Case:
    """A TIFF whose tags are drawn at random: its library likes to talk of those."""
    random = lot.random
    known = (
        254,
        256,
        257,
        258,
        259,
        262,
        266,
        270,
        273,
        274,
        277,
        278,
        279,
        282,
        284,
        317,
        320,
        322,
        323,
        324,
        325,
        338,
        339,
        347,
        34665,
        34675,
    )
    tags = {
        tag: random.choice((0, 1, 2, 5, 7, 8, 16, 64, 32773, 34712, 50000, 2**32 - 1, random.randrange(2**16)))
        for tag in random.sample(known, 12)
    }
    tags |= {
        256: 16,
        257: 16,
        258: 8,
        259: random.choice((1, 2, 3, 4, 5, 6, 7, 8, 32773, 34676)),
        262: random.randrange(9),
        273: 8,
        279: 256,
    }
    body = b"".join(
        struct.pack("<HHII", tag, random.choice((3, 4, 4, 2, 5, 99)), 1, value) for tag, value in sorted(tags.items())
    )
    content = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + body + bytes(4) + random.randbytes(600)
    return _case(lot, content, "tif")


def _exif(random: Random) -> bytes:
    entry = struct.pack(
        "<HHII",
        0x0112,
        random.choice((1, 3, 4, 5, 7, 99)),
        random.choice((0, 1, 2**31)),
        random.choice((0, 1, 3, 6, 8, 9, 255, 2**32 - 1)),
    )
    return b"Exif\0\0II*\0" + struct.pack("<I", 8) + struct.pack("<H", random.choice((1, 1, 60000))) + entry + bytes(4)


def metadata(lot: Lot) -> Case:
    """EXIF, ICC profiles, comments and texts of any content."""
    random = lot.random
    kind = random.choice(("JPEG", "PNG", "WEBP", "TIFF"))
    profile = random.choice((b"", b"\xff" * 200, random.randbytes(500), bytes(128)))
    options: dict[str, Any] = {
        "exif": random.choice((_exif(random), random.randbytes(300), b"Exif\0\0")),
        "icc_profile": profile,
    }
    if kind == "PNG":
        from PIL.PngImagePlugin import PngInfo

        options["pnginfo"] = info = PngInfo()
        info.add_text("Title", ESCAPE.replace("\x9b", ""), zip=random.random() < 0.5)
        info.add_text("Bomb", "x" * random.choice((1000, 80_000_000)), zip=True)
    content = _encoded(_small(lot), kind, **options) or _picture(lot)[0]
    return _case(lot, content, kind.lower())


def _chunk(kind: bytes, body: bytes, *, size: int | None = None) -> bytes:
    return (
        struct.pack(">I", len(body) if size is None else size)
        + kind
        + body
        + struct.pack(">I", zlib.crc32(kind + body))
    )


def chunks(lot: Lot) -> Case:
    """A PNG of a million chunks, of chunks that promise more than there is, in any order, of no size."""
    random = lot.random
    side = random.choice((0, 1, 8, 2**31 - 1, 2**32 - 1))
    depth, colour = random.choice(((8, 2), (16, 2), (16, 0), (1, 0), (8, 3), (16, 6), (3, 7), (0, 0)))
    head = _chunk(
        b"IHDR", struct.pack(">IIBBBBB", side, random.choice((side, 8)), depth, colour, 0, 0, random.randrange(2))
    )
    data = _chunk(b"IDAT", zlib.compress(random.randbytes(9) + bytes(400)))
    more = random.choice((
        _chunk(b"tEXt", b"a\0b") * random.choice((10, 100_000)),
        _chunk(b"", b"") * 1_000_000,
        _chunk(b"tEXt", b"a", size=2**31 - 1), _chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(50_000_000))),
        _chunk(b"IDAT", b"") * 100_000, _chunk(b"acTL", struct.pack(">II", 2**32 - 1, 0)),
        _chunk(b"fcTL", bytes(26)) * 1000, _chunk(b"iCCP", b"x\0\0" + random.randbytes(50)),
        _chunk(b"PLTE", random.randbytes(5)), _chunk(b"tRNS", random.randbytes(300)), head, b"",
    ))  # fmt: skip
    parts = [head, more, data, _chunk(b"IEND", b"")]
    if random.random() < 0.3:
        random.shuffle(parts)
    return _case(lot, b"\x89PNG\r\n\x1a\n" + b"".join(parts), "png")


SORTS = {
    "mutated": mutated, "truncated": truncated, "wrong-ending": wrong_ending, "huge": huge, "modes": modes,
    "pages": pages,
    "tiff-tags": tiff_tags, "metadata": metadata, "chunks": chunks,
}  # fmt: skip
