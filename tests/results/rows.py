"""Rows of a made-up dataset run: two a picture, whose values follow from the picture's index."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from camctl.results import schema

METHODS = ("gradcam", "layercam")
SCHEMA = schema({"deletion": "lower", "insertion": "higher"}, pa.schema([("site", pa.string()), ("label", pa.int32())]))
START = {"model": {"name": "demo:resnet", "sha256": "ab"}, "method": ["gradcam", "layercam"], "topk": 1}


def rows(indices, methods=METHODS):
    """Return the rows of pictures; every seventh cannot be read and has one row with its error."""
    content = []
    for index in map(int, indices):
        if index % 7 == 3:
            content.append({"index": index, "id": f"{index}.jpg", "error": "It is damaged."})
            continue
        for number, method in enumerate(methods):
            content.append(
                {
                    "index": index,
                    "id": f"{index}.jpg",
                    "path": f"pictures/{index}.jpg",
                    "view": [0.0, 0.0, 1.0, 0.5],
                    "predictions": [{"index": 1, "label": "cat", "score": 0.75}],
                    "target": "cat",
                    "target_index": 1,
                    "target_score": index / 4096,
                    "method": method,
                    "layers": ["layer4"],
                    "verdict": "ok" if index % 2 else "flat",
                    "deletion": (index * 37 % 101) / 101 + number,
                    "insertion": None if index % 5 == 0 else float("nan") if index % 11 == 0 else index / 7,
                    "grid_height": 2,
                    "grid_width": 3,
                    "peak": 1.0,
                    "map": grid(index).ravel(),
                    "site": "north",
                    "data_label": index,
                }
            )
    return pa.Table.from_pylist(content, SCHEMA)


def grid(index):
    """Return the map of a picture."""
    return np.array([[index % 2048, 1, 2], [3, 4, 5]], np.float16)


def count_of(index):
    """Return how many rows a picture has."""
    return 1 if index % 7 == 3 else len(METHODS)
