"""The pictures of comparisons that the pages show."""

from pathlib import Path

import pytest

import camctl
from camctl.demo.scenes import render, scene
from camctl.render.figure.figure import pixels
from camctl.values.picture import Picture

ROOT = Path(__file__).parent.parent.parent
GOLDEN = ROOT / "tests" / "golden" / "compare.png"
TOLD = ROOT / "tests" / "golden" / "versus.png"
ASKED = ROOT / "tests" / "golden" / "questions.png"


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


def test_the_questions_in_the_guide_are_what_compare_draws(picture, golden):
    models = [f"demo:{name}" for name in ("resnet", "segmenter", "detector", "regressor")]
    found = camctl.compare(models, Picture("scene.png", picture), methods="GradCAM", targets="dog")
    golden(pixels(found, tile=140, columns=("model",)), ASKED)
