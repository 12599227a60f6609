"""The report is one file that asks for nothing, says what the comparison says, and lets no text become markup."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from camctl.errors import InputError
from camctl.render.colormaps import COLORMAPS, colours
from camctl.render.layout.tiles import shared_range
from camctl.render.report.report import report
from camctl.render.report.words import peak
from camctl.values.comparison import Measure
from camctl.values.picture import Picture
from camctl.values.view import View
from tests.comparisons import comparison, without_map, worthless_map

DATA = re.compile(r'<script type="application/json" id="data">(.*?)</script>', re.DOTALL)

HOSTILE = ("<script>alert(1)</script>", '"><img src=x onerror=alert(2)>', "{{7*7}}", "</script><b>", "'--><!--")


class Page(HTMLParser):
    """Tags with their attributes, and the text of each id."""

    def __init__(self, page):
        super().__init__()
        self.tags = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def embedded(page):
    return json.loads(DATA.search(page)[1])


def words(page):
    """The text of a page, without its style and scripts."""
    body = re.sub(r"<(style|script).*?</\1>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body)))


def stretched(map_, size):
    """What the page's script makes of an embedded map, at a size (height, width)."""
    levels = np.frombuffer(b64decode(map_["levels"]), np.uint8).reshape(map_["grid"]).astype(np.float32)
    grid = map_["floor"] + levels / 255 * (map_["ceiling"] - map_["floor"])
    image = Image.fromarray(grid.astype(np.float32)).resize(size[::-1], Image.Resampling.BILINEAR)
    return np.clip(np.asarray(image), 0, 1)


def measured(whole, *, baselines=()):
    """Every map gets two figures, the better the earlier it stands."""
    metrics = (
        Measure(name="insertion", title="Insertion", better="higher"),
        Measure(name="deletion", title="Deletion", better="lower"),
    )
    cells = [
        replace(cell, figures={"insertion": 0.9 - 0.01 * i, "deletion": 0.1 + 0.01 * i})
        for i, cell in enumerate(whole.cells)
    ]
    return replace(whole, cells=tuple(cells), metrics=metrics, baselines=tuple(baselines))


def test_a_report_of_24_maps_is_small():
    whole = comparison(models=("resnet", "vit", "swin", "t2t"))
    assert len(whole.cells) == 24
    assert len(report(measured(whole)).encode()) < 250_000


def test_each_picture_is_embedded_once_however_many_maps_lie_on_it():
    data = embedded(report(comparison(models=("resnet", "vit"), seeds=(6_700_024, 6_702_026))))
    assert len(data["cells"]) == 24
    assert len(data["scenes"]) == 2
    assert len({scene["source"] for scene in data["scenes"]}) == 2


def test_an_embedded_picture_is_never_larger_than_it_need_be():
    whole = comparison()
    large = Picture("large.png", np.asarray(Image.fromarray(whole.pictures[0].pixels).resize((1800, 1200))))
    view = View(size=(112, 112), box=(300, 0, 1500, 1200))
    cells = [replace(cell, cam=replace(cell.cam, view=view, picture=large)) for cell in whole.cells]
    whole = replace(whole, cells=tuple(cells), pictures=(large,))
    for canvas, size in (("view", (448, 448)), ("original", (448, 299))):
        scene = embedded(report(whole, canvas=canvas))["scenes"][0]
        with Image.open(BytesIO(b64decode(scene["source"].split(",")[1]))) as picture:
            assert picture.size == size
        assert scene["box"] == ([300, 0, 1500, 1200] if canvas == "view" else [0, 0, 1800, 1200])


def test_the_page_refers_to_nothing_outside_and_forbids_itself_to():
    page = report(measured(comparison()))
    for _, attributes in Page(page).tags:
        for name in ("src", "href", "action", "data", "srcset", "poster"):
            assert attributes.get(name, "#").startswith(("#", "data:"))
        assert not [name for name in attributes if name == "style" or name.startswith("on")]  # the policy forbids them
    assert not re.search(r"https?:|//[a-z]|@import|url\(", re.sub(DATA, "", page))
    assert all(scene["source"].startswith("data:image/webp;base64,") for scene in embedded(page)["scenes"])
    policy = next(meta["content"] for meta in Page(page).all("meta") if "http-equiv" in meta)
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


