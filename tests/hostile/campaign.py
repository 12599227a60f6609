"""Many cases: drawn from a seed, run by a few workers, and counted by outcome and by kind."""

from __future__ import annotations

import json
import os
import shutil
import sys
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from tests.hostile import judge
from tests.hostile.case import Build, Case, Lot, command_line
from tests.hostile.kinds import KINDS
from tests.hostile.watch import watch

LIMIT = 20.0
"""Seconds of processor time that a case may take."""


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """Where cases are made and run."""

    work: Path
    base: Path
    server: str
    keep: Path | None = None
    limit: float = LIMIT

    def run(self, key: str) -> judge.Verdict:
        """Make, run and judge the case of a key, `kind/sort:seed:index`; its folder is removed unless kept."""
        folder = self.work / key.replace("/", "-").replace(":", "-")
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "home").mkdir(parents=True)
        try:
            case = self.make(key, folder)
            before = judge.snapshot(folder)
            ended = watch(case, folder, self.limit)
            verdict = judge.judge(key, case, folder, before, ended)
            if self.keep is not None and verdict.outcome != "ok":
                self._keep(verdict, case, folder, ended)
        finally:
            _remove(folder)
        return verdict

    def make(self, key: str, folder: Path) -> Case:
        """Draw the case of a key, and write its files."""
        name, _, _ = key.partition(":")
        kind, _, sort = name.partition("/")
        build: Build = KINDS[kind][sort]
        return build(Lot(Random(key), folder, self.base, self.server))  # noqa: S311 - cases, no secrets

    def _keep(self, verdict: judge.Verdict, case: Case, folder: Path, ended: Any) -> None:
        """Keep a failure's files, what it printed, and a command line that repeats it."""
        if self.keep is None:
            return
        place = self.keep / verdict.outcome / folder.name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink() and path.stat().st_size < judge.LARGEST_HASHED:
                target = place / "files" / path.relative_to(folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                with suppress(OSError):
                    shutil.copyfile(path, target)
        (place / "command.sh").write_text(command_line(case, place / "files"), errors="surrogateescape")
        (place / "stdout").write_bytes(ended.out)
        (place / "stderr").write_bytes(ended.err + ended.fault.encode())
        (place / "verdict.json").write_text(verdict.to_json())


def keys(cases: int, seed: int, only: str = "") -> list[str]:
    """Keys of so many cases: kinds in turn, and the sorts of each kind in turn; `only` is a kind or `kind/sort`."""
    chosen = {kind: [sort for sort in sorts if only in {"", kind, f"{kind}/{sort}"}] for kind, sorts in KINDS.items()}
    chosen = {kind: sorts for kind, sorts in chosen.items() if sorts}
    if not chosen:
        message = f"There is no kind '{only}'. Kinds: {', '.join(KINDS)}"
        raise SystemExit(message)
    found = []
    for index in range(cases):
        kind = list(chosen)[index % len(chosen)]
        sorts = chosen[kind]
        turn = index // len(chosen)
        found.append(f"{kind}/{sorts[turn % len(sorts)]}:{seed}:{turn // len(sorts)}")
    return found


def run_all(campaign: Campaign, wanted: list[str], jobs: int = 1) -> Iterator[judge.Verdict]:
    """Run cases by so many workers; verdicts as they come."""
    reader, writer = os.pipe()
    workers = []
    for number in range(jobs):
        pid = os.fork()
        if not pid:
            code = 1
            try:
                os.close(reader)
                for key in wanted[number::jobs]:
                    os.write(writer, (_verdict(campaign, key) + "\n").encode())
                code = 0
            finally:
                os._exit(code)
        workers.append(pid)
    os.close(writer)
    with os.fdopen(reader) as lines:
        for line in lines:
            fields = json.loads(line)
            yield judge.Verdict(**fields | {"outcomes": tuple(fields["outcomes"])})
    for pid in workers:
        os.waitpid(pid, 0)


def _verdict(campaign: Campaign, key: str) -> str:
    try:
        return campaign.run(key).to_json()
    except BaseException:  # noqa: BLE001 - a fault of these tests must not end the run
        detail = traceback.format_exc()[-380:]
        return judge.Verdict(
            key=key, outcome="broken-case", outcomes=(), place="", detail=detail, code=0, seconds=0.0
        ).to_json()


def table(verdicts: list[judge.Verdict]) -> str:
    """Counts: a line a kind and sort, a column an outcome."""
    outcomes = ["ok", *judge.OUTCOMES, "broken-case"]
    used = [name for name in outcomes if any(each.outcome == name for each in verdicts)]
    counts: dict[str, Counter[str]] = {}
    for each in verdicts:
        counts.setdefault(each.key.partition(":")[0], Counter())[each.outcome] += 1
    rows = [["kind", "cases", *used]]
    for name in sorted(counts):
        count = counts[name]
        rows.append([name, str(sum(count.values())), *(str(count[each] or "·") for each in used)])
    total = Counter(each.outcome for each in verdicts)
    rows.append(["all", str(len(verdicts)), *(str(total[each]) for each in used)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def groups(verdicts: list[judge.Verdict]) -> str:
    """Failures that have an outcome and a place in common, with the first key of each."""
    found: dict[tuple[str, str, str], list[judge.Verdict]] = {}
    for each in verdicts:
        if each.outcome != "ok":
            found.setdefault((each.outcome, each.place, each.key.partition(":")[0]), []).append(each)
    return "\n".join(
        f"{len(those):4d}  {outcome:13s} {name:28s} {place}\n      {those[0].key}  {those[0].detail[:300]}"
        for (outcome, place, name), those in sorted(found.items(), key=lambda item: (item[0], -len(item[1])))
    )


def _remove(folder: Path) -> None:
    if folder.exists():
        for parent, folders, _ in os.walk(folder):
            for name in folders:
                path = Path(parent) / name
                if not path.is_symlink():
                    path.chmod(0o700)
        shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        sys.stderr.write(f"cannot remove {folder}\n")
