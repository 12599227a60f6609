"""`plugins/README.md` is true: its examples are built from its own text, installed, checked and used."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from PIL import Image

from camctl import plugin
from camctl.demo.scenes import render, scene
from tests.cli.test_plugins import fresh, installed

GUIDE = (Path(__file__).parent.parent / "plugins" / "README.md").read_text(encoding="utf-8")

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "camctl-{name}"
version = "0.1.0"
dependencies = ["camctl"]

[project.entry-points."{group}"]
{name} = "camctl_{name}:{attribute}"
"""


def section(title: str) -> str:
    return GUIDE[GUIDE.index(f"## {title}") :].split("\n## ")[0]


@pytest.mark.parametrize("name", plugin.__all__)
def test_every_member_of_the_contract_is_in_the_guide(name):
    assert re.search(rf"\b{name}\b", GUIDE)


@pytest.mark.parametrize(
    "kind",
    [plugin.LoadedModel, plugin.LoadOptions, plugin.Method, plugin.Metric, plugin.Capture, plugin.Case, plugin.Work],
)
def test_every_field_of_the_contract_is_in_the_guide(kind):
    assert [part.name for part in fields(kind) if not re.search(rf"\b{part.name}\b", GUIDE)] == []


def code(text: str, language: str) -> str:
    """The first block of a language."""
    found = re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert found
    return found[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The guide's examples, installed."""
    root = tmp_path_factory.mktemp("guide")
    method = root / "softcam"
    method.mkdir()
    (method / "pyproject.toml").write_text(code(section("A method"), "toml"))
    (method / "camctl_softcam.py").write_text(code(section("A method"), "python"))
    installed(method, root / "site")
    for title, name, attribute in (
        ("An adapter", "chimera", "Chimera"),
        ("A source", "ours", "Ours"),
        ("A metric", "gain", "gain"),
        ("A runner", "processes", "Processes"),
    ):
        text = section(title)
        group = re.search(r'entry-points\."(camctl\.\w+)"', text)
        assert group
        project = root / name
        project.mkdir()
        (project / "pyproject.toml").write_text(PROJECT.format(name=name, group=group[1], attribute=attribute))
        (project / f"camctl_{name}.py").write_text(code(text, "python"))
        installed(project, root / "site")
    return root / "site"


@pytest.mark.parametrize(
    "words",
    [("softcam",), ("chimera",), ("ours", "--kind", "source", "--model", "ours:small"), ("gain",), ("processes",)],
)
def test_every_example_holds_the_contract(site: Path, words: tuple[str, ...]) -> None:
    done = fresh(site, "plugins", "check", *words, "--json")

    (told,) = json.loads(done.stdout)
    assert [one for one in told["findings"] if not one["ok"]] == []
    assert done.returncode == 0


def test_the_examples_are_used_together(site: Path, tmp_path: Path) -> None:
    Image.fromarray(render(scene(6_700_024, classes=("cat", "dog")), 112)).save(tmp_path / "photo.png")
    words = ("compare", tmp_path / "photo.png", "--model", "demo:resnet", "ours:large", "--target-category", "cat")
    done = fresh(site, *words, "--method", "softcam", "gradcam", "--metrics", "gain", "--json")

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert {one["method"] for one in told["maps"]} == {"SoftCAM", "GradCAM"}
    assert {one["chosen_by"] for one in told["maps"]} == {"adapter chimera", "probe"}
    assert all(0 <= one["figures"]["gain"] <= 1 for one in told["maps"] if one["verdict"] == "ok")
    assert {"gain"} in [set(one["figures"]) for one in told["maps"]]


def test_the_guides_commands_are_ones_that_exist() -> None:
    commands = set(re.findall(r"(?:`|^)camctl (\w+)", GUIDE, re.MULTILINE))
    done = subprocess.run([sys.executable, "-m", "camctl", "--help"], capture_output=True, text=True, check=True)
    assert {each for each in commands if each not in done.stdout} == set()
