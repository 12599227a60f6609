"""Kill the driver of a run on Ray at random moments, and count what is lost: `python -m tests.results.ray_kills`.

Needs the package in plugins/camctl-ray. Each round starts a dataset run on two actors of a Ray of its own, and kills
(SIGKILL) the process that started it: every other time while Ray starts or works, else after its first rows came. The
next goes on. The last may finish. Then every picture must have its rows once, with the maps of a run without Ray, the
folder must hold nothing but complete parts, and no process of Ray may be left. Ends with 1 otherwise.
"""

# ruff: noqa: T201 - it is a report

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from threading import Timer

import numpy as np
from PIL import Image

import camctl
from camctl.results import writer

ROOT = Path(__file__).parents[2]
METHODS = ("gradcam", "layercam")
TOKEN = "CAMCTL_RAY_KILLS"  # noqa: S105 - a variable that marks the processes of a round

NET = """
import time
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.features, self.head = nn.Sequential(nn.Conv2d(3, 8, 5, 4), nn.ReLU(), nn.Conv2d(8, 8, 3)), nn.Linear(8, 5)

    def forward(self, x):
        time.sleep({wait})
        return self.head(self.features(x).mean((2, 3)))

def build():
    return Net().eval()
"""


def prepared(folder, total, wait):
    """Save the net and the pictures of a run."""
    (folder / "ray_kill_net.py").write_text(NET.format(wait=wait))
    (folder / "pictures").mkdir()
    chance = np.random.default_rng(0)
    for number in range(total):
        coarse = Image.fromarray(chance.integers(0, 256, (5, 7, 3), np.uint8))
        coarse.resize((42, 30), Image.Resampling.BICUBIC).save(folder / "pictures" / f"{number:05}.png")
    (folder / "pictures" / "broken.png").write_bytes(b"no picture")


def write(out, runner):
    """Explain what is missing."""
    writer.SECONDS = 0.3  # many small parts
    options = {"num_actors": 2, "num_cpus": 0.5, "num_gpus": 0.0, "block_size": 16} if runner == "ray" else {}
    return camctl.explain_dataset(
        "python:ray_kill_net:build",
        "pictures",
        out,
        methods=METHODS,
        batch_size=8,
        workers=0,
        runner=runner,
        runner_options=options,
        progress=lambda done, _total, _failed: print(done, flush=True),
    )


def killed(folder, token, seconds, *, after_rows):
    """Start a run and kill it some seconds after it has begun, or after its first rows; returns the parts there are."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.results.ray_kills", "--write", folder],
        cwd=ROOT,
        env=os.environ | {TOKEN: token},
        stdout=subprocess.PIPE,
        text=True,
    )
    for line in process.stdout:
        if not after_rows or line.strip() != "0":
            break
    timer = Timer(seconds, process.kill)
    timer.start()
    for _line in process.stdout:  # a full pipe would stop it
        pass
    process.wait()
    timer.cancel()
    done = process.returncode == 0
    return len(list((folder / "out").glob("maps/part-*"))), len(list((folder / "out").rglob("*.part"))), done


def left(token):
    """Return the processes that were started in a round and still run."""
    found = []
    for file in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if f"{TOKEN}={token}".encode() in file.read_bytes().split(b"\0"):
                found.append(int(file.parent.name))
    return found


def ended(token, seconds=30):
    """Wait until all processes of a round have ended; returns how many had to be killed."""
    until = time.monotonic() + seconds
    while (rest := left(token)) and time.monotonic() < until:
        time.sleep(0.2)
    for process in rest:
        with suppress(OSError):
            os.kill(process, 9)
    return len(rest)


def faults(folder):
    """Return what is wrong with the results, compared with those of a run without Ray."""
    both = [camctl.open_results(folder / name) for name in ("out", "local")]
    tables = [results.table().sort_by([("index", "ascending"), ("method", "ascending")]) for results in both]
    keys = [list(zip(*(table[name].to_pylist() for name in ("index", "method")), strict=True)) for table in tables]
    maps = [dict(zip(key, each.maps(table), strict=True)) for key, each, table in zip(keys, both, tables, strict=True)]
    off = [
        float(np.abs(cam - maps[0][key]).max() / np.abs(cam).max())
        for key, cam in maps[1].items()
        if cam is not None and key in maps[0]
    ]
    ours = {"start.json", "results.json", "maps", *(f"maps/{Path(file).name}" for file in both[0].files)}
    there = {path.relative_to(folder / "out").as_posix() for path in (folder / "out").rglob("*")}
    return {
        "lost": len(set(keys[1]) - set(keys[0])),
        "doubled": len(keys[0]) - len(set(keys[0])),
        "maps that differ": sum(value > 1e-3 for value in off),
        "left over": sorted(there - ours),
        "missing": sorted(ours - there),
    }, max(off)


def main():
    """Kill as often as asked, and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.results.ray_kills", description=__doc__)
    parser.add_argument("--count", type=int, default=10, help="how often the driver is killed")
    parser.add_argument("--total", type=int, default=2000, help="pictures of the run")
    parser.add_argument("--wait", type=float, default=0.1, help="seconds of a forward pass")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", metavar="FOLDER", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.write:
        os.chdir(arguments.write)
        write("out", "ray")
        return 0
    chance = random.Random(arguments.seed)  # noqa: S311 - no secret
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root)
        prepared(folder, arguments.total, arguments.wait)
        survivors = 0
        for number in range(arguments.count):
            after_rows = bool(number % 2)
            seconds = chance.uniform(0, 4 if after_rows else 20)
            parts, drafts, done = killed(folder, str(number), seconds, after_rows=after_rows)
            survivors += ended(str(number))
            when = f"{seconds:.1f} s after {'its first rows' if after_rows else 'its start'}"
            print(f"{'ended before' if done else 'killed'} {when}: {parts} parts, {drafts} drafts", flush=True)
        os.chdir(folder)
        for name, runner in (("out", "ray"), ("local", "local")):
            write(name, runner)
        found, off = faults(folder)
        os.chdir(ROOT)
    found["processes of Ray that outlived a round"] = survivors
    print(f"{found}; largest difference of a map {off:.2g}")
    return int(any(found.values()))


if __name__ == "__main__":
    sys.exit(main())
