"""Pictures as files: PNG, JPEG and WebP."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO
from typing import TYPE_CHECKING, Any

from camctl.errors import InputError
from camctl.files.atomic import check_writable, write_atomically
from camctl.files.mark import MARK
from camctl.values.texts import valid

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

LONGEST_SIDE = {"JPEG": 65500, "WEBP": 16383}
"""Most pixels on a side that a format can hold."""


def save_picture(
    pixels: NDArray[np.uint8],
    path: str | Path,
    *,
    title: str = "",
    dpi: int | None = None,
    facts: Mapping[str, str] | None = None,
) -> Path:
    """Write pixels (H, W, 3), uint8 RGB, as PNG (which also holds the title), JPEG or WebP, by the ending of `path`.

    `facts` say how the picture was made: text chunks of a PNG, the description in the EXIF data of the others.
    Raises `InputError` if the path cannot be written to, or the format cannot hold so many pixels, `CamctlError` if the
    disk is full or fails.
    """
    from PIL import ExifTags, Image
    from PIL.PngImagePlugin import PngInfo

    path = check_writable(path)
    kind = {".png": "PNG", ".webp": "WEBP"}.get(path.suffix.lower(), "JPEG")
    height, width = pixels.shape[:2]
    limit = LONGEST_SIDE.get(kind)
    if limit and max(height, width) > limit:
        message = f"'{path}' cannot be written: {width} x {height} pixels; {kind} holds at most {limit} on a side."
        raise InputError(message, hint="Save it as .png.")
    info, exif = PngInfo(), Image.Exif()
    info.add_text("Software", MARK)
    if title:
        info.add_itxt("Title", valid(title))
    for name, text in (facts or {}).items():
        info.add_itxt(name, valid(text))
    exif[ExifTags.Base.Software] = MARK
    if facts:
        exif[ExifTags.Base.ImageDescription] = "\n".join(valid(text) for text in facts.values()).encode()
    # Heat has coloured edges, which JPEG blurs unless it keeps the full colour resolution. PNG at level 6 takes twice
    # the time of level 4 and saves 3 % of the bytes.
    options: dict[str, dict[str, Any]] = {
        "PNG": {"compress_level": 4, "pnginfo": info},
        "JPEG": {"quality": 92, "subsampling": 0, "exif": exif},
        "WEBP": {"quality": 92, "method": 4, "exif": exif},
    }
    inches: dict[str, Any] = {"dpi": (dpi, dpi)} if dpi and kind != "WEBP" else {}
    return write_atomically(path, encoded(pixels, kind, **options[kind], **inches))


def data_uri(pixels: NDArray[np.uint8], kind: str, **options: Any) -> str:
    """A picture as a data URI; `options` are Pillow's for this format."""
    return f"data:image/{kind.lower()};base64,{base64_text(encoded(pixels, kind, **options))}"


def base64_text(content: bytes) -> str:
    """Bytes as base64 text."""
    return b64encode(content).decode()


def encoded(pixels: NDArray[np.uint8], kind: str, **options: Any) -> bytes:
    """A file in memory: Pillow does not say why a write to the disk failed."""
    from PIL import Image

    file = BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()
