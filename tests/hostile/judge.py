"""What a case's end says: outcomes, and the place in camctl that each belongs to."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.hostile.case import CANARY, FORGED

if TYPE_CHECKING:
    from tests.hostile.case import Case
    from tests.hostile.watch import Ended

OUTCOMES = {
    "traceback": "a traceback, or Python's own words at its end",
    "signal": "death by a signal",
    "hang": "no end within the limit",
    "code-ran": "code out of a data file ran",
    "escape": "control characters or a forged line reached the terminal",
    "input-changed": "an input is not what it was",
    "left-over": "a .part file stayed behind",
    "mode-changed": "an output that was there has another mode or is no link any more",
    "stray": "a file outside the named outputs",
    "accepted": "a damaged input was accepted",
    "refused": "a sound input was refused",
    "secret": "a password or token was printed or saved",
    "cache": "a download that is not the server's file stayed in the cache",
    "bad-json": "what --json printed is no JSON",
    "no-words": "it failed without a line of error and a hint",
    "noise": "lines of others beside the error",
    "wrong-code": "an exit code outside the table",
}
"""Outcome -> what it means; the first that applies counts as the case's."""

CODES = {0, 1, 2, 3, 4, 5}
LARGEST_HASHED = 64 << 20
_OWN_SEQUENCES = re.compile(rb"\x1b\[[0-9;]*m|\x1b\[\?25[lh]|\x1b\[[0-9]*[A-GJK]|\x1b\]8;[^\x1b]*\x1b\\")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_FORGED = re.compile(rf"^{FORGED}", re.MULTILINE)
_FRAME = re.compile(r'File "(?P<file>[^"]+)", line \d+(?:,)? in (?P<name>\S+)')
_PREFIXES = ("error: ", "hint: ", "warning: ", "note: ")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What came of a case."""

    key: str
    outcome: str
    """The first of `OUTCOMES` that applies, else `ok`."""
    outcomes: tuple[str, ...]
    place: str
    """File and function of camctl, and the kind of error, as far as a traceback or faulthandler tells."""
    detail: str
    code: int
    seconds: float

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))


Snapshot = dict[str, tuple[Any, ...]]


def snapshot(folder: Path) -> Snapshot:
    """Every file and link in a folder: mode, kind, and what it holds."""
    found: Snapshot = {}
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(parent) / name
            info = path.lstat()
            if stat.S_ISDIR(info.st_mode):
                continue
            content = ""
            if stat.S_ISLNK(info.st_mode):
                content = str(path.readlink())
            elif stat.S_ISREG(info.st_mode) and info.st_size <= LARGEST_HASHED:
                content = hashlib.sha256(path.read_bytes()).hexdigest()
            found[str(path.relative_to(folder))] = (info.st_mode, info.st_size if content else 0, content)
    return found


def judge(key: str, case: Case, folder: Path, before: Snapshot, ended: Ended) -> Verdict:
    """Every outcome that applies."""
    found: dict[str, str] = {}
    out, err = (each.decode("utf-8", "surrogateescape") for each in (ended.out, ended.err))
    traceback = next((text for text in (err, out) if "Traceback (most recent" in text), "")
    if traceback or "Exception ignored" in err or "Exception ignored" in out:
        found["traceback"] = _last_line(traceback or err or out)
    if ended.hung:
        found["hang"] = f"{ended.seconds:.0f} s"
    elif ended.code < 0:
        found["signal"] = f"signal {-ended.code}"
    if (folder / CANARY).exists() and not case.code_allowed:
        found["code-ran"] = CANARY
    found |= _terminal(case, ended)
    found |= _files(case, folder, before) | _cache(case, folder, before, ended.code)
    if not ended.hung and ended.code >= 0:
        found |= _words(case, ended.code, out, err)
    found |= _secrets(case, folder, out + err)
    ordered = tuple(name for name in OUTCOMES if name in found)
    return Verdict(
        key=key,
        outcome=ordered[0] if ordered else "ok",
        outcomes=ordered,
        place=place_of(traceback) if traceback else place_of(ended.fault, fault=True) if ended.fault else "",
        detail="; ".join(f"{name}: {found[name]}" for name in ordered)[:400].encode("unicode_escape").decode(),
        code=ended.code,
        seconds=round(ended.seconds, 2),
    )


def _terminal(case: Case, ended: Ended) -> dict[str, str]:
    for name, raw in (("out", ended.out), ("err", ended.err)):
        if b"\x1b[35;7;5m" in raw:
            return {"escape": f"std{name}: a colour of others"}
        clean = _OWN_SEQUENCES.sub(b"", raw) if case.streams == "pty" else raw
        text = clean.decode("utf-8", "replace")
        if sign := _CONTROL.search(text):
            return {"escape": f"std{name}: {sign[0]!r} in {text[max(0, sign.start() - 40) : sign.end() + 40]!r}"}
        if _FORGED.search(text):
            return {"escape": f"std{name}: a forged line"}
    return {}


def _files(case: Case, folder: Path, before: Snapshot) -> dict[str, str]:
    after = snapshot(folder)
    found: dict[str, str] = {}
    for name, (mode, _, content) in before.items():
        now = after.get(name)
        if not case.may_write(name) and (now is None or now[0] != mode or now[2] != content):
            found.setdefault("input-changed", name)
        elif now is None or now[0] != mode:
            found.setdefault("mode-changed", f"{name}: {mode:o} -> {f'{now[0]:o}' if now else 'gone'}")
    for name in after.keys() - before.keys() - {CANARY}:
        if name.endswith(".part") or ".incomplete" in name:
            found["left-over"] = name
        elif not case.may_write(name):
            found["stray"] = name
    return found


def _cache(case: Case, folder: Path, before: Snapshot, code: int) -> dict[str, str]:
    """Files of the cache that are not the server's; one that was there and was refused may stay."""
    if case.cached is None:
        return {}
    for path in (folder / "home").rglob("*"):
        # What is known of a model's layers and classes, for completion, is no download.
        if not path.is_file() or path.suffix == ".part" or path.parent.name == "models":
            continue
        content, name = path.read_bytes(), str(path.relative_to(folder))
        refused = code > 0 and name in before and before[name][2] == hashlib.sha256(content).hexdigest()
        if content != case.cached.get(path.name, b"\0") and not refused:
            return {"cache": f"{path.name}: {len(content)} bytes"}
    return {}


