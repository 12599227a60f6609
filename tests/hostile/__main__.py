"""`python -m tests.hostile --cases 5000 [--seed N] [--kind K] [--jobs 2] [--keep DIR]`, or `--case KEY`."""

# ruff: noqa: T201 - a command, which prints

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.hostile.base import import_all, make_base
from tests.hostile.campaign import Campaign, groups, keys, run_all, table
from tests.hostile.server import serving


def main() -> int:
    """Run cases; 1 if one of them failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", default="", help="a kind, or kind/sort")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for the files and the command line of each failure")
    parser.add_argument("--case", default="", help="the key of one case, as it is printed")
    parser.add_argument("--limit", type=float, default=20.0, help="seconds of processor time a case")
    parser.add_argument("--results", type=Path, help="file for the verdicts, one line of JSON each")
    parser.add_argument("--minutes", type=float, default=0.0, help="stop after so many minutes")
    given = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="camctl-hostile-"))
    started = time.monotonic()
    verdicts = []
    try:
        with serving(work) as server:
            import_all(make_base(work / "base"))
            print(f"ready after {time.monotonic() - started:.1f} s", file=sys.stderr)
            started = time.monotonic()
            campaign = Campaign(work=work, base=work / "base", server=server, keep=given.keep, limit=given.limit)
            wanted = [given.case] if given.case else keys(given.cases, given.seed, given.kind)
            results = given.results.open("w") if given.results else None
            for verdict in run_all(campaign, wanted, given.jobs):
                verdicts.append(verdict)
                if results:
                    print(verdict.to_json(), file=results, flush=True)
                if verdict.outcome != "ok":
                    print(f"{verdict.outcome:13s} {verdict.key}  {verdict.place}  {verdict.detail[:160]}", flush=True)
                if given.minutes and time.monotonic() - started > 60 * given.minutes:
                    break
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(f"\n{table(verdicts)}\n\n{groups(verdicts)}")
    print(f"\n{len(verdicts)} cases in {time.monotonic() - started:.0f} s")
    return int(any(each.outcome != "ok" for each in verdicts))


if __name__ == "__main__":
    sys.exit(main())
