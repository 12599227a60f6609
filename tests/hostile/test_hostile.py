"""The quick part: some hostile cases of each kind in a process of its own each; `python -m tests.hostile` runs many."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile.kinds import KINDS

ROOT = Path(__file__).parent.parent.parent
CASES = 9
"""Cases of each kind: one or two of each sort."""


@pytest.fixture(scope="module", params=sorted(KINDS))
def verdicts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """The verdicts of a short run of one seed."""
    results = tmp_path_factory.mktemp("hostile") / "verdicts.jsonl"
    words = ["--cases", CASES, "--seed", 1, "--kind", request.param, "--jobs", 2, "--results", results]
    # A process of its own: it forks, and must not have run a backward pass before.
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.hostile", *map(str, words)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert results.exists(), done.stderr
    return [json.loads(line) for line in results.read_text().splitlines()]


def having(verdicts: list[dict[str, object]], *outcomes: str) -> list[str]:
    """Keys and details of the cases with one of these outcomes."""
    return [
        f"{each['key']} {each['place']} {each['detail']}"
        for each in verdicts
        if set(outcomes) & {each["outcome"], *each["outcomes"]}
    ]


def test_cases_themselves_are_sound(verdicts: list[dict[str, object]]) -> None:
    assert len(verdicts) == CASES
    assert having(verdicts, "broken-case") == []


def test_no_case_ends_with_a_traceback_a_signal_or_not_at_all(verdicts: list[dict[str, object]]) -> None:
    assert having(verdicts, "traceback", "signal", "hang", "wrong-code") == []


def test_nothing_in_a_data_file_runs(verdicts: list[dict[str, object]]) -> None:
    assert having(verdicts, "code-ran") == []


def test_inputs_stay_as_they_are_and_nothing_else_is_written(verdicts: list[dict[str, object]]) -> None:
    assert having(verdicts, "input-changed", "left-over", "mode-changed", "stray", "cache") == []


def test_damaged_inputs_are_refused_and_sound_ones_accepted(verdicts: list[dict[str, object]]) -> None:
    assert having(verdicts, "accepted", "refused") == []


def test_no_text_of_others_controls_the_terminal_or_forges_a_line(verdicts: list[dict[str, object]]) -> None:
    assert having(verdicts, "escape") == []


def test_failures_are_told_in_one_line_with_a_hint(verdicts: list[dict[str, object]]) -> None:
    assert having(verdicts, "no-words", "noise", "bad-json", "secret") == []
