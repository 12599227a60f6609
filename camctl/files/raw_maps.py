"""Raw maps as files: NPZ archives that can be opened again, here and without camctl."""

from __future__ import annotations

import json
import zipfile
import zlib
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from camctl.errors import Hint, InputError
from camctl.files.atomic import check_writable, write_atomically
from camctl.files.manifest import json_text
from camctl.values.cam import Cam
from camctl.values.picture import Picture
from camctl.values.target import Target
from camctl.values.view import View

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from camctl.values.comparison import Comparison
    from camctl.values.explanation import Explanation

RAW = (".npz",)
"""Ending of a file of raw maps."""

RAW_FORMAT = 1
"""Format version; raised when today's reader could no longer understand the file."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RawFile:
    """The content of a file of raw maps."""

    manifest: Mapping[str, Any]
    """As `--json` prints it, plus each map's view and picture size."""
    maps: tuple[Cam, ...]
    """Picture and model have their labels as in the comparison; the picture is black, as its pixels are not saved."""


def save_raw(result: Explanation | Comparison, path: str | Path) -> Path:
    """Write all maps of an explanation or a comparison as a compressed NPZ that `numpy.load` opens without pickle.

    For map i it holds `values_{i}` (view height, view width), 0..1; `raw_{i}` (grid height, grid width), signed; and
    `raw_{i}_layer_{j}`, one per layer; all float32. `manifest` is a JSON string: what made the maps. Raises
    `InputError` if the path cannot be written to, `CamctlError` if the disk is full or fails.
    """
    import numpy as np

    path = check_writable(path, RAW)
    arrays: dict[str, NDArray[Any]] = {}
    for i, cam in enumerate(result.maps):
        arrays[f"values_{i}"] = np.asarray(cam.values, np.float32)
        arrays[f"raw_{i}"] = np.asarray(cam.raw, np.float32)
        for j, layer in enumerate(cam.raw_by_layer):
            arrays[f"raw_{i}_layer_{j}"] = np.asarray(layer, np.float32)
    manifest = {"format": RAW_FORMAT, **result.to_dict()}
    for cam, entry in zip(result.maps, manifest["maps"], strict=True):
        entry["view"] = asdict(cam.view)
        entry["picture"] = dict(zip(("height", "width"), cam.picture.size, strict=True))
    arrays["manifest"] = np.array(json_text(manifest, indent=None))
    # Packed in memory: a ZIP that cannot be written to its end hides why.
    packed = BytesIO()
    np.savez_compressed(packed, **arrays)  # type: ignore[arg-type]  # no array has the name of its one option
    return write_atomically(path, packed.getvalue())


def load_raw(path: str | Path) -> RawFile:
    """Open a file that `save_raw` wrote; nothing in the file can run code.

    Raises `InputError` if the file is missing or damaged, or was written by something else.
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


def _raw_map(arrays: Mapping[str, NDArray[np.float32]], i: int, entry: Mapping[str, Any]) -> Cam:
    import numpy as np

    # A run has no axes, and names a config file by its path.
    model = PurePath(entry["model"]).stem if entry["model"].endswith(".py") else entry["model"]
    labels = entry.get("at") or {"image": PurePath(entry["image"]).name, "model": model}
    (height, width), (x0, y0, x1, y1) = entry["view"]["size"], entry["view"]["box"]
    rows, columns = arrays[f"raw_{i}"].shape
    picture = np.broadcast_to(np.uint8(0), (entry["picture"]["height"], entry["picture"]["width"], 3))
    return Cam(
        model=labels["model"],
        method=entry["method"],
        target=_target(entry["target"]),
        smoothing=entry["smoothing"],
        layers=tuple(entry["layers"]),
        chosen_by=entry["chosen_by"],
        grid=(rows, columns),
        values=arrays[f"values_{i}"],
        raw=arrays[f"raw_{i}"],
        raw_by_layer=tuple(arrays[f"raw_{i}_layer_{j}"] for j in range(len(entry["layers"]))),
        verdict=entry["verdict"],
        reason=entry["reason"],
        hint=entry["hint"],
        milliseconds=entry["milliseconds"],
        picture=Picture(labels["image"], picture),
        view=View(size=(height, width), box=(x0, y0, x1, y1), exact=entry["view"]["exact"]),
    )


def _target(entry: Mapping[str, Any]) -> Target:
    return Target(**{**entry, "versus": tuple(map(_target, entry.get("versus", ())))})
