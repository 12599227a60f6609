"""Kill a writer of results at random moments, again and again, and count what is lost: `python -m tests.results.kills`.

Each round starts a process that writes the rows of pictures in many small parts, and kills it (SIGKILL) at a random
moment after it has opened the folder; the next goes on. The last may finish. Then every row of every picture must be
there once, with its values, and nothing else but complete parts. Ends with 1 otherwise.
"""

# ruff: noqa: T201 - it is a report

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from camctl.results import Writer, open_results
from camctl.results.parts import encoded
from tests.results.rows import SCHEMA, START, count_of, grid, rows

ROOT = Path(__file__).parents[2]
BATCH = 8


def write(out, total, shard, *, rows_per_part=24, wait=0.0):
    """Write the rows that are missing, as a dataset run does."""
    with Writer.open(out, START, SCHEMA, total=total, shard=shard) as writer:
        writer.rows_per_part = rows_per_part
        encoded(rows([0]))  # what is imported when it is first used is there from now on
        print("open", flush=True)
        todo = writer.todo
        for first in range(0, len(todo), BATCH):
            writer.write(rows(todo[first : first + BATCH]))
            time.sleep(wait)
        return writer.finish({})


def started(out, total, shard=(1, 1), wait=0.0):
    """Start a process that writes, and return it when it has opened the folder."""
    command = [sys.executable, "-m", "tests.results.kills", "--write", out, "--total", total, "--wait", wait, "--shard"]
    process = subprocess.Popen([*map(str, (*command, *shard))], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "open\n"
    return process


def killed(out, total, seconds, shard=(1, 1), wait=0.0):
    """Start a process that writes and kill it after some seconds; returns how many parts there are, and drafts."""
    process = started(out, total, shard, wait)
    time.sleep(seconds)
    process.kill()
    process.wait()
    process.stdout.close()
    return len(open_results(out).files), len(list(Path(out).rglob("*.part")))


def faults(out, total):
    """Return what is wrong with a folder that should be complete: rows lost, doubled, wrong, and files left over."""
    results = open_results(out)
    table = results.table(["index", "method", "error", "data_label"])
    maps = results.maps(table)
    counts, wrong = dict.fromkeys(range(total), 0), 0
    for row, cam in zip(table.to_pylist(), maps, strict=True):
        counts[row["index"]] += 1
        wrong += cam is not None and (cam != grid(row["index"])).any()
        wrong += (row["error"] is None) != (cam is not None)
    pairs = len(set(zip(table["index"].to_pylist(), table["method"].to_pylist(), strict=True)))
    ours = {"start.json", "results.json", "maps", *(f"maps/{Path(file).name}" for file in results.files)}
    there = {path.relative_to(out).as_posix() for path in Path(out).rglob("*")}
    return {
        "lost": sum(count < count_of(index) for index, count in counts.items()),
        "doubled": sum(count > count_of(index) for index, count in counts.items()) + len(table) - pairs,
        "wrong": int(wrong),
        "left over": sorted(there - ours),
        "missing": sorted(ours - there),
    }


def main():
    """Kill as often as asked, and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.results.kills", description=__doc__)
    parser.add_argument("--count", type=int, default=50, help="how often the writer is killed")
    parser.add_argument("--total", type=int, default=2000, help="pictures of the run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", metavar="OUT", help=argparse.SUPPRESS)
    parser.add_argument("--shard", type=int, nargs=2, default=(1, 1), help=argparse.SUPPRESS)
    parser.add_argument("--wait", type=float, default=0.0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.write:
        write(arguments.write, arguments.total, tuple(arguments.shard), wait=arguments.wait)
        return 0
    chance = random.Random(arguments.seed)  # noqa: S311 - no secret
    with tempfile.TemporaryDirectory() as out:
        share = arguments.total / BATCH / arguments.count * 0.005
        parts = [killed(out, arguments.total, chance.uniform(0, 2 * share), wait=0.004) for _ in range(arguments.count)]
        write(out, arguments.total, (1, 1))
        found = faults(out, arguments.total)
    drafts = sum(count for _, count in parts)
    print(f"{arguments.count} kills, {drafts} in the middle of a part; parts: {[count for count, _ in parts]}")
    print(found)
    return int(any(found.values()))


if __name__ == "__main__":
    sys.exit(main())
