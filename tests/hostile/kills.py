"""`python -m tests.hostile.kills --cases 100`: signals at random moments, and what they leave behind."""

# ruff: noqa: T201 - a command, which prints

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.hostile.base import import_all, make_base
from tests.hostile.case import Case
from tests.hostile.child import run_in_child, start_real
from tests.hostile.judge import place_of
from tests.hostile.server import serving

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
ENDINGS = {
    signal.SIGKILL: {-signal.SIGKILL},
    signal.SIGTERM: {-signal.SIGTERM, 128 + signal.SIGTERM},
    signal.SIGINT: {128 + signal.SIGINT},
}
"""Signal -> how the process may end by it; a shell shows 143 for either way of SIGTERM's."""
PATIENCE = 60.0
OLD = b"of yesterday"


@dataclass(frozen=True, kw_only=True)
class Kill:
    """One command, one signal, one moment."""

    job: str
    signal: signal.Signals
    after: float
    """Seconds after the start."""
    aimed: bool
    """Whether it waits for a draft of a file instead, as far as one appears."""
    real: bool


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a kill ended."""

    kill: Kill
    code: int
    faults: tuple[str, ...]
    late: bool
    """Whether the command was done before the signal."""


def words_of(job: str, server: str) -> list[str]:
    """The command of a job."""
    start = ["scene.png", "demo:resnet"]
    save = ["--save-path", "out.png", "--save-raw", "out.npz", "--quiet"]
    if job == "run":
        return ["run", *start, *save]
    if job == "download":
        return ["run", *start, f"{server}/slow/1/net.pth", *save]
    return [
        "compare",
        *start,
        "--method",
        "GradCAM",
        "EigenCAM",
        "--save-path",
        "out.png",
        "out.html",
        "out.json",
        "--quiet",
    ]


def strike(kill: Kill, work: Path, server: str) -> Outcome:
    """Run the command, send the signal, and look at what is there."""
    folder = Path(tempfile.mkdtemp(dir=work))
    shutil.copyfile(work / "base" / "scene.png", folder / "scene.png")
    (folder / "home").mkdir()
    (folder / "out.png").write_bytes(OLD)
    case = Case(words=words_of(kill.job, server))
    streams = tuple(os.open(folder / name, os.O_CREAT | os.O_WRONLY) for name in ("stdout", "stderr"))
    reader, ready = os.pipe()
    process = start_real(case, folder, (streams[0], streams[1])) if kill.real else None
    pid = process.pid if process else os.fork()
    if not pid:
        run_in_child(case, folder, (streams[0], streams[1]), 2, ready)
    for number in (*streams, ready):
        os.close(number)
    if not kill.real:  # what a fork itself does is no part of the command
        os.read(reader, 1)
    os.close(reader)
    started = time.monotonic()
    code = _wait(pid, started, kill, folder)
    late = code is not None
    if code is None:
        os.kill(pid, kill.signal)
        code = _wait(
            pid, time.monotonic(), Kill(job="", signal=signal.SIGKILL, after=PATIENCE, aimed=False, real=False), folder
        )
    hung = code is None
    if code is None:
        os.kill(pid, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if process:
        process.returncode = code
    faults = [*_faults(folder, kill, work), *(["hangs after the signal"] if hung else [])]
    if not late and code not in ENDINGS[kill.signal] | {0}:
        faults.append(f"ended with {code}")
    shutil.rmtree(folder, ignore_errors=True)
    return Outcome(kill=kill, code=code, faults=tuple(faults), late=late)


def _wait(pid: int, started: float, kill: Kill, folder: Path) -> int | None:
    """The exit code if it ends before the moment, else None."""
    while time.monotonic() - started < (PATIENCE if kill.aimed else kill.after):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if kill.aimed and any(folder.rglob("*.part")):
            return None
        time.sleep(0.0005 if kill.aimed else 0.002)
    return None


def _faults(folder: Path, kill: Kill, work: Path) -> list[str]:
    faults = []
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if path.suffix == ".part":
            if kill.signal != signal.SIGKILL:
                faults.append(
                    f"left {path.name.rpartition('-')[0] or path.name}…part in {path.parent.relative_to(folder) or '.'}"
                )
        elif path.is_file() and name not in {"stdout", "stderr", "scene.png"} and not _whole(path, work):
            faults.append(f"half-written {name}, {path.stat().st_size} bytes")
    text = (folder / "stderr").read_text(errors="replace")
    if "Traceback" in text or "Exception ignored" in text:
        faults.append(f"traceback: {place_of(text)}")
    return faults


def _whole(path: Path, work: Path) -> bool:
    """Whether a file is the old one, or a new one from its first byte to its last."""
    content = path.read_bytes()
    if content == OLD:
        return True
    try:
        match path.suffix:
            case ".png":
                from PIL import Image

                with Image.open(path) as picture:
                    picture.load()
            case ".npz":
                import numpy as np

                with np.load(path) as arrays:
                    list(arrays.values())
            case ".json":
                json.loads(content)
    except Exception:  # noqa: BLE001 - whatever a reader says of a cut file
        return False
    ends = path.suffix != ".html" or content.rstrip().endswith(b"</html>")
    return ends and (path.suffix != ".pth" or content == (work / "base" / "resnet.pth").read_bytes())


def kills(cases: int, seed: int, seconds: dict[str, float]) -> list[Kill]:
    """So many kills: jobs and signals in turn, moments at random; a third is aimed at drafts, one in twelve is real."""
    random = Random(seed)  # noqa: S311 - moments, no secrets
    jobs = list(seconds)
    return [
        Kill(
            job=(job := jobs[index % len(jobs)]),
            signal=SIGNALS[index // len(jobs) % len(SIGNALS)],
            after=random.uniform(0, 1.05) * seconds[job] * (6 if (real := index % 12 == 5) else 1),
            aimed=not real and random.random() < 0.34,
            real=real,
        )
        for index in range(cases)
    ]


def durations(work: Path, server: str) -> dict[str, float]:
    """How long each job takes when nothing strikes it."""
    found = {}
    for job in ("run", "compare", "download"):
        started = time.monotonic()
        never = Kill(job=job, signal=signal.SIGKILL, after=PATIENCE, aimed=False, real=False)
        outcome = strike(never, work, server)
        if outcome.code or outcome.faults:
            message = f"The job {job} fails by itself: {outcome}"
            raise SystemExit(message)
        found[job] = time.monotonic() - started
    return found


def main() -> int:
    """Strike; 1 if something was left that should not be."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.kills", description=__doc__)
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="camctl-kills-"))
    outcomes = []
    try:
        with serving(work) as server:
            import_all(make_base(work / "base"))
            seconds = durations(work, server)
            print("seconds:", {job: round(each, 2) for job, each in seconds.items()})
            for kill in kills(given.cases, given.seed, seconds):
                outcome = strike(kill, work, server)
                outcomes.append(outcome)
                if outcome.faults:
                    print(
                        kill,
                        "; ".join(outcome.faults),
                        flush=True,
                    )
    finally:
        shutil.rmtree(work, ignore_errors=True)
    counts = Counter(
        (each.kill.job, each.kill.signal.name, "late" if each.late else each.code, "fault" if each.faults else "ok")
        for each in outcomes
    )
    for (job, name, end, verdict), count in sorted(counts.items(), key=str):
        print(f"{count:4d}  {job:9s} {name:8s} ended {end!s:5s} {verdict}")
    print(f"{len(outcomes)} kills, {sum(bool(each.faults) for each in outcomes)} with faults")
    return int(any(each.faults for each in outcomes))


if __name__ == "__main__":
    sys.exit(main())
