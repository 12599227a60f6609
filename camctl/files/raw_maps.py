"""Raw maps as files: NPZ archives that can be opened again, here and without camctl."""

from __future__ import annotations

import json
import zipfile
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camctl.errors import Hint, InputError
from camctl.files.atomic import check_writable, write_atomically
from camctl.files.manifest import json_text, raw_manifest, view_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from camctl.values.comparison import Comparison
    from camctl.values.explanation import Explanation
    from camctl.values.view import View

RAW = (".npz",)
"""Ending of a file of raw maps."""

RAW_FORMAT = 1
"""Format version; raised when today's reader could no longer understand the file."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RawMap:
    """One map as saved; fields as in `camctl.values.explanation.Cam`. `about` is its entry in the manifest."""

    values: NDArray[np.float32]
    raw: NDArray[np.float32]
    raw_by_layer: tuple[NDArray[np.float32], ...]
    view: View
    about: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class RawFile:
    """The content of a file of raw maps: the maps, and the manifest (see `raw_manifest`)."""

    manifest: Mapping[str, Any]
    maps: tuple[RawMap, ...]


def save_raw(result: Explanation | Comparison, path: str | Path) -> Path:
    """Write all maps of an explanation or a comparison as a compressed NPZ that `numpy.load` opens without pickle.

    For map i it holds `values_{i}` (view height, view width), 0..1; `raw_{i}` (grid height, grid width), signed; and
    `raw_{i}_layer_{j}`, one per layer; all float32. `manifest` is a JSON string: what made the maps.

    Raises
    ------
    InputError
        If the path cannot be written to.
    CamctlError
        If the disk is full or fails.
    """
    import numpy as np

    path = check_writable(path, RAW)
    arrays: dict[str, NDArray[Any]] = {}
    for i, cam in enumerate(result.maps):
        arrays[f"values_{i}"] = np.asarray(cam.values, np.float32)
        arrays[f"raw_{i}"] = np.asarray(cam.raw, np.float32)
        for j, layer in enumerate(cam.raw_by_layer):
            arrays[f"raw_{i}_layer_{j}"] = np.asarray(layer, np.float32)
    arrays["manifest"] = np.array(json_text({"format": RAW_FORMAT, **raw_manifest(result)}, indent=None))
    # Packed in memory: a ZIP that cannot be written to its end hides why.
    packed = BytesIO()
    np.savez_compressed(packed, **arrays)  # type: ignore[arg-type]  # no array has the name of its one option
    return write_atomically(path, packed.getvalue())


def load_raw(path: str | Path) -> RawFile:
    """Open a file that `save_raw` wrote; nothing in the file can run code.

    Raises
    ------
    InputError
        If the file is missing or damaged, or was written by something else.
    """
    import numpy as np

    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            manifest = json.loads(str(arrays["manifest"]))
            if manifest["format"] > RAW_FORMAT:
                raise InputError(f"'{path}' was saved by a newer camctl.", hint="Upgrade camctl to open it.")
            maps = tuple(_raw_map(arrays, i, entry) for i, entry in enumerate(manifest["maps"]))
    except FileNotFoundError:
        hint = Hint("Save raw maps first", save_raw="FILE.npz")
        raise InputError(f"There is no file '{path}'.", hint=hint) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error):
        message = f"'{path}' is damaged, or was not saved by camctl."
        hint = Hint("Save the raw maps again", save_raw="FILE.npz")
        raise InputError(message, hint=hint) from None
    return RawFile(manifest=manifest, maps=maps)


def _raw_map(arrays: Mapping[str, NDArray[np.float32]], i: int, entry: Mapping[str, Any]) -> RawMap:
    return RawMap(
        values=arrays[f"values_{i}"],
        raw=arrays[f"raw_{i}"],
        raw_by_layer=tuple(arrays[f"raw_{i}_layer_{j}"] for j in range(len(entry["layers"]))),
        view=view_of(entry),
        about=entry,
    )
