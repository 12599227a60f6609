"""Figures call methods, models, classes, layers and pictures what the user calls them, in every word that they show."""

import io
import json
import re
from dataclasses import replace

import pytest
from rich.console import Console

import camctl
from camctl.errors import InputError
from camctl.render.figure.figure import figure_pages
from camctl.render.layout.naming import renamed
from camctl.render.page.page import Words
from camctl.render.terminal.grid import show_grid
from camctl.values.axis import Axis
from camctl.values.look import Look
from tests.comparisons import comparison

NAMES = {
    "demo:resnet": "Net",
    "scene6700024.png": "Photo",
    "gradcam": "Ours",
    "Cat": "Katze",
    "backbone.layer4": "Stage D",
}
OLD = ("demo:resnet", "scene6700024", "GradCAM", "cat", "backbone.layer4")


def words_of_svg(path):
    return " ".join(re.findall(r"<text[^>]*>([^<]*)", path.read_text()))


def in_terminal(whole, **look):
    console = Console(file=io.StringIO(), width=200, height=50, force_terminal=True, color_system=None)
    show_grid(whole, console, **look)
    return " ".join(console.file.getvalue().split())


def test_the_caption_of_a_single_map_has_the_new_names(tmp_path):
    (path,) = comparison(targets=("cat",), methods=("GradCAM",)).save(tmp_path / "a.svg", name=NAMES)
    text = words_of_svg(path)
    assert all(new in text for new in NAMES.values()), text
    assert not any(old in text for old in OLD), text


def test_the_terminal_and_the_report_have_the_new_names(tmp_path):
    whole = comparison(models=("resnet", "vit"), methods=("GradCAM", "EigenCAM"))
    text = in_terminal(whole, name=NAMES)
    (page,) = whole.save(tmp_path / "a.html", name=NAMES)
    page = page.read_text()
    for new in ("Net", "Katze", "Ours"):
        assert new in text
        assert new in page
    assert not any(re.search(rf"\b{re.escape(old)}\b", text) for old in ("demo:resnet", "cat", "GradCAM"))
    assert "Photo" in page
    assert "Stage D" in page


def test_a_command_in_a_report_keeps_the_names_that_the_tool_knows(tmp_path):
    whole = replace(comparison(targets=("cat",)), commands=(("demo:resnet",),))
    (path,) = whole.save(tmp_path / "a.html", name=NAMES)
    data = json.loads(re.search(r'id="data">(.*?)</script>', path.read_text(), re.DOTALL)[1])
    assert data["cells"][0]["command"].startswith(
        "camctl run scene6700024.png demo:resnet --method GradCAM --target-category 0"
    )


def test_a_contrast_is_named_by_its_classes_or_as_a_whole():
    cams = camctl.explain(
        camctl.load("demo:resnet"),
        comparison().pictures[0],
        methods=["GradCAM"],
        targets=camctl.Classes("cat", versus="dog"),
    ).maps
    plain = comparison(targets=("cat",), methods=("GradCAM",))
    axes = tuple(replace(axis, labels=("cat vs dog",)) if axis.name == "class" else axis for axis in plain.axes)
    whole = replace(plain, axes=axes, cells=(replace(plain.cells[0], cam=cams[0]),))
    assert renamed(whole, {"dog": "Hund"}).maps[0].target.title == "cat vs Hund"
    assert renamed(whole, {"dog": "Hund"}).axis("class").labels == ("cat vs Hund",)
    assert renamed(whole, {"cat vs dog": "A"}).maps[0].target.title == "A"
    assert renamed(whole, {"cat vs dog": "A"}).axis("class").labels == ("A",)


@pytest.mark.parametrize("old", ["tabby", "Tabby Cat", "tabby, tabby cat", "281"])
def test_a_class_is_renamed_by_any_word_of_its_label_in_any_case(old):
    whole = comparison(targets=("cat",), methods=("GradCAM",))
    cam = whole.maps[0]
    target = replace(cam.target, label="tabby, tabby cat", index=281)
    axes = tuple(
        Axis(name="class", labels=("tabby, tabby cat",)) if axis.name == "class" else axis for axis in whole.axes
    )
    whole = replace(whole, axes=axes, cells=(replace(whole.cells[0], cam=replace(cam, target=target)),))
    new = renamed(whole, {old: "house cat"})
    assert new.axis("class").labels == ("house cat",)
    assert new.maps[0].target.title == "house cat"


def test_a_name_that_is_exactly_a_label_is_meant_before_a_part_of_another():
    whole = comparison(labels={"method": ("GradCAM", "GradCAM++", "grad cam")})
    labels = renamed(whole, {"GradCAM": "A", "GradCAM++": "B", "grad cam": "C"}).axis("method").labels
    assert labels == ("A", "B", "C")


def test_a_name_of_a_repeated_label_keeps_its_number():
    whole = comparison(labels={"method": ("GradCAM", "GradCAM (2)", "EigenCAM")})
    assert renamed(whole, {"GradCAM": "Ours"}).axis("method").labels == ("Ours", "Ours (2)", "EigenCAM")


def test_a_wrong_name_is_refused_with_the_nearest_words():
    with pytest.raises(InputError, match="GradCAN") as caught:
        renamed(comparison(), {"GradCAN": "Ours"})
    assert "Did you mean GradCAM?" in caught.value.hint


def test_maps_on_a_shared_scale_are_the_same_under_other_names():
    def pixels(**look):
        (page,) = figure_pages(renamed(whole, look.get("name", {})), Look(scale="shared", **look))
        return [
            item.draw(64, 64).tolist() for item in page.items if not isinstance(item, Words) and hasattr(item, "draw")
        ]

    whole = comparison()
    assert pixels() == pixels(name=NAMES)
