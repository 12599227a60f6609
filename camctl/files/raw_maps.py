"""What camctl saves: pictures, raw maps that can be opened again, and the names of both."""

from __future__ import annotations

import json
import re
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass
from io import BytesIO
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camctl.errors import InputError
from camctl.files.atomic import PICTURES, check_folder, check_writable, write_atomically
from camctl.values.explanation import View

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from camctl.values.comparison import Comparison
    from camctl.values.explanation import Explanation

__all__ = [
    "PICTURES",
    "RAW",
    "RawFile",
    "RawMap",
    "check_folder",
    "check_writable",
    "file_names",
    "json_text",
    "load_raw",
    "save_picture",
    "save_raw",
    "slug",
    "write_atomically",
]

RAW = (".npz",)
"""Ending of a file of raw maps."""

RAW_FORMAT = 1
"""Raised when a reader of today could no longer understand the file."""

MOST_A_SIDE = {"JPEG": 65500, "WEBP": 16383}
"""Pixels that a format can hold."""

_LONGEST_NAME = 60


def save_picture(pixels: NDArray[np.uint8], path: str | Path, *, title: str = "") -> Path:
    """Write pixels (H, W, 3), uint8 RGB, as PNG, JPEG or WebP, by the ending of `path`; PNG holds a title too.

    Raises as `check_writable` and `write_atomically` do, and `InputError` for more pixels than the format holds.
    """
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    path = check_writable(path)
    kind = {".png": "PNG", ".webp": "WEBP"}.get(path.suffix.lower(), "JPEG")
    height, width = pixels.shape[:2]
    most = MOST_A_SIDE.get(kind)
    if most and max(height, width) > most:
        message = f"'{path}' cannot be written: {width} x {height} pixels, and {kind} holds {most} a side."
        raise InputError(message, hint="Save it as .png.")
    # Heat has coloured edges, which JPEG blurs unless told to keep all colour. PNG of level 6 takes twice the time of
    # level 4 and saves three bytes of a hundred.
    about = PngInfo()
    if title:
        about.add_itxt("Title", title)
    every: dict[str, dict[str, Any]] = {
        "PNG": {"compress_level": 4, "pnginfo": about},
        "JPEG": {"quality": 92, "subsampling": 0},
        "WEBP": {"quality": 92, "method": 4},
    }
    # Encoded in memory: of a write that fails, Pillow does not tell why.
    encoded = BytesIO()
    Image.fromarray(pixels).save(encoded, kind, **every[kind])
    return write_atomically(path, encoded.getvalue())


def json_text(value: Any, *, indent: int | None = 2) -> str:
    """A value as JSON, with a line's end; NaN and infinity, which JSON does not know, become null."""
    return json.dumps(_sound(value), indent=indent, allow_nan=False) + "\n"


