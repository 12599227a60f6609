"""Measure a results folder of many rows: `python -m tests.results.scale --rows 1000000 --grid 7`."""

# ruff: noqa: T201 - it is a report

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from camctl.results import Writer, open_results, schema

BATCH = 256
SCHEMA = schema({"deletion": "lower", "insertion": "higher"})


def batch(first, count, side, random):
    """Return rows as a run gives them, with smooth random maps, so that they compress as maps do."""
    y, x = np.mgrid[:side, :side] / side
    centre = random.random((2, count, 1, 1))
    maps = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / random.uniform(0.02, 0.2, (count, 1, 1)))
    maps = (maps + random.normal(0, 0.02, maps.shape)).clip(0, None).astype(np.float16)
    score = random.random(count).astype(np.float32)
    rows = np.arange(first, first + count)
    text = pa.array([f"n{index % 1000:08d}/n{index % 1000:08d}_{index}.JPEG" for index in rows])
    label = pa.array([f"class {index % 1000}" for index in rows])
    prediction = {"index": 1, "label": "class 1", "score": 0.5}
    columns = {
        "index": rows,
        "id": text,
        "path": pc.binary_join_element_wise("data/train", text, "/"),
        "sha256": pa.array([random.bytes(32).hex() for _ in rows]),
        "width": np.full(count, 500),
        "height": np.full(count, 375),
        "view": pa.array([[62.5, 0.0, 437.5, 375.0]] * count),
        "label": label,
        "label_index": rows % 1000,
        "predictions": pa.array([[prediction]] * count),
        "target": label,
        "target_index": rows % 1000,
        "target_score": score,
        "method": pa.array(["gradcam"] * count),
        "layers": pa.array([["layer4.2"]] * count),
        "verdict": pa.array(np.where(score < 0.1, "flat", "ok")),
        "deletion": random.random(count),
        "insertion": random.random(count),
        "grid_height": np.full(count, side),
        "grid_width": np.full(count, side),
        "peak": np.ones(count),
        "map": pa.ListArray.from_arrays(np.arange(0, (count + 1) * side**2, side**2), maps.ravel()),
    }
    arrays = [
        pa.array(columns[item.name]).cast(item.type) if item.name in columns else pa.nulls(count, item.type)
        for item in SCHEMA
    ]
    return pa.table(arrays, schema=SCHEMA)


@contextmanager
def timed(name):
    """Print the seconds that a block takes."""
    start = time.perf_counter()
    yield
    print(f"{name}: {time.perf_counter() - start:.2f} s", flush=True)


def main():
    """Write the rows and read them back."""
    parser = argparse.ArgumentParser(prog="python -m tests.results.scale", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--grid", type=int, default=7)
    arguments = parser.parse_args()
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as out:
        spent = 0.0
        with timed("make and write"), Writer.open(out, {}, SCHEMA, total=arguments.rows) as writer:
            for first in range(0, arguments.rows, BATCH):
                rows = batch(first, min(BATCH, arguments.rows - first), arguments.grid, random)
                start = time.perf_counter()
                writer.write(rows)
                spent += time.perf_counter() - start
            start = time.perf_counter()
            writer.finish({})
            spent += time.perf_counter() - start
        files = [path for path in Path(out).rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files)
        print(f"write alone: {spent:.2f} s")
        print(f"{size / 1e6:.0f} MB in {len(files)} files, {size / arguments.rows:.0f} B a row")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with timed("open and count"):
            results = open_results(out)
            assert len(results) == arguments.rows
        with timed("status"):
            assert results.status.complete
        with timed("filter: verdict is not ok, three columns"):
            found = results.table(["id", "verdict", "target_score"], filter=pc.field("verdict") != "ok")
        with timed("worst 100 by deletion"):
            worst = results.worst(100, "deletion")
        with timed("their maps"):
            results.maps(worst)
        with timed("all figures as a table"):
            table = results.table()
        with timed("continue: open the writer again"):
            Writer.open(out, {}, SCHEMA, total=arguments.rows).__exit__(None, None, None)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(f"{len(found)} rows filtered; table of figures {table.nbytes / 1e6:.0f} MB")
        print(f"peak memory {peak / 1024:.0f} MiB, then {after / 1024:.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