@pytest.mark.parametrize("text", HOSTILE)
def test_markup_in_any_text_stays_text(text):
    names = {"image": [text], "model": [text], "class": [text, "dog"], "method": [text, "b", "c"]}
    whole = without_map(measured(comparison(labels=names), baselines=("c",)), {"class": 1, "method": 1}, text, text)
    run = next(iter(whole.explanations.values()))
    targets = tuple(replace(target, label=text) for target in run.predictions)
    run = replace(
        run, predictions=targets, repairs=(text,), notes=(text,), checkpoint=text, versions={text: text}, model=text
    )
    cells = [
        replace(cell, cam=cell.cam and replace(cell.cam, target=replace(cell.cam.target, label=text), layers=(text,)))
        for cell in worthless_map(whole, {}).cells
    ]
    picture = Picture(text, whole.pictures[0].pixels)
    metrics = tuple(replace(one, title=text, name=one.name) for one in whole.metrics)
    hostile = replace(whole, explanations={(0, 0): run}, pictures=(picture,), cells=tuple(cells), metrics=metrics)
    page = report(hostile, title=text)
    plain = report(replace(whole, explanations={(0, 0): replace(run, repairs=("a",), notes=("b",))}), title="title")
    assert page.count("<script") == plain.count("<script") == 2
    assert page.count("</script") == plain.count("</script")
    assert {name for name, _ in Page(page).tags} == {name for name, _ in Page(plain).tags}
    assert not [attributes for _, attributes in Page(page).tags if "onerror" in attributes]
    assert text in words(page.replace("<!doctype html>", "")) or "<" in text
    assert embedded(page)["cells"]
    assert " 49 " not in words(page)


@pytest.mark.parametrize("smoothed", [False, True])
def test_values_are_reproduced(smoothed):
    whole = comparison(models=("resnet", "vit", "swin", "t2t"))
    if smoothed:  # then the grid alone does not tell the map
        cells = [replace(cell, cam=replace(cell.cam, values=wavy(cell.cam.values))) for cell in whole.cells]
        whole = replace(whole, cells=tuple(cells))
    data = embedded(report(whole))
    for cell, kept in zip(whole.cells, data["cells"], strict=True):
        off = np.abs(stretched(kept["map"], cell.cam.values.shape) - cell.cam.values)
        assert off.max() < (0.05 if smoothed else 0.008)
        assert off.mean() < 0.003


def wavy(values):
    rows, columns = np.mgrid[: values.shape[0], : values.shape[1]] / 112
    return ((values + 0.1 * np.sin(9 * rows) * np.cos(7 * columns) + 0.1) / 1.2).astype(np.float32)


def test_a_map_is_embedded_on_its_own_grid_with_its_ends_on_the_shared_scale():
    whole = comparison()
    cells = embedded(report(whole))["cells"]
    for cell, (low, high), kept in zip(whole.cells, shared_range(whole).values(), cells, strict=True):
        assert kept["map"]["grid"] == list(cell.cam.grid)
        assert (kept["map"]["low"], kept["map"]["high"]) == pytest.approx((low, high), abs=1e-5)


def test_all_colormaps_are_embedded_whole():
    palettes = embedded(report(comparison()))["palettes"]
    assert list(palettes) == sorted(COLORMAPS)
    assert b64decode(palettes["turbo"]) == colours("turbo").tobytes()


def test_tables_are_left_out_when_there_is_nothing_to_say():
    page = report(comparison(targets=("cat",), methods=("GradCAM",)))
    assert "Which method to believe" not in page
    assert "How much the maps agree" not in page
    assert 'class="figures"' not in page
    assert "<fieldset data-axis" not in page


def test_standings_have_intervals_and_say_what_too_few_leave_open():
    said = words(report(measured(comparison())))
    assert re.search(r"Too few to tell ?: which method is best \(2 pictures and classes; it takes 6\)\.", said)


def test_layers_and_models_are_ranked_where_there_are_several():
    said = words(report(measured(comparison(methods=("GradCAM",), layers=("backbone.layer3", "backbone.layer4")))))
    assert "Target layer Mean rank" in said
    assert "Model Mean rank" not in said


def test_standings_tell_which_baseline_beats_a_method():
    # The figures fall from method to method, so that the first one leads.
    said = words(report(measured(comparison(), baselines=("GradCAM",))))
    assert "Which method to believe" in said
    assert "no better than GradCAM" in said
    assert "GradCAM baseline" in said


