"""Raw maps as files: NPZ archives that can be opened again, here and without camctl."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from io import BytesIO
from math import isfinite, prod
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from camctl.errors import CamctlError, Hint, InputError
from camctl.files.atomic import check_writable, write_atomically
from camctl.files.manifest import json_text
from camctl.files.schema import SchemaError, record
from camctl.paths import check_file
from camctl.values.cam import Cam, Smoothing, VerdictName
from camctl.values.picture import MOST_PIXELS, Picture
from camctl.values.target import Target  # noqa: TC001 - the schema reads annotations
from camctl.values.view import View  # noqa: TC001

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from camctl.values.comparison import Comparison
    from camctl.values.explanation import Explanation

RAW = (".npz",)
"""Ending of a file of raw maps."""

RAW_FORMAT = 1
"""Format version; raised when today's reader could no longer understand the file."""

_LARGEST = 2 << 30
"""Maximum number of bytes of all arrays: a short archive may unpack to more than memory holds."""
_THINNEST = 1e-6
"""Minimum width and height of a view in pixels of the picture."""


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
    """Open a file that `save_raw` wrote; nothing in the file can run code, and it is checked before it is read.

    Raises
    ------
    InputError
        The file is missing or damaged, or was written by something else or a newer camctl.
    CamctlError
        It does not fit into memory.
    """
    check_file(path, "file of raw maps", hint=Hint("Save raw maps first", save_raw="FILE.npz"), largest=_LARGEST)
    try:
        with zipfile.ZipFile(path) as archive:
            return _raw_file(archive, _members(archive), path)
    except InputError:
        raise
    except MemoryError:
        message = f"'{path}' does not fit into memory."
        raise CamctlError(message, hint="Close other programs, or save fewer maps.") from None
    except Exception as error:  # noqa: BLE001 - readers of archives, arrays and JSON raise anything on damaged files
        reason = f": {error}." if isinstance(error, SchemaError) else "."
        message = f"'{path}' is damaged, or was not saved by camctl{reason}"
        raise InputError(message, hint=Hint("Save the raw maps again", save_raw="FILE.npz")) from None


@dataclass(frozen=True, kw_only=True)
class _Size:
    """Height and width of a picture."""

    height: int
    width: int


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """A map in the manifest, as far as it is read again."""

    image: str
    model: str
    method: str
    target: Target
    layers: tuple[str, ...]
    chosen_by: str
    smoothing: Smoothing
    verdict: VerdictName
    reason: str
    hint: str
    milliseconds: float
    picture: _Size
    view: View
    at: Mapping[str, str] | None = None
    """Labels on the axes of a comparison; a run has no axes."""


@dataclass(frozen=True, kw_only=True)
class _Version:
    """The version of a manifest."""

    format: int


@dataclass(frozen=True, kw_only=True)
class _Manifest:
    """The manifest of a file of raw maps."""

    maps: tuple[_Entry, ...]


def _raw_file(archive: zipfile.ZipFile, members: set[str], path: str | Path) -> RawFile:
    content = json.loads(str(_array(archive, members, "manifest", "U", axes=0)))
    # What a newer version holds may have other types.
    if record(_Version, content, "manifest").format > RAW_FORMAT:
        raise InputError(f"'{path}' was saved by a newer camctl.", hint="Upgrade camctl to open it.")
    entries = record(_Manifest, content, "manifest").maps
    maps = tuple(_raw_map(archive, members, i, entry) for i, entry in enumerate(entries))
    return RawFile(manifest=content, maps=maps)


def _members(archive: zipfile.ZipFile) -> set[str]:
    """Return the names in an archive. Raises `SchemaError` for one that unpacks to too much."""
    members = archive.infolist()
    names = {member.filename for member in members}
    if len(names) < len(members):
        raise SchemaError("it holds two arrays of one name")
    if sum(member.file_size for member in members) > _LARGEST:
        raise SchemaError(f"it unpacks to more than {_LARGEST / 1e9:.1f} GB")
    return names


def _array(archive: zipfile.ZipFile, members: set[str], name: str, kind: str, *, axes: int) -> NDArray[Any]:
    """Read an array of this kind with so many axes; its header is checked first, and objects are refused."""
    import numpy as np

    # The header of an array may promise more than the archive holds.
    file = f"{name}.npy"
    if file not in members:
        raise SchemaError(f"{name} is missing")
    with archive.open(file) as stream:
        readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, _, dtype = readers[np.lib.format.read_magic(stream)](stream)
    if dtype.kind != kind or len(shape) != axes:
        raise SchemaError(f"{name} has another kind or shape")
    if prod(shape) < 1 or prod(shape) * dtype.itemsize > archive.getinfo(file).file_size:
        raise SchemaError(f"{name} is empty, or cut short")
    with archive.open(file) as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)


def _raw_map(archive: zipfile.ZipFile, members: set[str], i: int, entry: _Entry) -> Cam:
    import numpy as np

    # A run has no axes, and names a config file by its path.
    model = PurePath(entry.model).stem if entry.model.endswith(".py") else entry.model
    labels = {"image": PurePath(entry.image).name, "model": model, **(entry.at or {})}
    _check_places(entry, f"manifest.maps[{i}]")

    def array(name: str) -> NDArray[np.float32]:
        with np.errstate(all="ignore"):
            return _array(archive, members, name, "f", axes=2).astype(np.float32)

    values, raw = array(f"values_{i}"), array(f"raw_{i}")
    if not (values.min() >= 0 and values.max() <= 1):
        raise SchemaError(f"values_{i} is not within 0 and 1")
    picture = np.broadcast_to(np.uint8(0), (entry.picture.height, entry.picture.width, 3))
    return Cam(
        model=labels["model"],
        method=entry.method,
        target=entry.target,
        smoothing=entry.smoothing,
        layers=entry.layers,
        chosen_by=entry.chosen_by,
        grid=(raw.shape[0], raw.shape[1]),
        values=values,
        raw=raw,
        raw_by_layer=tuple(array(f"raw_{i}_layer_{j}") for j in range(len(entry.layers))),
        verdict=entry.verdict,
        reason=entry.reason,
        hint=entry.hint,
        milliseconds=entry.milliseconds,
        picture=Picture(labels["image"], picture),
        view=entry.view,
    )


def _check_places(entry: _Entry, place: str) -> None:
    """Raise `SchemaError` for a picture without pixels, or a view of nothing."""
    if min(entry.picture.height, entry.picture.width) < 1 or entry.picture.height * entry.picture.width > MOST_PIXELS:
        raise SchemaError(f"{place}.picture has no such size")
    x0, y0, x1, y1 = entry.view.box
    if (
        not all(map(isfinite, entry.view.box))
        or min(x1 - x0, y1 - y0) < _THINNEST
        or max(map(abs, entry.view.box)) > MOST_PIXELS
    ):
        raise SchemaError(f"{place}.view.box is no box")