def _words(case: Case, code: int, out: str, err: str) -> dict[str, str]:
    found: dict[str, str] = {}
    allowed = CODES | ({141} if case.streams.startswith(("broken", "full", "closed")) else set())
    if code not in allowed:
        found["wrong-code"] = str(code)
    if case.expected == "refused" and code == 0:
        found["accepted"] = "exit 0"
    if case.expected == "accepted" and code != 0:
        found["refused"] = f"exit {code}: {err.splitlines()[0][:200] if err else ''}"
    if code == 0 and "--json" in case.words and case.streams in {"pipe", "ascii"} and "--help" not in case.words:
        try:
            json.loads(out, parse_constant=_no_constant)
        except ValueError as error:
            found["bad-json"] = str(error)
    if case.streams != "pipe" or code not in {1, 2, 3} or case.words[:1] != ["run"]:
        return found
    lines = err.splitlines()
    starts = [next((each for each in _PREFIXES if line.startswith(each)), "") for line in lines]
    if starts.count("error: ") != 1 or "hint: " not in starts:
        found["no-words"] = (lines or [""])[-1][:200]
    if "" in starts and "Traceback" not in err:
        found["noise"] = lines[starts.index("")][:200]
    return found


def _no_constant(text: str) -> None:
    raise ValueError(text)


def _secrets(case: Case, folder: Path, printed: str) -> dict[str, str]:
    for secret in case.secrets:
        if secret in printed:
            return {"secret": f"{secret} was printed"}
        for path in folder.glob("out*"):
            if path.is_file() and secret.encode() in _contents(path):
                return {"secret": f"{secret} in {path.name}"}
    return {}


def _contents(path: Path) -> bytes:
    if path.suffix != ".npz":
        return path.read_bytes()
    import numpy as np

    with np.load(path, allow_pickle=False) as arrays:
        return str(arrays["manifest"]).encode()


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return next(
        (line for line in reversed(lines) if re.match(r"[\w.]+(Error|Exception|Interrupt|Exit)?\b.*", line)), ""
    )[:200]


def place_of(text: str, *, fault: bool = False) -> str:
    """The innermost file and function of camctl in a traceback; faulthandler lists the innermost first."""
    frames = [
        f"{match['file'].partition('/camctl/')[2]}:{match['name']}"
        for match in _FRAME.finditer(text)
        if "/camctl/" in match["file"] and "/site-packages/" not in match["file"]
    ]
    if not frames:
        frames = [f"{Path(match['file']).name}:{match['name']}" for match in _FRAME.finditer(text)] or ["?"]
    last = text.rstrip().rpartition("\n")[2]
    kind = "" if fault else f" {re.split(r'[:(]', last)[0][:60]}"
    return frames[0 if fault else -1] + kind
