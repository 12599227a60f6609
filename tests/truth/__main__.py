"""Measure maps of real networks on real photographs, and write TRUTH.md: `uv run --group truth python -m tests.truth`.

`--rows FILE` saves the rows of each network in FILE when it is done and skips networks whose rows are there, so that a
long run can be continued and the tables written again.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from camctl.demo.tour import one_thread
from tests.truth.games import Row
from tests.truth.measuring import Size, measure
from tests.truth.nets import NETS
from tests.truth.writing import write


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nets", nargs="*", default=[net.name for net in NETS], help="networks (default: all)")
    parser.add_argument("--mosaics", type=int, default=12, help="mosaics a network (default 12)")
    parser.add_argument("--windows", type=int, default=4, help="windows a photograph (default 4)")
    parser.add_argument("--scenes", type=int, default=30, help="drawn scenes a demo network (default 30)")
    parser.add_argument("--fast", action="store_true", help="skip methods that run the network many times")
    parser.add_argument("--rows", type=Path, help="save rows in this file, and skip networks whose rows are there")
    arguments = parser.parse_args()
    rows = _read(arguments.rows)
    done = {row.net for row in rows}
    size = Size(mosaics=arguments.mosaics, windows=arguments.windows, scenes=arguments.scenes, slow=not arguments.fast)
    with one_thread():
        for net in NETS:
            if net.name in arguments.nets and net.name not in done:
                rows += measure(net, size)
                _save(arguments.rows, rows)
    write(rows)


def _read(path: Path | None) -> list[Row]:
    if path is None or not path.exists():
        return []
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [Row(**{**row, "layers": tuple(row["layers"])}) for row in rows]


def _save(path: Path | None, rows: list[Row]) -> None:
    if path is not None:
        path.write_text("".join(f"{json.dumps(asdict(row))}\n" for row in rows))


if __name__ == "__main__":
    main()
