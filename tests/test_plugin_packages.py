"""Plugin packages as their authors write them: built, installed, and met by the command in a fresh process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "{name}"
version = "1.2"

[project.entry-points."camctl.methods"]
"{method}" = "{module}:{method_object}"
{more}
[tool.setuptools]
py-modules = ["{module}"]
"""

SHINY = '''
"""A method as in the guide for plugin authors."""

from camctl.plugin import Cost, method

print("a plugin that talks")


@method(
    name="Shiny++",
    summary="Shines [bold]brightly[/bold].",
    paper="A. Author, 2026",
    formula="A_c^2",
    needs={"activations"},
    cost=Cost(text="none"),
)
def shiny(capture, *, strength: float = 2.0):
    return strength * capture.activations**2
'''

METRICS = """
[project.entry-points."camctl.metrics"]
glow = "camctl_shiny:glow"
"""

GLOW = """

from camctl.plugin import metric


@metric(name="Glow", summary="How bright a map is at its middle.", paper="A. Author, 2026", better="higher")
def glow(case, *, gain: float = 1.0):
    height, width = case.values.shape
    return gain * float(case.values[height // 2, width // 2])
"""


def build(folder: Path, name: str, method: str, code: str, wheels: Path, more: str = "") -> None:
    """Build a wheel with the environment's own setuptools: nothing is fetched."""
    module = name.replace("-", "_")
    folder.mkdir()
    fields = {"name": name, "module": module, "method": method, "method_object": "shiny", "more": more}
    (folder / "pyproject.toml").write_text(PROJECT.format(**fields))
    (folder / f"{module}.py").write_text(code)
    build_wheel = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build_wheel, str(wheels)], cwd=folder, check=True, capture_output=True)


def install(wheels: Path, target: Path) -> None:
    """Install wheels in a folder, by uv or pip, whichever is here, without asking an index."""
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv:
        command = [uv, "pip", "install", "--offline", "--no-cache", "--quiet", "--python", sys.executable]
    elif find_spec("pip"):
        command = [sys.executable, "-m", "pip", "install", "--no-index", "--quiet"]
    else:
        pytest.skip("neither uv nor pip is here to install with")
    files = sorted(map(str, wheels.glob("*.whl")))
    subprocess.run([*command, "--no-deps", "--target", str(target), *files], check=True, capture_output=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an installed package."""
    root = tmp_path_factory.mktemp("plugins")
    build(root / "shiny", "camctl-shiny", "shiny++", SHINY + GLOW, root / "wheels", METRICS)
    install(root / "wheels", root / "site")
    return root / "site"


def camctl(site: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, the plugins on its path."""
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, "-m", "camctl", *args],
        env=os.environ | {"PYTHONPATH": path, "COLUMNS": "160"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_installed_plugin_is_listed_beside_the_built_in_ones(site: Path) -> None:
    done = camctl(site, "methods", "--json")

    listed = {one["name"]: one for one in json.loads(done.stdout)}
    assert listed["shiny++"]["package"] == "camctl-shiny"
    assert listed["shiny++"]["version"] == "1.2"
    assert listed["shiny++"]["options"] == {"strength": 2.0}
    assert listed["gradcam"]["package"] == "camctl"
    assert done.returncode == 0


def test_plugins_text_is_never_read_as_markup(site: Path) -> None:
    done = camctl(site, "methods")

    assert "Shines [bold]brightly[/bold]." in done.stdout


def test_working_plugin_is_found_in_any_spelling(site: Path) -> None:
    done = camctl(site, "methods", "Shiny-Plus-Plus")

    assert "A. Author, 2026" in done.stdout
    assert done.returncode == 0


def test_version_names_plugin_packages(site: Path) -> None:
    done = camctl(site, "--version")

    assert "camctl-shiny" in done.stdout
    assert done.stdout.split()[0] == "camctl"


def test_installed_metric_is_listed_and_measures_maps(site: Path, tmp_path: Path) -> None:
    from PIL import Image

    from camctl.demo.scenes import render, scene

    Image.fromarray(render(scene(6_700_024, classes=("cat", "dog")), 112)).save(tmp_path / "scene.png")
    listed = {one["name"]: one for one in json.loads(camctl(site, "metrics", "--json").stdout)}
    words = ("compare", str(tmp_path / "scene.png"), "demo:resnet", "--method", "gradcam", "shiny++", "--baselines")
    done = camctl(site, *words, "--metrics", "glow", "coverage", "--metric-options", "gain=2", "--json")

    assert listed["glow"]["package"] == "camctl-shiny"
    assert listed["glow"]["options"] == {"gain": 1.0}
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert len(told["maps"]) == 5
    assert all(0 <= one["figures"]["glow"] <= 2 for one in told["maps"])
    assert {one["method"] for one in told["standings"]} == {"GradCAM", "Shiny++", "Random", "Centre", "Edges"}
