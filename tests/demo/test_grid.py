"""The comparisons that the README shows: its picture, and the four tables of commands on the demo's networks."""

import re
import shlex
from pathlib import Path

import pytest
from PIL import Image

import camctl
from camctl.cli import main
from camctl.demo.scenes import render, scene
from camctl.render.figure.figure import pixels
from camctl.values.picture import Picture

ROOT = Path(__file__).parent.parent.parent
GOLDEN = ROOT / "tests" / "golden" / "compare.png"
TOLD = ROOT / "tests" / "golden" / "versus.png"
README = (ROOT / "README.md").read_text(encoding="utf-8")
TABLES = re.findall(r"^camctl compare (camctl-demo/.*?)(?: +#.*)?$", README, re.MULTILINE)


@pytest.fixture(scope="module")
def picture():
    return render(scene(6_700_024, classes=("cat", "dog")), 448)


def test_the_grid_in_the_readme_is_what_compare_draws(picture, golden):
    found = camctl.compare("demo:resnet", Picture("scene1.png", picture), methods=["seed"], targets=["cat", "dog"])
    golden(pixels(found, tile=140), GOLDEN)


def test_the_told_classes_in_the_readme_are_what_compare_draws(picture, golden):
    found = camctl.compare(
        "demo:vit", Picture("scene1.png", picture), targets=camctl.Classes(names=["dog", "cat"], versus=["dog", "cat"])
    )
    golden(pixels(found, tile=140, columns=("class",)), TOLD)


def test_the_readme_shows_the_four_tables():
    assert len(TABLES) == 4


@pytest.mark.parametrize("words", TABLES)
def test_a_table_of_the_readme_is_one_command(words, picture, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "camctl-demo").mkdir()
    Image.fromarray(picture).save(tmp_path / "camctl-demo" / "scene1.png")
    with pytest.raises(SystemExit) as ended:
        main(["compare", *shlex.split(words)])
    assert ended.value.code == 0, capsys.readouterr().err
    (written,) = capsys.readouterr().out.splitlines()
    with Image.open(written) as figure:
        assert figure.width > 4 * 224
