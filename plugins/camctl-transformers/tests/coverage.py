"""Sweep every family of image models and write COVERAGE.md beside the package.

python tests/coverage.py [NAME ...]: names limit the sweep to tiny models of these families, and then only print. Ends
with 1 where a map is not `ok`, the layer is not the expert's, or a model cannot be loaded; of detectors, segmenters,
depth estimators and encoders the table alone says so.
"""

from __future__ import annotations

import datetime as dt
import gc
import platform
import sys
from importlib.metadata import version
from pathlib import Path

from camctl_transformers.building import NEEDS
from camctl_transformers.finding import families_known
from camctl_transformers.tasks import REFUSED
from transformers_families import FAMILIES
from transformers_sweep import Row, answers, explained, explained_at_full_size
from transformers_tasks import TASKS

from camctl.errors import CamctlError

TARGET = Path(__file__).resolve().parent.parent / "COVERAGE.md"

HEAD = """# Coverage: transformers

Every image classification class of transformers, and the zero-shot ones of CLIP and SigLIP; then its detectors,
segmenters, depth estimators and encoders. All with random weights (seed 0), explained by `camctl.explain` without a
flag (best class, best box, class of most places, depth, features; GradCAM, or GradCAMElementWise where a class token
alone is read). Seconds are those of `explain` alone, on one CPU thread. "Expert" is the layer that someone who knows
the architecture names, written down from the forward passes (`tests/transformers_families.py`,
`tests/transformers_tasks.py`). Written by `python tests/coverage.py`.

{date}, camctl {camctl}, transformers {transformers}, torch {torch}, Python {python}.

"""
TABLE = """| family | class | layer | chosen by | grid | extra tokens | verdict | expert | seconds |
|---|---|---|---|---|---|---|---|---|
"""
TINY = """## Tiny models, saved with `save_pretrained` and loaded from their folder

{ok} of {all} verdicts `ok`, {agree} of {all} layers, grids and extra tokens the expert's.

"""
FULL = """
## Default configurations, at full size

`transformers:FAMILY --random-weights`: {ok} of {all} verdicts `ok`, {agree} of {all} layers and extra tokens the
expert's.

"""


KIND = """
## {kind}, tiny

{ok} of {all} verdicts `ok`, {agree} of {all} layers, grids and extra tokens the expert's.

"""
ASKED = """
{first} is asked, one question after the other (`targets=` in Python):

| question | answer |
|---|---|
"""
REFUSAL = """
## Refused, in one line

"""


def line(row: Row) -> str:
    """One row of the table."""
    layer, grid, tokens = row.expected
    places = "" if grid is None else f", {grid[0]} x {grid[1]}"
    expert = "same" if row.agrees else f"`{layer}`{places}, {tokens}"
    verdict = row.verdict if row.verdict == "ok" else f"**{row.verdict}**"
    return (
        f"| {row.name} | {row.kind} | `{row.layer}` | {row.chosen_by} | {row.grid[0]} x {row.grid[1]} "
        f"| {row.extra_tokens} | {verdict} | {expert} | {row.seconds:.1f} |"
    )


def sweep(names: list[str], explain) -> tuple[list[Row], list[str]]:
    """Rows, and one line for each that failed."""
    rows, failed = [], []
    for name in names:
        try:
            rows.append(explain(name))
            print(line(rows[-1]), flush=True)  # noqa: T201 - a command
        except CamctlError as error:
            failed.append(f"- {name}: {error.message}")
            print(failed[-1], flush=True)  # noqa: T201
        gc.collect()
    return rows, failed


def section(head: str, rows: list[Row]) -> str:
    """A heading with its figures, and the table."""
    ok, agree = sum(row.verdict == "ok" for row in rows), sum(row.agrees for row in rows)
    return (
        head.replace("{ok}", str(ok)).replace("{agree}", str(agree)).replace("{all}", str(len(rows)))
        + TABLE
        + "\n".join(map(line, rows))
        + "\n"
    )


def kinds() -> tuple[str, list[str]]:
    """A section for each kind besides classifiers, and lines on what failed."""
    text, failed = "", []
    for kind, families in TASKS.items():
        rows, more = sweep(list(families), explained)
        failed += more
        first = next(iter(families))
        said = "\n".join(f"| {question} | {answer} |" for question, answer in answers(first).items())
        text += section(KIND.replace("{kind}", kind.capitalize()), rows) + ASKED.format(first=first) + said + "\n"
    return text, failed


def main(names: list[str]) -> int:
    """Sweep; 0 where all is well."""
    tiny, failed = sweep(names or list(FAMILIES), explained)
    full: list[Row] = []
    if not names:
        # What needs a package that is not here is told, and is no failure.
        absent = [f"- {name}: needs the package {NEEDS[name]}, and was not tried." for name in sorted(NEEDS)]
        known = [name for name in families_known("classification") if name not in NEEDS]
        full, more = sweep(known, explained_at_full_size)
        others, short = kinds()
        failed += more
        words = ("camctl", "transformers", "torch")
        found = {word: version(word).partition("+")[0] for word in words}
        date = dt.datetime.now(tz=dt.UTC).date()
        text = HEAD.format(date=date, python=platform.python_version(), **found)
        refused = [f"- {name}: {what}." for name, what in sorted(REFUSED.items())]
        text += section(TINY, tiny) + section(FULL, full) + others + REFUSAL + "\n".join(refused) + "\n"
        text += "\n## Not in the tables\n\n" + "\n".join(failed + short + absent) + "\n"
        TARGET.write_text(text, encoding="utf-8")
    return int(bool(failed) or any(row.verdict != "ok" or not row.agrees for row in tiny + full))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
