"""Sweep ultralytics' classifiers and detectors and write COVERAGE.md beside the package.

python tests/coverage.py [NAME ...]: names limit the sweep, and then only print. Ends with 1 where a map is not `ok`
or the layers are not the expert's.
"""

from __future__ import annotations

import datetime as dt
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

import numpy as np

import camctl
from camctl.demo.scenes import render, scene

TARGET = Path(__file__).resolve().parent.parent / "COVERAGE.md"

HEAD = """# Coverage: ultralytics

ultralytics' networks to detect and classify, built from YAML with random weights (seed 0), explained by
`camctl.explain` without a flag (best box or class; GradCAM). Seconds are those of `explain` alone, on one CPU thread.
"Expert" are the layers that the network's own head reads: of a detector the grids of its boxes, of a classifier its
last convolution with the activation. Written by `python tests/coverage.py`.

{date}, camctl {camctl}, ultralytics {ultralytics}, torch {torch}, Python {python}: {ok} of {all} verdicts `ok`,
{agree} of {all} layers the expert's.

| network | layers | chosen by | grid | verdict | expert | seconds |
|---|---|---|---|---|---|---|
"""

NETWORKS = (
    *("yolov3-tiny", "yolov3", "yolov5n", "yolov6n", "yolov8n", "yolov8n-p2", "yolov8n-ghost", "yolov9t", "yolov9c"),
    *("yolov10n", "yolov10s", "yolo11n", "yolo11s", "yolo11m", "yolo12n", "yolo12s", "yolo26n", "yolo26s"),
    *("yolov8n-cls", "yolo11n-cls", "yolo11m-cls", "yolo12n-cls", "yolo26n-cls"),
    *("yolov8-cls-resnet50", "yolo11-cls-resnet18"),
)


def expert(module: object) -> tuple[str, ...]:
    """The layers that the head reads, from what the library's own description says of it."""
    head = module.model[-1]  # type: ignore[attr-defined]
    if type(head).__name__ == "Classify":
        return (f"model.{head.i}.conv",)
    return tuple(f"model.{index}" for index in head.f)


def explained(name: str) -> tuple[str, tuple[bool, bool]]:
    """A row of the table; whether the map is `ok`, and of the expert's layers."""
    classify = "-cls" in name
    options = {"random_weights": True, "cfg_options": {"nc": 8, "imgsz": 224 if classify else 320}}
    loaded = camctl.load(f"ultralytics:{name}.yaml", **options)
    pixels = np.asarray(render(scene(11, 2), 256))
    start = perf_counter()
    cam = camctl.explain(loaded, pixels).maps[0]
    seconds = perf_counter() - start
    layers, expected = cam.layers, expert(loaded.module)
    # A convolution's activation is the last of its parts, and its output the same tensor.
    same = "same" if tuple(layer.removesuffix(".act") for layer in layers) == expected else ", ".join(expected)
    verdict = cam.verdict if cam.verdict == "ok" else f"**{cam.verdict}**"
    row = (
        f"| {name} | {', '.join(f'`{layer}`' for layer in layers)} | {cam.chosen_by} | {cam.grid[0]} x {cam.grid[1]} "
        f"| {verdict} | {same} | {seconds:.1f} |"
    )
    return row, (cam.verdict == "ok", same == "same")


def main(names: list[str]) -> int:
    """Sweep; 0 where all is well."""
    rows = []
    for name in names or NETWORKS:
        rows.append(explained(name))
        print(rows[-1][0], flush=True)  # noqa: T201 - a command
    sound, agree = ([found[place] for _, found in rows] for place in (0, 1))
    head = HEAD.format(
        date=dt.datetime.now(tz=dt.UTC).date(),
        camctl=version("camctl"),
        ultralytics=version("ultralytics"),
        torch=version("torch").partition("+")[0],
        python=platform.python_version(),
        ok=sum(sound),
        agree=sum(agree),
        all=len(rows),
    )
    if not names:
        TARGET.write_text(head + "\n".join(row for row, _ in rows) + "\n", encoding="utf-8")
    return int(not all((*sound, *agree)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
