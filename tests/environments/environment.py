"""Make an environment with uv, run the quick tests in it, and say which versions it holds."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.environments.recipes import OVERRIDES, ROOT, SLOW, TOOLS, Recipe, metadata, requirements


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Result of the quick tests in one environment."""

    name: str
    passed: int
    failed: int
    skipped: int
    seconds: int
    versions: dict[str, str]
    """Python's version, and that of each installed package by its name."""


def build_wheels(folder: Path) -> list[Path]:
    """Build the wheels of camctl and its plugin packages into `folder`."""
    _run("uv", "build", "--quiet", "--wheel", "--all-packages", "--out-dir", folder, cwd=ROOT)
    return sorted(folder.glob("*.whl"))


def copy_tests(folder: Path) -> None:
    """Copy the tests and what they read, without the packages: the tests import the installed wheels."""
    for name in ("tests", "plugins", "docs"):
        packages = shutil.ignore_patterns("camctl_*", "__pycache__", ".*")
        shutil.copytree(ROOT / name, folder / name, ignore=packages)
    for name in ("README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, folder / name)


def run_tests(recipe: Recipe, wheels: list[Path], checkout: Path, folder: Path) -> Outcome:
    """Make the environment in `folder` and run the quick tests of `checkout` in it."""
    python = _install(recipe, wheels, folder)
    report = folder / "tests.xml"
    left_out = [f"--deselect={test}" for test in SLOW]
    workers = ("-n", "2", "-p", "no:cacheprovider")
    command = [python, "-m", "pytest", "-q", *workers, f"--junitxml={report}", *left_out, *recipe.tests]
    one_thread = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    subprocess.run([*map(str, command)], cwd=checkout, env={**os.environ, **one_thread}, check=False)
    suite = ET.parse(report).find("testsuite")  # noqa: S314 - pytest has just written it
    assert suite is not None
    total, failures, errors, skipped = (int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped"))
    return Outcome(
        name=recipe.name,
        passed=total - failures - errors - skipped,
        failed=failures + errors,
        skipped=skipped,
        seconds=round(float(suite.get("time", 0))),
        versions=_versions(python),
    )


def _install(recipe: Recipe, wheels: list[Path], folder: Path) -> Path:
    """Install the wheels, and then the test tools, which change no version. Returns the environment's Python."""
    overrides = folder / "overrides.txt"
    overrides.write_text(f"{OVERRIDES}\n", encoding="utf-8")
    _run("uv", "venv", "--quiet", "--python", recipe.python, folder / "venv")
    python = folder / "venv" / "bin" / "python"
    until = metadata(ROOT)["tool"]["uv"]["exclude-newer"]
    install = (
        "uv",
        "pip",
        "install",
        "--quiet",
        "--python",
        python,
        "--exclude-newer",
        until,
        "--overrides",
        overrides,
    )
    resolution = ("--resolution", "lowest-direct") if recipe.lowest else ()
    _run(*install, *resolution, *wheels, *requirements(), *recipe.pins)
    _run(*install, *TOOLS)
    return python


def _versions(python: Path) -> dict[str, str]:
    number = _run(python, "-c", "import platform; print(platform.python_version())").strip()
    packages = json.loads(_run("uv", "pip", "list", "--quiet", "--python", python, "--format", "json"))
    return {"python": number, **{package["name"]: package["version"] for package in packages}}


def _run(*command: object, cwd: Path | None = None) -> str:
    return subprocess.run([*map(str, command)], cwd=cwd, stdout=subprocess.PIPE, text=True, check=True).stdout
