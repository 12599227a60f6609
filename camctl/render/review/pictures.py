"""Pictures as a review's page embeds them: a thumbnail each, and each map as an array of bytes at its own resolution.

Thumbnails are made in threads: what decodes, scales and encodes a picture lets other threads work meanwhile. Maps of
baselines are left out: they say nothing about a picture, and their figures stand in a table.
"""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from camctl.errors import CamctlError
from camctl.files.pictures import base64_text, data_uri
from camctl.ranking.correlation import resized
from camctl.render.report.maps import MAP_SIDE
from camctl.results.maps import decoded
from camctl.results.schema import ROW
from camctl.values.cam import BLANK

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from camctl.results import Results
    from camctl.results.summary import Summary

SIDES = ((300, 320), (1000, 224), (math.inf, 160))
"""Up to so many pictures -> longest side of a thumbnail, in pixels."""

QUALITY = 80

MOST_THREADS = 16

AHEAD = 4
"""Number of pictures, for each thread, that are made small ahead of the page."""

UNREADABLE = (CamctlError, OSError, ValueError, KeyError, IndexError)
"""What reading a picture raises that is no longer there, or is damaged."""

BOX = "target_box"
"""Column of the box that a question is about; folders of old have none."""

OWN = (
    *("index", "id", "path", "width", "height", "view", "label", "label_index", "predictions", "target"),
    *("target_index", "target_score", BOX, "method", "verdict", "reason", "error", "grid_height", "grid_width", "peak"),
    *("layers", "map"),
)  # fmt: skip
"""Columns of a results folder that a page uses, besides figures and the data set's own."""

LEFT_OUT = ("sha256", "input_height", "input_width", "versus", "smoothing")
"""Columns that a page does not show."""

_DIGITS = 5


