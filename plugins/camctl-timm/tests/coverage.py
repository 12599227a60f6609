"""The sweep over all of timm's modules: `python tests/coverage.py` writes COVERAGE.md; it fails where a map is not ok.

`python tests/coverage.py swin_transformer coat` shows those modules alone and writes nothing.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import timm_sweep
from timm_experts import EXPERTS

TABLE = Path(__file__).resolve().parent.parent / "COVERAGE.md"
PACKAGES = ("timm", "torch", "camctl", "camctl-timm")

ABOUT = """# Coverage: one model of every module of timm

{date}: {versions}.
Written by `python tests/coverage.py`, a quarter of an hour on one core; a seeded sample of it is a test.

Of each module in `timm.models` the smallest classifier, at random weights and its own input size, explained by
`camctl.explain` without a flag: Grad-CAM of the best class, or element-wise where a class token alone is read. The last
column compares with what someone who knows the architecture would name; their answers, in `tests/timm_experts.py`, were
written from the forward passes. At random weights all evidence may speak against a class by mere chance: then they are
drawn again, and the seed is told.

- A live map (verdict `ok`): **{live} of {all}**{dead}
- The expert's grid and extra tokens: **{grids} of {all}**{other}
- One of the expert's layers: **{layers} of {all}**

"""


def main(wanted: list[str]) -> int:
    """Sweep all modules, or those named. 1 where a map is not ok or a model failed, else 0."""
    rows: list[timm_sweep.Row] = []
    failures: dict[str, str] = {}
    for module in wanted or timm_sweep.modules():
        try:
            rows.append(timm_sweep.explain(module, timm_sweep.smallest(module)))
            line = f"{rows[-1].verdict} {rows[-1].found}"
        except Exception as error:  # noqa: BLE001 - the sweep goes on, and the table says so
            failures[module] = line = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        print(f"{module}: {line}", file=sys.stderr, flush=True)  # noqa: T201 - a command
    text = "\n".join([*timm_sweep.table(rows), *(f"\nFailed: {module}: {why}" for module, why in failures.items())])
    if wanted:
        print(text)  # noqa: T201 - a command
    else:
        TABLE.write_text(_about(rows, len(failures)) + text + "\n", encoding="utf-8")
    return int(bool(failures) or any(row.verdict != "ok" for row in rows))


def _about(rows: list[timm_sweep.Row], failed: int) -> str:
    dead = [f"{row.module} ({row.verdict})" for row in rows if row.verdict != "ok"]
    off = [row.module for row in rows if not _same_grid(row)]
    layers = sum(row.experts_layer for row in rows)
    return ABOUT.format(
        date=datetime.now(UTC).date(),
        versions=", ".join(f"{package} {version(package)}" for package in PACKAGES),
        live=len(rows) - len(dead),
        all=len(rows) + failed,
        dead="" if not dead else f"; not: {', '.join(dead)}",
        grids=len(rows) - len(off),
        other="" if not off else f"; not: {', '.join(off)}",
        layers=layers,
    )


def _same_grid(row: timm_sweep.Row) -> bool:
    expert = EXPERTS.get(row.module)
    return expert is not None and (row.grid, row.extra_tokens) == (expert.grid, expert.extra_tokens)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
