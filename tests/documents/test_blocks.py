"""What the pages show is what happens: every command runs, and prints what stands under it; every snippet runs."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import skimage.data
import torch
from PIL import Image

from camctl.cli import main
from camctl.demo.scenes import render, scene
from camctl.plugin import method
from tests.documents.pages import DOCS, ROOT

PAGES = (ROOT / "README.md", DOCS / "guide.md")
RANDOM = re.compile(r"_in1k|config\.py")
"""Models whose weights are downloaded, or whose config is the user's: they get random weights here."""

NETS = """
import torch
from torch import nn


class Build(nn.Module):
    input_size = (64, 64)

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 7, stride=4, padding=3)
        self.norm = nn.BatchNorm2d(16)
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        return self.head(self.norm(self.stem(x)).relu().mean((2, 3)))


class Heads(Build):
    def __init__(self):
        super().__init__()
        self.age = nn.Linear(16, 8)

    def forward(self, x):
        features = self.norm(self.stem(x)).relu().mean((2, 3))
        return {"age": self.age(features), "kind": self.head(features)}


def build():
    torch.manual_seed(0)
    return Build()


def a_dict():
    torch.manual_seed(0)
    return Heads()
"""

CONFIG = """
model = dict(
    type="ImageClassifier",
    backbone=dict(type="ResNet", depth=18, num_stages=4, out_indices=(3,), style="pytorch"),
    neck=dict(type="GlobalAveragePooling"),
    head=dict(type="LinearClsHead", num_classes=2, in_channels=512),
)
"""


@dataclass(frozen=True)
class Shown:
    """A command of a page, and the lines under it."""

    page: str
    command: str
    lines: tuple[str, ...] = ()


def blocks(path: Path, language: str) -> list[str]:
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [re.sub(rf"^{indent}", "", body, flags=re.MULTILINE) for indent, body in found]


def shown() -> list[Shown]:
    commands = []
    for path in PAGES:
        for block in blocks(path, "console"):
            for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                command, *lines = part.splitlines()
                commands.append(Shown(path.name, command, tuple(lines)))
        for block in blocks(path, "bash"):
            commands += [Shown(path.name, line) for line in block.replace("\\\n", " ").splitlines() if line.strip()]
    return [one for one in commands if one.command.startswith("camctl ")]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with what the pages speak of."""
    folder = tmp_path_factory.mktemp("desk")
    Image.fromarray(render(scene(6_700_024, classes=("cat", "dog")), 448)).save(folder / "scene.png")
    (folder / "camctl-demo").mkdir()
    shutil.copy(folder / "scene.png", folder / "camctl-demo" / "scene1.png")
    Image.fromarray(skimage.data.chelsea()).save(folder / "photo.jpg", quality=95)
    (folder / "photos").mkdir()
    for name, label in {"chelsea": "tabby", "coffee": "espresso", "rocket": "space shuttle"}.items():
        picture = Image.fromarray(getattr(skimage.data, name)()).resize((300, 225))
        (folder / "val" / label).mkdir(parents=True)
        for place in (folder / "photos", folder / "val" / label):
            picture.save(place / f"{name}.jpg")
    (folder / "nets.py").write_text(NETS, encoding="utf-8")
    (folder / "config.py").write_text(CONFIG, encoding="utf-8")
    names: dict = {}
    exec(NETS, names)  # noqa: S102 - the text above
    torch.save(names["build"]().state_dict(), folder / "weights.pth")
    return folder


@pytest.fixture(scope="module")
def desks(desk, tmp_path_factory):
    """Page -> a folder of its own: a page goes on with what its commands have written."""
    copies = {path.name: tmp_path_factory.mktemp(path.stem) for path in PAGES}
    for folder in copies.values():
        shutil.copytree(desk, folder, dirs_exist_ok=True)
    return copies


@pytest.fixture
def at_the_desk(desks, monkeypatch):
    def sit(page: str) -> Path:
        monkeypatch.chdir(desks[page])
        monkeypatch.syspath_prepend(desks[page])
        monkeypatch.delitem(sys.modules, "nets", raising=False)  # of other tests
        monkeypatch.setenv("COLUMNS", "120")
        return desks[page]

    yield sit
    sys.modules.pop("nets", None)  # others have a module of this name


def words(command: str) -> list[str]:
    given = shlex.split(command, comments=True)[1:]
    if RANDOM.search(command):
        given = [word for word in given if not word.endswith(".pth")]
        given += ["--random-weights"]
    return given


def same(expected: str, line: str) -> bool:
    """Whether a line says the same: figures of three digits to 0.02, times and bars whatever they are."""
    pattern = re.compile(r"\d+\.\d+|\d+(?= ms)|█+|\s+")
    if [part for part in pattern.split(expected.strip()) if part] != [
        part for part in pattern.split(line.strip()) if part
    ]:
        return False
    figures = (re.findall(r"(?<!\d)\d\.\d{3}\b", text) for text in (expected, line))
    return all(abs(float(one) - float(other)) <= 0.02 for one, other in zip(*figures, strict=False))


@pytest.mark.parametrize("one", shown(), ids=lambda one: f"{one.page}: {one.command[:70]}")
def test_a_command_does_what_its_page_says(one, at_the_desk, capsys):
    folder = at_the_desk(one.page)
    if "old" in one.command.split():  # the maps of an earlier checkpoint
        shutil.copytree(folder / "out", folder / "old")
    with pytest.raises(SystemExit) as ended:
        main(words(one.command))
    done = capsys.readouterr()
    printed = [*done.out.splitlines(), *done.err.splitlines()]
    assert not ended.value.code, done.err
    missing = [line for line in one.lines if line.strip() not in {"", "…"} and not any(same(line, p) for p in printed)]
    assert missing == [], "\n".join(printed)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_snippets_of_a_page_run_one_after_the_other(path, at_the_desk):
    at_the_desk(path.name)
    names = {"method": method}
    for block in blocks(path, "python"):
        exec(block, names)  # noqa: S102 - the page's own text
