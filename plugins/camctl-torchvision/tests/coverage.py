"""Sweep every classifier of torchvision and write COVERAGE.md beside the package.

python tests/coverage.py [NAME ...]: names limit the sweep, and then only print. Ends with 1 where a map is not `ok`
or the layer is not the expert's.
"""

from __future__ import annotations

import datetime as dt
import gc
import platform
import sys
from importlib.metadata import version
from pathlib import Path

from torchvision import models
from torchvision_sweep import Row, explained

TARGET = Path(__file__).resolve().parent.parent / "COVERAGE.md"

HEAD = """# Coverage: torchvision

Every classification model of torchvision with random weights (seed 0), explained by `camctl.explain` without a flag
(best class; GradCAM, or GradCAMElementWise where a class token alone is read). Seconds are those of `explain` alone, on
one CPU thread: probe, forward and backward pass.
"Expert" is the layer that someone who knows the architecture names, written down from the forward passes
(`tests/torchvision_experts.py`). Written by `python tests/coverage.py`.

{date}, camctl {camctl}, torchvision {torchvision}, torch {torch}, Python {python}: {ok} of {all} verdicts `ok`,
{agree} of {all} layers and grids the expert's.

| model | layer | chosen by | grid | extra tokens | verdict | expert | seconds |
|---|---|---|---|---|---|---|---|
"""


def line(row: Row) -> str:
    """One row of the table."""
    expected, grid, tokens = row.expected
    expert = "same" if row.agrees else f"`{expected}`, {grid[0]} x {grid[1]}, {tokens}"
    verdict = row.verdict if row.verdict == "ok" else f"**{row.verdict}**"
    return (
        f"| {row.model} | `{row.layer}` | {row.chosen_by} | {row.grid[0]} x {row.grid[1]} | {row.extra_tokens} "
        f"| {verdict} | {expert} | {row.seconds:.1f} |"
    )


def page(rows: list[Row]) -> str:
    """The whole document."""
    head = HEAD.format(
        date=dt.datetime.now(tz=dt.UTC).date(),
        camctl=version("camctl"),
        torchvision=version("torchvision").partition("+")[0],
        torch=version("torch").partition("+")[0],
        python=platform.python_version(),
        ok=sum(row.verdict == "ok" for row in rows),
        agree=sum(row.agrees for row in rows),
        all=len(rows),
    )
    return head + "\n".join(map(line, rows)) + "\n"


def main(names: list[str]) -> int:
    """Sweep; 0 where all is well."""
    rows = []
    for name in names or models.list_models(module=models):
        rows.append(explained(name))
        print(line(rows[-1]), flush=True)  # noqa: T201 - a command
        gc.collect()
    if not names:
        TARGET.write_text(page(rows), encoding="utf-8")
    return int(any(row.verdict != "ok" or not row.agrees for row in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