def _sound(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sound(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_sound(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value


# ---------------------------------------------------------------------------------------- raw maps


@dataclass(frozen=True, kw_only=True, eq=False)
class RawMap:
    """One map as saved. Fields are those of `camctl.values.explanation.Cam`; `about` is its entry of the manifest."""

    values: NDArray[np.float32]
    raw: NDArray[np.float32]
    raw_by_layer: tuple[NDArray[np.float32], ...]
    view: View
    about: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class RawFile:
    """What `--save-raw` saved: the maps, and the manifest (as `--json` prints it, and each map's view)."""

    manifest: Mapping[str, Any]
    maps: tuple[RawMap, ...]


def save_raw(result: Explanation | Comparison, path: str | Path) -> Path:
    """Write all maps of an explanation or a comparison as a compressed NPZ that `numpy.load` opens without pickle.

    Of map i it holds `values_{i}` (view height, view width), 0..1; `raw_{i}` (grid height, grid width),
    signed; and `raw_{i}_layer_{j}`, one a layer; all float32. `manifest` is a string, JSON: what made them.
    Raises as `check_writable` and `write_atomically` do.
    """
    import numpy as np

    path = check_writable(path, RAW)
    manifest = {"format": RAW_FORMAT, **result.to_dict()}
    arrays: dict[str, NDArray[Any]] = {}
    for i, (cam, about) in enumerate(zip(result.maps, manifest["maps"], strict=True)):
        about["view"] = {"size": list(cam.view.size), "box": list(cam.view.box), "exact": cam.view.exact}
        about["picture"] = dict(zip(("height", "width"), cam.picture.size, strict=True))
        arrays[f"values_{i}"] = np.asarray(cam.values, np.float32)
        arrays[f"raw_{i}"] = np.asarray(cam.raw, np.float32)
        for j, layer in enumerate(cam.raw_by_layer):
            arrays[f"raw_{i}_layer_{j}"] = np.asarray(layer, np.float32)
    arrays["manifest"] = np.array(json_text(manifest, indent=None))
    # Packed in memory: a ZIP that cannot be written to its end hides why.
    packed = BytesIO()
    np.savez_compressed(packed, **arrays)  # type: ignore[arg-type]  # no array has the name of its one option
    return write_atomically(path, packed.getvalue())


def load_raw(path: str | Path) -> RawFile:
    """Open what `save_raw` wrote; nothing in the file can run code.

    Raises `InputError` where it is missing, damaged, or was written by something else.
    """
    import numpy as np

    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            manifest = json.loads(str(arrays["manifest"]))
            if manifest["format"] > RAW_FORMAT:
                raise InputError(f"'{path}' was saved by a newer camctl.", hint="Upgrade camctl to open it.")
            maps = tuple(_map(arrays, i, about) for i, about in enumerate(manifest["maps"]))
    except FileNotFoundError:
        hint = "Save one with --save-raw FILE.npz, in camctl run or compare."
        raise InputError(f"There is no file '{path}'.", hint=hint) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error):
        message = f"'{path}' is damaged, or camctl did not save it."
        raise InputError(message, hint="Save it again with --save-raw FILE.npz, in camctl run or compare.") from None
    return RawFile(manifest=manifest, maps=maps)


def _map(arrays: Mapping[str, NDArray[np.float32]], i: int, about: Mapping[str, Any]) -> RawMap:
    view = about["view"]
    (height, width), (x0, y0, x1, y1) = view["size"], view["box"]
    return RawMap(
        values=arrays[f"values_{i}"],
        raw=arrays[f"raw_{i}"],
        raw_by_layer=tuple(arrays[f"raw_{i}_layer_{j}"] for j in range(len(about["layers"]))),
        view=View(size=(height, width), box=(x0, y0, x1, y1), exact=view["exact"]),
        about=about,
    )


# ----------------------------------------------------------------------------------------- names


def file_names(explanation: Explanation, ending: str = ".png") -> list[str]:
    """A name for each map, `{picture}_{class}_{method}.png`, all different, safe on any file system.

    Of a class name with synonyms the first counts; names that still clash get the class's index, then a number.
    """
    stem = slug(Path(explanation.image).stem, keep_case=True) or "picture"
    names: list[str] = []
    taken: set[str] = set()
    for cam in explanation.maps:
        shown = cam.target.title if cam.target.versus else cam.target.label.split(",")[0]
        label = slug(shown) or f"class-{cam.target.index}"
        method = slug(cam.method) or "cam"
        candidates = [f"{stem}_{label}_{method}", f"{stem}_{label}-{cam.target.index}_{method}"]
        candidates += [f"{candidates[1]}_{number}" for number in range(2, len(explanation.maps) + 2)]
        name = next(each for each in candidates if each.casefold() not in taken)
        taken.add(name.casefold())
        names.append(name + ending)
    return names


def slug(text: str, *, keep_case: bool = False) -> str:
    """Plain letters, digits, `+`, `.` and `-` of a text, accents left out; empty where nothing remains."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    words = re.sub(r"[^A-Za-z0-9+._-]+", "-", plain if keep_case else plain.lower())
    return words.strip("-._")[:_LONGEST_NAME].strip("-._")