def test_a_figure_equal_to_the_baselines_is_level_with_it():
    whole = measured(comparison(), baselines=("GradCAM",))
    cells = [replace(cell, figures={**cell.figures, "deletion": 0.1}) for cell in whole.cells]
    said = words(report(replace(whole, cells=tuple(cells))))
    assert said.count("0.100 .10\N{EN DASH}.10 (1.5) level with GradCAM") == 2
    assert said.count("no better than GradCAM") == 2  # at the other metric, insertion


def test_agreement_is_told_in_numbers():
    said = words(report(comparison()))
    assert "How much the maps agree" in said
    assert re.search(r"GradCAM 1\.00 \S?0\.\d\d \S?0\.\d\d", said)


def test_a_worthless_map_says_why_and_a_missing_one_too():
    whole = without_map(comparison(), {"class": 1}, "The method failed: no memory.", "Try it with --device cpu.")
    page = report(worthless_map(whole, {"method": 1}))
    said = words(page)
    assert "The class score does not depend on it." in said
    assert "The method failed: no memory. Try it with --device cpu." in said
    assert "1 of them is worthless. 1 could not be drawn." in said
    cells = embedded(page)["cells"]
    assert cells[1]["map"]["worthless"] == "zero-gradient"
    assert "levels" not in cells[1]["map"]
    assert cells[3]["map"] is None


def test_a_comparison_without_a_single_map_still_makes_a_report():
    whole = comparison(targets=("cat",), methods=("GradCAM",))
    page = report(replace(without_map(whole, {}, "The model cannot be loaded."), explanations={}))
    assert "The model cannot be loaded." in words(page)
    assert len(embedded(page)["scenes"]) == 1  # the picture is shown all the same


def test_scores_and_figures_that_are_no_numbers_become_dashes():
    whole = measured(comparison())
    cells = [
        replace(
            cell,
            figures={"insertion": float("nan"), "deletion": float("inf")},
            cam=replace(cell.cam, target=replace(cell.cam.target, score=float("nan"))),
        )
        for cell in whole.cells
    ]
    data = embedded(report(replace(whole, cells=tuple(cells))))
    assert data["cells"][0]["score"] is None
    assert data["cells"][0]["figures"] == {"insertion": None, "deletion": None}


def test_each_map_is_put_in_words():
    spoken = [canvas["aria-label"] for canvas in Page(report(comparison())).all("canvas") if "data-map" in canvas]
    assert spoken[0] == "GradCAM, class cat, demo:resnet, score 42.5%, verdict ok, peak upper centre"
    assert len(spoken) == 6


@pytest.mark.parametrize(
    ("at", "said"),
    [((0, 0), "upper left"), ((1, 1), "centre"), ((0, 1), "upper centre"), ((1, 2), "centre right")],
)
def test_the_place_of_a_peak_is_told_in_words(at, said):
    values = np.zeros((3, 3))
    values[at] = 1
    assert peak(values)[2] == said


def test_what_failed_is_told_once():
    fault = InputError("The model 'b' cannot be loaded.", hint="Check its name.")
    said = words(report(replace(comparison(), faults=(fault,))))
    assert said.count("What failed The model 'b' cannot be loaded. Check its name.") == 1


def test_random_weights_are_cried_out_loud():
    whole = comparison()
    run = replace(whole.explanations[0, 0], random_weights=True)
    said = words(report(replace(whole, explanations={(0, 0): run})))
    assert "Random weights: the maps mean nothing." in said
    assert said.count("random weights") == 6 + 2  # of each map, of the model, and of its predictions


@pytest.mark.parametrize("models", [("resnet",), ("resnet", "vit")])
def test_an_axis_without_words_is_shown_nowhere(models):
    page = report(comparison(models=models, labels={"smoothing": [""]}))
    assert "moothing" not in words(page)
    assert "Target layer " not in words(page)  # its default is told with each model and map, but it was not asked for
    assert not re.search(r'class="axis (smoothing|target-layer)"|data-axis="(smoothing|layer)"', page)
    assert "moothing" not in json.dumps([[cell.get("name"), cell["map"]] for cell in embedded(page)["cells"]])


def test_a_smoothing_and_a_layer_that_were_asked_for_are_facts():
    page = report(comparison(labels={"smoothing": ["aug-smooth"], "layer": ["auto:2"]}))
    assert "Target layer auto:2 Smoothing aug-smooth" in words(page)
    data = embedded(page)
    assert [cell["facts"][data["facts"].index("smoothing")] for cell in data["cells"]] == ["aug-smooth"] * 6


