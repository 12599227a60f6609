"""ENVIRONMENTS.md: the outcomes of all environments, written and read back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.requirements import Requirement

from tests.environments.environment import Outcome
from tests.environments.recipes import RECIPES, requirements

PAGE = Path(__file__).with_name("ENVIRONMENTS.md")
INTRO = """\
# Environments

The quick part of the test suite, run against the installed wheels of camctl and its plugin packages, in environments
that their metadata allows. `lowest` holds the lowest version that every requirement allows, `newest` the newest, the
others the newest besides what their names say. Written by `python -m tests.environments`, which needs uv and the
Pythons named; `python -m tests.environments lowest newest` runs these two.
"""


def direct() -> list[str]:
    """Names of the packages whose versions are shown: Python, all direct requirements, and click."""
    return ["python", *dict.fromkeys(Requirement(line).name for line in requirements()), "click"]


def write(outcomes: Iterable[Outcome]) -> str:
    """Write the page: new outcomes replace those of the same name. Returns its text."""
    latest = {outcome.name: outcome for outcome in (*read(), *outcomes)}
    ordered = [latest[recipe.name] for recipe in RECIPES if recipe.name in latest]
    results = [
        (outcome.name, *map(str, (outcome.passed, outcome.failed, outcome.skipped, outcome.seconds)))
        for outcome in ordered
    ]
    versions = [(name, *(outcome.versions.get(name, "") for outcome in ordered)) for name in direct()]
    tables = (
        _table(("environment", "passed", "failed", "skipped", "seconds"), results),
        _table(("version of", *(outcome.name for outcome in ordered)), versions),
    )
    text = "\n".join((INTRO, *tables))
    PAGE.write_text(text, encoding="utf-8")
    return text


def read() -> list[Outcome]:
    """Outcomes on the page; none if there is no page."""
    lines = PAGE.read_text(encoding="utf-8").splitlines() if PAGE.exists() else []
    results, versions = {}, {}
    for cells in _rows(lines):
        if cells[0] == "version of":
            names = cells[1:]
        elif versions or cells[0] == "python":
            versions[cells[0]] = cells[1:]
        elif cells[0] != "environment":
            results[cells[0]] = list(map(int, cells[1:]))
    return [
        Outcome(
            name=name,
            **dict(zip(("passed", "failed", "skipped", "seconds"), results[name], strict=True)),
            versions={package: column[names.index(name)] for package, column in versions.items()},
        )
        for name in results
    ]


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = (head, ("---",) * len(head), *rows)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _rows(lines: Iterable[str]) -> Iterator[list[str]]:
    for line in lines:
        if line.startswith("|") and not line.startswith("| ---"):
            yield [cell.strip() for cell in line.strip("|").split("|")]
