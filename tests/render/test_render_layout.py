"""A layout says each thing once, as high up as it is true, and its painters paint all of it."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from camctl.render.figure.figure import figure_pages
from camctl.render.layout.captions import scale_text
from camctl.render.layout.layout import lay_out
from camctl.render.layout.tiles import common_canvas
from camctl.render.page.page import Words
from camctl.render.terminal.grid import show_grid
from camctl.values.look import Look
from camctl.values.view import View
from tests.comparisons import comparison, without_map, worthless_map


def laid_out(whole, **look):
    return lay_out(whole, Look(**look))


def titles(layout):
    return [[heading.title for heading in level] for level in layout.headings]


def labels(layout):
    return [[line.text for line in row.label] for row in layout.rows]


def captions(layout):
    return [" ".join(line.text for line in caption) for row in layout.rows for caption in row.captions]


def test_methods_run_across_and_classes_down():
    layout = laid_out(comparison())
    assert titles(layout) == [["GradCAM", "LayerCAM", "EigenCAM"]]
    assert [label[0] for label in labels(layout)] == ["cat", "dog"]
    assert [cell.at["method"] for cell in layout.rows[1].cells] == [0, 1, 2]
    assert {cell.at["class"] for cell in layout.rows[1].cells} == {1}


def test_axes_run_as_requested_and_the_rest_becomes_blocks():
    whole = comparison(models=("resnet", "vit"))
    layout = laid_out(whole, columns=("class",), rows=("model", "method"))
    assert layout.columns == ({"class": 0}, {"class": 1})
    assert [block.heading.title for block in layout.blocks] == ["demo:resnet", "demo:vit"]
    across = laid_out(whole, columns=("model", "method"))
    assert [(heading.labels[-1].text, heading.first, heading.span) for heading in across.headings[0]] == [
        ("demo:resnet", 0, 3),
        ("demo:vit", 3, 3),
    ]


def test_what_has_one_value_is_said_once_in_the_caption():
    layout = laid_out(comparison(methods=("GradCAM",), targets=("cat",)))
    for text in ("demo:resnet", "GradCAM", "backbone.layer4", "14 x 14", "class cat, probability"):
        assert " ".join(layout.caption).count(text) == 1
    assert labels(layout) == [[]]
    assert captions(layout) == [""]


def test_a_probability_stands_next_to_its_row_if_all_maps_of_the_row_share_it():
    whole = comparison()
    layout = laid_out(whole)
    assert labels(layout)[0] == ["cat", f"probability {whole.cells[0].cam.target.score:.2f}"]
    assert not any(captions(layout))


def test_a_probability_that_changes_from_map_to_map_stands_under_each():
    whole = comparison(models=("resnet", "vit"), targets=("cat",), methods=("GradCAM",))
    scores = [f"{cell.cam.target.score:.2f}" for cell in whole.cells]
    assert captions(laid_out(whole)) == scores
    unnamed = comparison(models=("resnet", "vit"), targets=("cat",), methods=("GradCAM",), labels={"class": ["top 1"]})
    assert captions(laid_out(unnamed)) == [f"cat {score}" for score in scores]


def test_verdicts_reasons_and_metrics_stand_under_their_maps():
    figures = {"drop": 0.123, "insertion": float("nan")}
    layout = laid_out(worthless_map(comparison(figures=figures), {"method": 0}), metrics=("drop",))
    assert captions(layout)[:2] == ["zero-gradient The class score does not depend on it.", "drop\u00a00.12"]
    assert "drop: higher is better" in layout.caption[-1]


def test_a_baseline_is_called_one_in_its_heading():
    layout = laid_out(replace(comparison(), baselines=("EigenCAM",)))
    assert [heading.notes for heading in layout.headings[0]] == ["", "", "baseline"]


def test_random_weights_are_warned_of_by_name():
    whole = comparison(models=("resnet", "vit"))
    runs = {at: replace(run, random_weights=at[1] == 1) for at, run in whole.explanations.items()}
    assert laid_out(replace(whole, explanations=runs)).warning.startswith("Random weights in demo:vit")
    runs = {at: replace(run, random_weights=True) for at, run in whole.explanations.items()}
    assert laid_out(replace(whole, explanations=runs)).warning == "Random weights: the maps mean nothing."
    assert laid_out(whole).warning == ""


def test_the_colour_bar_says_what_its_end_means():
    assert scale_text(comparison(), "each") == "share of the map's own peak"
    assert "units differ from method to method" in scale_text(comparison(), "shared")


def test_networks_that_saw_other_windows_are_drawn_on_the_whole_picture():
    whole = comparison(models=("resnet", "vit"), methods=("GradCAM",), targets=("cat",))
    assert common_canvas(whole) == "view"
    cam = replace(whole.cells[0].cam, view=View(size=(112, 112), box=(20, 20, 200, 200)))
    other = replace(whole, cells=(replace(whole.cells[0], cam=cam), *whole.cells[1:]))
    assert common_canvas(other) == "original"
    assert "dimmed: not given to the model" in in_figure(other, {})


# -------------------------------------------------------------------------------------- painters


def in_figure(whole, look):
    (page,) = figure_pages(whole, Look(**look))
    return " ".join(item.text for item in page.items if isinstance(item, Words))


def in_terminal(whole, look):
    console = Console(file=io.StringIO(), width=200, height=50, force_terminal=True, color_system=None)
    show_grid(whole, console, **look)
    return " ".join(console.file.getvalue().split())


@pytest.mark.parametrize("painted", [in_figure, in_terminal])
@pytest.mark.parametrize("columns", [(), ("model", "method"), ("class", "model", "method"), ("image",), ("class",)])
def test_every_word_of_a_layout_is_painted(painted, columns):
    whole = comparison(
        models=("resnet", "vit"), seeds=(6_700_024, 6_702_026), methods=("GradCAM", "EigenCAM"), figures={"drop": 0.5}
    )
    whole = without_map(worthless_map(whole, {"method": 0}), {"method": 1}, "It needs gradients.")
    runs = {at: replace(run, random_weights=at[1] == 1) for at, run in whole.explanations.items()}
    whole = replace(whole, explanations=runs, baselines=("EigenCAM",))
    look = {"columns": columns, "title": "A title", "metrics": ("drop",)}
    layout = laid_out(whole, **look)
    words = [layout.warning, "A title", "no map", "It needs gradients.", layout.scale, *layout.caption]
    words += [label.text for level in layout.headings for heading in level for label in heading.labels[-1:]]
    words += [note for level in layout.headings for heading in level for note in heading.labels[-1].notes]
    words += [text for block in layout.blocks for text in (block.heading.title, block.heading.notes)]
    words += [line.text for row in layout.rows for lines in (row.label, *row.captions) for line in lines]
    # Lines are broken at spaces and signs, and those of columns stand side by side.
    assert set(re.findall(r"\w+", " ".join(words))) <= set(re.findall(r"\w+", painted(whole, look)))
