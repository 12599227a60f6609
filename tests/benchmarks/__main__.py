"""Measure the speed of camctl and its peers in one run: `python -m tests.benchmarks [GROUP ...] [--write]`.

All is measured in turns; medians, quartiles and ratios to a bare forward pass are printed. Weights are random. Nothing
here is a test. The peer torch-cam is in the dependency group `peers`. On CUDA: `--device cuda`, and the groups single,
library, batch and perturbation, within `--budget` seconds.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from camctl.cli.process import keep_memory
from tests.benchmarks import groups, growth, processes
from tests.benchmarks.dataset import dataset
from tests.benchmarks.turns import machine

if TYPE_CHECKING:
    from tests.benchmarks.turns import Table

ROOT = Path(__file__).parents[2]
GROUPS = ("single", "library", "batch", "perturbation", "probe", "dataset", "process", "growth")
MARKS = "<!-- benchmarks -->\n", "<!-- /benchmarks -->"


def main() -> None:
    """Measure the groups that the arguments name; all by default."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("groups", nargs="*", choices=[*GROUPS, []], default=[], metavar="|".join(GROUPS))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--budget", type=float, default=float("inf"), help="seconds after which no group is begun")
    parser.add_argument("--json", type=Path, help="file for everything that was measured")
    parser.add_argument("--write", action="store_true", help="write docs/speed.md and the curves beside it")
    given = parser.parse_args()
    warnings.filterwarnings("ignore")
    keep_memory()  # as the command does; the peers have it too
    start, parts, kept = monotonic(), [machine(given.device)], []
    print(parts[0], flush=True)  # noqa: T201
    for name in given.groups or GROUPS:
        if monotonic() - start > given.budget:
            break
        for text, facts in measured(name, given, parts[0]):
            if monotonic() - start > given.budget:
                break
            print(f"\n{text}", flush=True)  # noqa: T201
            parts.append(text)
            kept.append(facts)
    if given.json:
        given.json.write_text(json.dumps({"machine": parts[0], "tables": kept}, indent=1), encoding="utf-8")
    if given.write:
        if given.groups:
            parser.error("--write is for all groups together")
        write(parts)


def measured(name: str, given: argparse.Namespace, where: str) -> Any:
    """Yield the text and the facts of each table of a group."""
    if name == "growth":
        found = growth.curves(given.device, max(1, given.rounds // 3))
        if given.write:
            growth.draw(found, ROOT / "docs" / "growth.png", where)
            yield "![How time grows with methods, classes, layers, pixels, networks and files](growth.png)", {}
        for curve in found:
            peers = [f"{value:.0f}" for value in curve.peer] or [""] * len(curve.labels)
            columns = zip(curve.labels, curve.bare, curve.maps, peers, strict=True)
            rows = [f"| {label} | {bare:.0f} | {maps:.0f} | {peer} |" for label, bare, maps, peer in columns]
            yield (
                "\n".join([f"| {curve.title} | bare, ms | camctl, ms | grad-cam, ms |", "|---|---|---|---|", *rows]),
                vars(curve),
            )
        return
    if name == "process":
        for table, peaks in processes.process(max(1, given.rounds // 2)):
            memory = ", ".join(f"{label} {peak:.0f} MiB" for label, peak in peaks.items())
            text = f"\n\nPeak memory: {memory}." if memory else ""
            yield f"{table.markdown()}{text}", table.to_dict() | {"peaks": peaks}
        return
    tables: Iterator[Table] = (dataset if name == "dataset" else getattr(groups, name))(given.device, given.rounds)
    for table in tables:
        yield table.markdown(), table.to_dict()


def write(parts: list[str]) -> None:
    """Put the tables between the marks of docs/speed.md, dated."""
    page = ROOT / "docs" / "speed.md"
    before, rest = page.read_text(encoding="utf-8").split(MARKS[0])
    day = datetime.now(UTC).date().isoformat()
    text = "\n\n".join([f"Measured on {day}: {parts[0]}.", *parts[1:]])
    page.write_text(f"{before}{MARKS[0]}{text}\n{MARKS[1]}{rest.split(MARKS[1])[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
