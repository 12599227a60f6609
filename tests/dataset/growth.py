"""Explain 1, 10, 100, ... pictures, and report seconds and peak memory: `python -m tests.dataset.growth`.

Each count is a process of its own, with a small net and small pictures. Ends with 1 if the peak of the largest count is
more than 5 % above that of a tenth of it.
"""

# ruff: noqa: T201 - it is a report

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.dataset.kills import ENVIRONMENT, ROOT, made_pictures

CODE = """
import json, resource, sys, time
from camctl.pipeline.dataset import explain_dataset
from camctl.pipeline.load import load
data, out, workers, batch_size = sys.argv[1:]
model = load("python:dataset_nets:net")
began = time.monotonic()
results = explain_dataset(model, data, out, workers=int(workers), batch_size=int(batch_size))
seconds, explained = time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
from camctl.cli.output.data_report import Tally
Tally(results)
print(json.dumps([len(results), seconds, explained, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""
MOST = 1.05
"""Largest peak memory, as a multiple of that of a tenth of the pictures."""


def measured(data, out, workers, batch_size):
    """Explain a data set in a process of its own; returns rows, seconds, and the peak in MiB, with its summary's."""
    command = [sys.executable, "-c", CODE, data, out, workers, batch_size]
    done = subprocess.run([*map(str, command)], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main():
    """Explain ever more pictures, and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.dataset.growth", description=__doc__)
    parser.add_argument("--most", type=int, default=10_000, help="the largest number of pictures, a power of ten")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--batch-size", type=int, default=16)
    arguments = parser.parse_args()
    print(f"{'pictures':>8} {'seconds':>8} {'MiB':>8} {'and summary':>11}")
    peaks = []
    with tempfile.TemporaryDirectory() as folder:
        made_pictures(Path(folder, "all"), arguments.most)
        names = sorted(os.listdir(Path(folder, "all")))  # noqa: PTH208
        count = 1
        while count <= arguments.most:
            data = Path(folder, str(count))
            data.mkdir()
            for name in names[:count]:
                os.link(Path(folder, "all", name), data / name)
            out = Path(folder, f"out{count}")
            _, seconds, peak, whole = measured(data, out, arguments.workers, arguments.batch_size)
            peaks.append(whole)
            print(f"{count:>8} {seconds:>8.2f} {peak:>8.1f} {whole:>11.1f}", flush=True)
            count *= 10
    growth = peaks[-1] / peaks[-2] if len(peaks) > 1 else 1.0
    print(f"peak memory of the last: {growth:.3f} of the one before")
    return int(growth > MOST)


if __name__ == "__main__":
    sys.exit(main())
