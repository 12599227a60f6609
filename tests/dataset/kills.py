"""Kill dataset runs at random moments until one ends, and count what is lost: `python -m tests.dataset.kills`.

Each round starts a real `camctl run DATA`, and kills (SIGKILL) its whole process group or its first process alone at a
random moment: while it starts, explains, writes or draws. The last may finish. Then every picture must have its row
once, every file must be readable, and no process may be left. Ends with 1 otherwise.
"""

# ruff: noqa: T201 - it is a report

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image

from camctl.results import open_results

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join((str(HERE), str(ROOT))), "OMP_NUM_THREADS": "1"}
START_UP = 4.0
"""Seconds, about, until a run explains."""

CODE = f"""
import sys
from camctl.cli import main
from camctl.results import writer
writer.SECONDS = {0.3}  # parts are small, so that kills meet many of them
main()
"""


def made_pictures(folder, count, size=40):
    """Write small pictures that differ."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    for number in range(count):
        coarse = generator.integers(0, 256, (4, 4, 3), np.uint8)
        Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC).save(folder / f"{number:05d}.png")


def started(data, out, model, *words):
    """Start a run in a process group of its own."""
    command = [sys.executable, "-c", CODE, "run", data, model, "--save-path", out, "--workers", "2", *words]
    return subprocess.Popen(
        [*map(str, command)],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def alive(group):
    """Whether any process of a group is there."""
    with suppress(ProcessLookupError):
        os.killpg(group, 0)
        return True
    return False


def killed(data, out, model, chance, share, whole):
    """Start a run and kill it; return what it was at, or None if it had ended before."""
    process = started(data, out, model, "--batch-size", "8")
    lock = Path(out, ".camctl-00001.lock")
    if chance.random() < 0.2:
        time.sleep(chance.uniform(0, START_UP))
    else:
        while not lock.exists() and process.poll() is None:
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 2 * share))
    if process.poll() is not None:
        print(process.communicate()[0])
        return None, process.pid
    if whole:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
    process.stdout.close()
    if not Path(out, "start.json").exists():
        return "starting", process.pid
    complete = Path(out, "results.json").exists()
    return "drawing" if complete else "explaining" if lock.exists() else "starting", process.pid


def faults(out, total):
    """Return what is wrong with a folder that should be complete."""
    results = open_results(out)
    counts = np.bincount(results.table(["index"])["index"].to_numpy(), minlength=total)
    maps = results.maps(list(range(len(results))))
    overlays = list(Path(out, "overlays").rglob("*"))
    unreadable = 0
    for path in overlays:
        try:
            with Image.open(path) as picture:
                picture.load()
        except OSError:
            unreadable += 1
    there = {path.relative_to(out).as_posix() for path in Path(out).rglob("*")}
    ours = {"start.json", "results.json", "maps", "overlays", *(f"maps/{Path(file).name}" for file in results.files)}
    ours |= {path.relative_to(out).as_posix() for path in overlays}
    return {
        "lost": int((counts == 0).sum()),
        "doubled": int((counts > 1).sum()),
        "without a map": sum(cam is None or not np.isfinite(cam).all() for cam in maps),
        "unreadable": unreadable,
        "overlays missing": total - len(overlays),
        "left over": sorted(there - ours),
        "not complete": int(not results.status.complete),
    }


def main():
    """Kill as often as asked, and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.dataset.kills", description=__doc__)
    parser.add_argument("--count", type=int, default=50, help="how many runs are killed")
    parser.add_argument("--pictures", type=int, default=2000, help="pictures of the run")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)  # noqa: S311 - no secret
    with tempfile.TemporaryDirectory() as folder:
        data, out, began = Path(folder, "data"), Path(folder, "out"), time.monotonic()
        made_pictures(data, arguments.pictures)
        share = arguments.pictures / 8 * 0.16 / arguments.count
        moments, groups = {}, []
        for number in range(arguments.count):
            what, group = killed(data, out, "python:dataset_nets:slow", chance, share, number % 2)
            moments[what or "had ended"] = moments.get(what or "had ended", 0) + 1
            groups.append(group)
        last = started(data, out, "python:dataset_nets:slow", "--batch-size", "8", "--draw", "all")
        print(last.communicate()[0])
        found = faults(out, arguments.pictures)
        for _ in range(200):
            if not any(map(alive, groups)):
                break
            time.sleep(0.1)
        found["processes left"] = sum(map(alive, groups))
        found["exit code"] = last.returncode
    print(f"{arguments.count} kills in {time.monotonic() - began:.0f} s, half of them of the whole group: {moments}")
    print(found)
    return int(any(found.values()))


if __name__ == "__main__":
    sys.exit(main())