def test_the_class_is_said_once_a_row_where_all_its_maps_share_it():
    whole = comparison(targets=("cat",), models=("resnet", "vit"))
    said = words(report(whole))
    assert said.count("these maps explain") == 2
    across = words(report(comparison(), columns=("class",)))
    assert "these maps explain" not in across


def test_long_names_break_between_their_words():
    page = report(comparison(labels={"method": ["GradCAMElementWise", "GradCAM", "Edges"]}))
    assert "Grad<wbr>CAM<wbr>Element<wbr>Wise" in page
    assert "Grad<wbr>CAM<" not in page.replace("Grad<wbr>CAM<wbr>", "")


def test_models_that_saw_different_parts_of_a_picture_are_compared_on_the_whole_of_it():
    whole = comparison(models=("resnet", "vit"))
    assert embedded(report(whole))["scenes"][0]["box"] != [0, 0, 224, 224]
    aside = View(size=(112, 112), box=(40, 0, 200, 160))
    cells = [replace(cell, cam=replace(cell.cam, view=aside)) if cell.at["model"] else cell for cell in whole.cells]
    scenes = embedded(report(replace(whole, cells=tuple(cells))))["scenes"]
    assert [scene["box"] for scene in scenes] == [[0, 0, 224, 224]] * 2


def test_the_page_tells_its_size():
    page = report(comparison())
    told = re.search(r"6 maps: 3 methods × 2 classes\. (\d+) kB in this file\.", words(page))  # noqa: RUF001
    assert int(told[1]) == pytest.approx(len(page.encode()) / 1000, abs=1)


def test_a_text_that_looks_like_the_place_of_the_size_stays_a_text():
    whole = comparison(labels={"method": ['<span id="size"></span>', "b", "c"]})
    assert "&lt;span id=&#34;size&#34;&gt;" in report(whole)


@pytest.mark.parametrize(
    ("baselines", "said"),
    [
        ((), "Best on average: GradCAM (mean rank 1.0 of 3), not by more than chance."),
        (("GradCAM",), "LayerCAM (mean rank 1.0 of 2)"),
    ],
)
def test_the_best_method_is_named_at_the_top(baselines, said):
    top = words(report(measured(comparison(), baselines=baselines))).split("Find maps by words")[0]
    assert said in top


def test_methods_that_are_level_are_best_together():
    whole = measured(comparison())
    cells = [replace(cell, figures=dict.fromkeys(cell.figures, 0.5)) for cell in whole.cells]
    top = words(report(replace(whole, cells=tuple(cells))))
    assert "Best on average: GradCAM, LayerCAM and " in top
    assert "(mean rank 2.0 of 3), not by more than chance." in top


def test_models_with_the_same_best_method_share_its_line():
    top = words(report(measured(comparison(models=("resnet", "vit")))))
    assert "Best on average: GradCAM (mean rank 1.0 of 3) with demo:resnet and demo:vit" in top


def test_without_figures_the_next_step_is_told():
    assert "No figures were measured: --metrics --baselines tells" in words(report(comparison()))
    assert "No figures were measured" not in words(report(comparison(methods=("GradCAM",))))


def test_a_missing_map_is_named_too():
    cells = embedded(report(without_map(comparison(), {"class": 1}, "No memory.")))["cells"]
    assert cells[3]["name"] == "GradCAM, class dog, demo:resnet"
    assert cells[3]["verdict"] == "no map"


def test_the_report_says_what_made_it():
    whole = comparison()
    said = words(report(whole))
    run = whole.explanations[0, 0]
    assert run.checkpoint_sha256 in said
    assert f"torch {run.versions['torch']}" in said
    assert whole.cells[0].cam.layers[0] in said
    assert "scene6700024.png 224 × 224" in said  # noqa: RUF001 (a multiplication sign)
    assert said.count("scene6700024.png: 3 methods, 2 classes") == 2  # the window's title, and the heading


def test_it_is_saved_as_html(tmp_path):
    (path,) = comparison().save(tmp_path / "new" / "report.html", title="A title of my own", theme="dark", tile=64)
    assert "<h1>A title of my own</h1>" in path.read_text(encoding="utf-8")
