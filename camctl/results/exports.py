"""Results in the formats that other tools read: JSON lines, one Parquet file, COCO, FiftyOne."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from camctl.errors import InputError, UnknownNameError
from camctl.files.atomic import check_writable, write_atomically
from camctl.files.coco import parts_of
from camctl.files.mark import MARK
from camctl.results.boxes import THRESHOLD, box_of_map, whole_map
from camctl.results.maps import cam_of
from camctl.values.picture import Picture

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from camctl.results.results import Results
    from camctl.values.segments import Cut

_PICTURE = ("index", "id", "path", "width", "height", "label", "predictions", "error")
_MAP = ("target", "target_index", "target_score", "method", "view", "grid_height", "grid_width", "map")
_DIGITS = 4


def export(
    results: Results,
    format: str,  # noqa: A002 - its name in the field
    path: str | Path,
    *,
    threshold: float = THRESHOLD,
    cut: Cut | None = None,
) -> Path:
    """Write results as one file that other tools read; nothing is in memory but some thousand rows.

    Parameters
    ----------
    results
        From `open_results`.
    format
        `jsonl`: a JSON object a row, without its map. `parquet`: all rows and columns. `coco`: a COCO data set whose
        annotations are boxes of maps, one a row, with `score` and `method`. `fiftyone`: `{"samples": [...]}` with
        the keyword arguments of `fo.Sample`, `fo.Classification` and `fo.Heatmap`.
    path
        The file.
    threshold
        For COCO: share of a map's maximum from which on a pixel lies in the box, which is around the largest part.
    cut
        For COCO: how parts are cut out of the maps, each with its box, and its run lengths if masks are asked for.

    Raises
    ------
    InputError
        There is no such format, a part is damaged, or the file cannot be written.
    """
    writers: dict[str, Callable[[Results, IO[bytes], float], None]] = {
        "jsonl": _jsonl,
        "parquet": _parquet,
        "coco": partial(_coco, cut=cut),
        "fiftyone": _fiftyone,
    }
    if format not in writers:
        raise UnknownNameError("format", format, writers)
    if not 0 < threshold <= 1:
        message = f"A box's threshold must be above 0 and at most 1, not {threshold:g}."
        raise InputError(message, hint="Give a share of the map's maximum, such as 0.2.")
    target = check_writable(path, endings=())
    return write_atomically(target, lambda file: writers[format](results, file, threshold))


def _jsonl(results: Results, file: IO[bytes], _: float) -> None:
    for row in results:
        file.write(_json(row) + b"\n")


def _parquet(results: Results, file: IO[bytes], _: float) -> None:
    import pyarrow.parquet as pq

    with pq.ParquetWriter(file, results.columns, compression="zstd") as writer:
        for piece in results.batches(results.columns.names):
            writer.write_table(piece.drop_columns(["row"]))


def _coco(results: Results, file: IO[bytes], threshold: float, *, cut: Cut | None) -> None:
    """Write pictures by their index, and classes by theirs."""
    classes: dict[int, str] = {}
    images = _images(results, classes)
    info = {"description": MARK, "threshold": cut.threshold if cut else threshold}
    file.write(b'{"info": ' + _json(info) + b',\n"images": [\n')
    _listed(file, images)
    names = ({"id": index, "name": name} for index, name in sorted(classes.items()))
    file.write(b'],\n"categories": [\n')
    _listed(file, names)
    file.write(b'],\n"annotations": [\n')
    annotations = _annotations(results, threshold) if cut is None else _parts(results, cut)
    _listed(file, ({"id": number, **annotation} for number, annotation in enumerate(annotations, 1)))
    file.write(b"]}\n")


def _images(results: Results, classes: dict[int, str]) -> Iterator[dict[str, Any]]:
    """Yield the pictures, and gather the classes."""
    for _, rows in groupby(_rows(results, [*_PICTURE, "target", "target_index"]), lambda row: row["index"]):
        picture = None
        for row in rows:
            picture = picture or row
            if row["target_index"] is not None:
                classes.setdefault(row["target_index"], row["target"] or str(row["target_index"]))
        if picture and picture["error"] is None:
            size = {key: picture[key] for key in ("width", "height")}
            yield {"id": picture["index"], "file_name": picture["path"], **size}


def _annotations(results: Results, threshold: float) -> Iterator[dict[str, Any]]:
    for row in _rows(results, ["index", *_MAP]):
        cam = _cam(row)
        box = None if cam is None or row["target_index"] is None else box_of_map(cam, row["view"], threshold)
        if box is None:
            continue
        wide, high = box[2] - box[0], box[3] - box[1]
        yield {
            "image_id": row["index"],
            "category_id": row["target_index"],
            "bbox": [round(value, 1) for value in (box[0], box[1], wide, high)],
            "area": round(wide * high, 1),
            "iscrowd": 0,
            "score": row["target_score"],
            "method": row["method"],
        }


def _parts(results: Results, cut: Cut) -> Iterator[dict[str, Any]]:
    """Yield what is cut out of the maps; no picture is read."""
    for row in _rows(results, results.columns.names):
        raw = _cam(row)
        if raw is None or row["target_index"] is None:
            continue
        unread = Picture.blank(row["path"] or row["id"], (row["height"], row["width"]))
        for part in parts_of(cam_of(row, raw, unread, {"model": "", "chosen_by": ""}), cut):
            yield {"image_id": row["index"], "category_id": row["target_index"], **part}


def _fiftyone(results: Results, file: IO[bytes], _: float) -> None:
    file.write(b'{"samples": [\n')
    rows = _rows(results, [*_PICTURE, *_MAP])
    _listed(file, (_sample(list(group)) for _, group in groupby(rows, lambda row: row["index"])))
    file.write(b"]}\n")


def _sample(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a picture as a sample: the label, what was predicted, and a heatmap a map under its method's name."""
    first = rows[0]
    sample: dict[str, Any] = {"filepath": first["path"], "camctl_id": first["id"]}
    if first["label"] is not None:
        sample["ground_truth"] = {"label": first["label"]}
    if first["predictions"]:
        best = first["predictions"][0]
        sample["prediction"] = {"label": best["label"], "confidence": best["score"]}
    if first["error"] is not None:
        sample["error"] = first["error"]
    for row in rows:
        cam = _cam(row)
        if cam is None:
            continue
        name = "".join(sign if sign.isalnum() else "_" for sign in row["method"] or "map")
        number = sum(key == name or key.startswith(f"{name}_target") for key in sample)
        size = (row["width"], row["height"])
        whole = cam if None in size else whole_map(cam, row["view"], size)
        sample[name if not number else f"{name}_target{number + 1}"] = {
            "map": [[round(float(value), _DIGITS) for value in line] for line in whole],
            "range": [0.0, max(float(cam.max()), 0.0)],
            "target": row["target"],
        }
    return sample


def _rows(results: Results, columns: list[str]) -> Iterator[dict[str, Any]]:
    for piece in results.batches(columns):
        yield from piece.to_pylist()


def _cam(row: dict[str, Any]) -> NDArray[np.float32] | None:
    """Return a row's map; None if it has none, or it does not say which part of the picture it covers."""
    import numpy as np

    if row["map"] is None or not row["view"]:
        return None
    cam = np.asarray(row["map"], np.float32).reshape(row["grid_height"], row["grid_width"])
    return cam if np.isfinite(cam).all() else None


def _listed(file: IO[bytes], items: Iterable[dict[str, Any]]) -> None:
    """Write the items of a JSON list, one a line."""
    for number, item in enumerate(items):
        file.write((b",\n" if number else b"") + _json(item))


def _json(value: Any) -> bytes:
    return json.dumps(_finite(value), ensure_ascii=False, default=str).encode()


def _finite(value: Any) -> Any:
    """Return a value without numbers that JSON has no word for."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list) else value