class PageData:
    """What the page's script needs of each picture."""

    def __init__(self, results: Results, summary: Summary, indices: NDArray[np.int64] | None) -> None:
        self.missing = 0
        """Number of pictures that could not be read."""
        self.fused = False
        """Whether a map was made of several layers: it is drawn from their signed mean."""
        self.extra = _extra(results, summary)
        self._results, self._summary, self._indices = results, summary, indices
        self._left_out = {None, *(method.name for method in summary.methods if method.baseline)}
        count = summary.pictures if indices is None else len(indices)
        self.total = count
        self._side = next(side for most, side in SIDES if count <= most)
        self._readable = _readable(results)

    def pictures(self) -> Iterator[dict[str, Any]]:
        """Yield the pictures in their order."""
        count = min(os.cpu_count() or 1, MOST_THREADS)
        waiting: deque[tuple[dict[str, Any], Future[str | None]]] = deque()
        with ThreadPoolExecutor(count) as pool:
            for _, group in groupby(self._rows(), lambda row: row["index"]):
                rows = list(group)
                waiting.append((self._picture(rows), self._thumbnail(rows[0], pool)))
                if len(waiting) > AHEAD * count:
                    yield self._finished(*waiting.popleft())
            while waiting:
                yield self._finished(*waiting.popleft())

    def _finished(self, picture: dict[str, Any], thumbnail: Future[str | None]) -> dict[str, Any]:
        """Return a picture with its thumbnail: a data URI; None if it is no longer there, or cannot be read."""
        try:
            picture["thumb"] = thumbnail.result()
        except UNREADABLE:
            self.missing += 1
        return picture

    def _rows(self) -> Iterator[dict[str, Any]]:
        import pyarrow as pa
        import pyarrow.compute as pc

        columns = [name for name in OWN if name != BOX or name in self._results.columns.names]
        columns += [*self._summary.better, *self.extra]
        wanted = None if self._indices is None else pc.is_in(pc.field("index"), pa.array(self._indices))
        for piece in self._results.batches([name for name in columns if name != ROW], wanted):
            yield from piece.to_pylist()

    def _picture(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        first = rows[0]
        label = first["label"]
        self.fused = self.fused or any(len(row["layers"] or ()) > 1 for row in rows)
        if first["label_index"] is not None:
            label = self._summary.names.get(first["label_index"], label)
        return {
            "id": first["id"],
            "path": first["path"],
            "size": [first["width"], first["height"]],
            "label": label,
            "known": first["label_index"] is not None,
            "top": [[self._name(one), _finite(one["score"])] for one in first["predictions"] or ()],
            "right": _right(first),
            "error": next((row["error"] for row in rows if row["error"] is not None), None),
            "thumb": None,
            "extra": [_plain(first[name]) for name in self.extra],
            "maps": [self._map(row) for row in rows if row["method"] not in self._left_out],
        }

    def _name(self, prediction: Mapping[str, Any]) -> str:
        return str(prediction["label"] or self._summary.names.get(prediction["index"], prediction["index"]))

    def _map(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "method": row["method"],
            "target": row["target"],
            "score": _finite(row["target_score"]),
            "verdict": row["verdict"],
            "reason": row["reason"] or "",
            "alike": _finite(self._summary.alike[row[ROW]]),
            "figures": [_finite(row[name]) for name in self._summary.better],
            "box": row["view"] and [round(end, 2) for end in row["view"]],
            **({"mark": {"box": row[BOX]}} if row.get(BOX) else {}),
            **embedded(row),
        }

    def _thumbnail(self, row: Mapping[str, Any], pool: ThreadPoolExecutor) -> Future[str | None]:
        """Start to make a picture small; None comes of a picture that the run could not read either."""
        made: Future[str | None] = Future()
        if row["width"] is None:
            made.set_result(None)
            return made
        try:
            if not self._readable:
                raise FileNotFoundError
            content = self._results.data.read(int(row["index"]))  # readers of files are not for several threads
        except UNREADABLE as error:
            made.set_exception(error)
            return made
        return pool.submit(self._small, content, row)

    def _small(self, content: bytes | Path, row: Mapping[str, Any]) -> str:
        picture = decoded(content, row, self._results.start["reading"])
        return data_uri(_smaller(picture.pixels, self._side), "JPEG", quality=QUALITY)


def _extra(results: Results, summary: Summary) -> list[str]:
    """Return the names of the data set's own columns that a page can show."""
    import pyarrow as pa

    known = {*OWN, *LEFT_OUT, *summary.better}
    return [item.name for item in results.columns if item.name not in known and not pa.types.is_nested(item.type)]


def _readable(results: Results) -> bool:
    """Return whether the data set of the run is there, and is the same."""
    try:
        return bool(len(results.data))
    except (CamctlError, KeyError, OSError):
        return False


def _right(row: Mapping[str, Any]) -> bool | None:
    """Return whether the first prediction is the label; None if either is missing."""
    if row["label_index"] is None or not row["predictions"]:
        return None
    return bool(row["predictions"][0]["index"] == row["label_index"])


def _smaller(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    import cv2
    import numpy as np

    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return pixels
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def embedded(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row's signed map as bytes: 0 for its smallest value, 255 for its largest; nothing for a blank map."""
    import numpy as np

    cells, size = row["map"], [row["grid_height"], row["grid_width"]]
    if not cells or None in size or row["peak"] is None or row["verdict"] in BLANK or not row["view"]:
        return {}
    values = np.asarray(cells, np.float32) * np.float32(row["peak"])
    if not np.isfinite(values).all() or values.size != size[0] * size[1]:
        return {}
    if max(size) > MAP_SIDE:
        values = resized(values.reshape(size), (min(size[0], MAP_SIDE), min(size[1], MAP_SIDE)))
        size = list(values.shape)
    low, high = float(values.min()), float(values.max())
    levels = np.round((values - low) / ((high - low) or 1) * 255).astype(np.uint8)
    return {"grid": size, "low": low, "high": high, "levels": base64_text(levels.tobytes())}


def _finite(value: float | None) -> float | None:
    """Return a number that JSON can hold, in few digits."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.{_DIGITS}g}")


def _plain(value: Any) -> Any:
    """Return a value of the data set's own columns as JSON can hold it."""
    if isinstance(value, float):
        return _finite(value)
    if isinstance(value, datetime | date | time | timedelta):
        return str(value)
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return value if value is None or isinstance(value, bool | int | str) else str(value)
