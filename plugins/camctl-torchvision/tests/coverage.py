"""Sweep every classifier, segmenter and detector of torchvision and write COVERAGE.md beside the package.

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

from camctl_torchvision.names import OTHERS
from torchvision import models
from torchvision_sweep import Asked, Row, asked, explained

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


TASK = """
## {task}

{about} {ok} of {all} verdicts `ok`.

| model | explained | layer | chosen by | grid | verdict | seconds |
|---|---|---|---|---|---|---|
"""
ABOUT = {
    "segmentation": ("Segmenters", "The class of most places, where it is predicted."),
    "detection": (
        "Detectors",
        "The best box of random weights, at 240 x 320 pixels but for SSD; the map that it comes out of is chosen.",
    ),
}
REFUSED = """
## Refused, in one line

- a likeness, or a class's place, asked of a detector; a box, or a score above a threshold, asked of a segmenter.
- {others}.
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


def task_line(row: Asked) -> str:
    """One row of the table of a segmenter or detector."""
    verdict = row.verdict if row.verdict == "ok" else f"**{row.verdict}**"
    return (
        f"| {row.model} | {row.question} | `{row.layer}` | {row.chosen_by} | {row.grid[0]} x {row.grid[1]} "
        f"| {verdict} | {row.seconds:.1f} |"
    )


def tasks() -> str:
    """The sections of segmenters and detectors, and what is refused."""
    text = ""
    for part, (task, about) in ABOUT.items():
        rows = []
        for name in models.list_models(module=getattr(models, part)):
            rows.append(asked(name))
            print(task_line(rows[-1]), flush=True)  # noqa: T201 - a command
            gc.collect()
        ok = sum(row.verdict == "ok" for row in rows)
        text += TASK.format(task=task, about=about, ok=ok, all=len(rows)) + "\n".join(map(task_line, rows)) + "\n"
    return text + REFUSED.format(others="; ".join(f"{part}: {what}" for part, what in OTHERS.items()))


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
        TARGET.write_text(page(rows) + tasks(), encoding="utf-8")
    return int(any(row.verdict != "ok" or not row.agrees for row in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
