"""A results folder as a dataset run writes it, made without a model: what each picture is follows from its number."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from PIL import Image

from camctl.datasets import open_data
from camctl.results import Writer, open_results, schema

CLASSES = ("cat", "dog", "house")
METHODS = ("GradCAM", "LayerCAM")
BASELINE = "Centre"
SIZE = (48, 32)
"""Width and height of a picture."""

HOSTILE = "</script><script>alert(1)</script>\n\"><img src=x onerror=alert(2)>{{7*7}}'"


def label_of(index):
    """Return the number of a picture's class."""
    return index % len(CLASSES)


def predicted(index):
    """Return the class that the model takes a picture for: every tenth is a mistake."""
    return (label_of(index) + 1) % len(CLASSES) if index % 10 == 4 else label_of(index)


def score_of(index):
    """Return the score of a picture's prediction."""
    return 0.5 + 0.4 * ((index * 37 % 101) / 101)


def grid_of(index, method):
    """Return the signed map of a picture: a peak that moves with the class, negative in a corner."""
    y, x = np.mgrid[:4, :6]
    spot = (predicted(index), 1 + index % 3)
    map_ = np.exp(-((y - spot[0]) ** 2 + (x - spot[1]) ** 2) / (1 + METHODS.index(method) if method in METHODS else 9))
    map_[3, 5] = -0.25
    return map_


def energy_of(index, method):
    """Return the figure of a map; the baseline's is lower."""
    return (index * 13 % 17) / 34 + (0.5 if method in METHODS else 0)


def write_results(  # noqa: PLR0913
    folder, count=30, *, total=None, labels=True, classes=CLASSES, methods=(*METHODS, BASELINE), pictures=True,
    maps=True, failed=(), known=True, verdict="ok", ids=None, box=None,
):  # fmt: skip
    """Write pictures and a results folder of them; returns the folder."""
    photos, out = folder / "photos", folder / "out"
    photos.mkdir(parents=True)
    random = np.random.default_rng(0)
    for index in range(max(count, 1)):
        pixels = random.integers(0, 255, (SIZE[1], SIZE[0], 3)).astype(np.uint8)
        Image.fromarray(pixels).save(photos / f"{index:03d}.png")
    data = open_data(str(photos))
    if not pictures:
        (photos / "000.png").unlink()
    start = {
        "model": "demo:resnet",
        "data": {"name": str(photos), "pictures": count, "fingerprint": data.fingerprint},
        "methods": list(METHODS),
        "reading": {},
    }
    columns = schema({"energy": "higher"}, pa.schema([("site", pa.string()), ("hour", pa.float64())]))
    rows = []
    for index in range(count):
        own = common(index, photos, ids or {}, labels=labels, known=known, classes=classes)
        if index in failed:
            rows.append({**own, "predictions": None, "error": f"'{own['path']}' is no picture."})
        elif not maps:
            rows.append(own)
        else:
            rows += [{**own, **row_of(index, method, classes, verdict), "target_box": box} for method in methods]
    about = {"class_names": list(classes), "baselines": [BASELINE], "chosen_by": "adapter"}
    with Writer.open(out, start, columns, total=total or count, about=about) as writer:
        if rows:
            writer.write(pa.Table.from_pylist(rows, columns))
        writer.finish({})
    return out


def common(index, photos, ids, *, labels, known, classes):
    """Return what all rows of a picture have."""
    return {
        "index": index,
        "id": ids.get(index, f"{index:03d}.png"),
        "path": str(photos / f"{index:03d}.png"),
        "width": SIZE[0],
        "height": SIZE[1],
        "view": [8.0, 0.0, 40.0, 32.0],
        "input_height": 32,
        "input_width": 32,
        "label": classes[label_of(index)] if labels else None,
        "label_index": label_of(index) if labels and known else None,
        "predictions": [
            {"index": predicted(index), "label": classes[predicted(index)], "score": score_of(index)},
            {"index": (predicted(index) + 1) % 3, "label": classes[(predicted(index) + 1) % 3], "score": 0.1},
        ],
        "site": ["north", "south"][index % 2],
        "hour": index / 2,
    }


def row_of(index, method, classes, verdict):
    """Return what only one map has."""
    grid = grid_of(index, method)
    return {
        "target": classes[predicted(index)],
        "target_index": predicted(index),
        "target_score": score_of(index),
        "method": method,
        "layers": ["layer4"],
        "smoothing": "none",
        "verdict": verdict,
        "energy": energy_of(index, method),
        "grid_height": grid.shape[0],
        "grid_width": grid.shape[1],
        "peak": 2.0,
        "map": grid.ravel().astype(np.float16),
    }


def opened(folder, **options):
    """Return the results of a folder that is written first."""
    return open_results(write_results(folder, **options))
