"""A figure says everything once, cuts nothing, and holds real text where its format can."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from itertools import combinations
from xml.etree import ElementTree as ET

import numpy as np
import pypdf
import pytest
from PIL import Image

from camctl.errors import InputError
from camctl.render.figure import tiles
from camctl.render.figure.figure import figure_pages, missing_letters, pixels, save_figure
from camctl.render.page.page import THEMES, Rectangle, Shown
from camctl.render.text import fonts as letters
from camctl.values.explanation import View
from camctl.values.picture import Picture
from tests.comparisons import comparison, without_map, worthless_map

EIGHT = ("GradCAM", "LayerCAM", "EigenCAM", "XGradCAM", "HiResCAM", "GradCAM++", "EigenGradCAM", "GradCAMElementWise")
LONG = "Ångström retriever, $x_1$ & <b>bold</b> [red]and_so_on_without_any_end_that_would_fit_a_line"
LAYER = "backbone.stages.3.blocks.17.attention.projection.normalisation_layer"


def words(page):
    return [text.text for text in page.texts]


def said(page):
    return " ".join(words(page))


def parsed(path):
    return ET.fromstring(path.read_text(encoding="utf-8"))  # noqa: S314 (written by ourselves)


def shown(page):
    """Pictures and maps, the colour bar left out."""
    return [item for item in page.items if isinstance(item, Shown) and item.height > 20]


def assert_nothing_lies_over_anything(page):
    boxes = [text.box for text in page.texts]
    pictures = [(item.x, item.y, item.x + item.width, item.y + item.height) for item in shown(page)]
    for x0, y0, x1, y1 in boxes + pictures:
        assert x0 >= 0
        assert y0 >= 0
        assert x1 <= page.width
        assert y1 <= page.height
    pairs = [*combinations(boxes, 2), *((one, other) for one in boxes for other in pictures)]
    for one, other in pairs:
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        assert apart, (one, other)


# ---------------------------------------------------------------------------------------- layout


@pytest.mark.parametrize("tile", [48, 100, 224])
@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_words_never_overlap_nor_leave_the_page(count, tile):
    labels = {"class": [LONG, "dog"], "method": [f"{LONG} {number}" for number in range(count)], "layer": [LAYER]}
    whole = comparison(methods=EIGHT[:count], labels=labels, figures={"drop": 0.123, "insertion": 0.5})
    whole = worthless_map(whole, {"class": 1})
    whole = without_map(whole, {}, f"There is no layer '{LAYER}', nor '{LAYER}'. " * 3)
    for page in figure_pages(whole, tile=tile, title=LONG, metrics=("drop", "insertion")):
        assert_nothing_lies_over_anything(page)


@pytest.mark.parametrize(
    ("columns", "rows"),
    [
        ((), ()),
        (("model", "method"), ()),
        (("class", "model", "method"), ()),
        (("image",), ()),
        (("image", "class"), ("method",)),
        (("method",), ("image", "class", "model")),
    ],
)
def test_every_arrangement_keeps_its_words_apart(columns, rows):
    whole = comparison(models=("resnet", "vit"), seeds=(6_700_024, 6_702_026), methods=("GradCAM", "EigenCAM"))
    for page in figure_pages(whole, columns=columns, rows=rows, tile=90):
        assert_nothing_lies_over_anything(page)


def test_no_word_is_cut():
    (page,) = figure_pages(comparison(labels={"class": [LONG, "dog"]}), tile=100)
    assert LONG.replace(" ", "") in "".join(words(page)).replace(" ", "")


def test_methods_stand_over_columns_and_classes_beside_rows():
    (page,) = figure_pages(comparison())
    place = {text.text: text for text in page.texts}
    assert place["GradCAM"].x < place["LayerCAM"].x < place["EigenCAM"].x
    assert place["GradCAM"].y == place["LayerCAM"].y < min(item.y for item in shown(page))
    assert place["cat"].y < place["dog"].y
    assert place["cat"].x < min(item.x for item in shown(page))


def test_the_picture_itself_comes_first_in_each_row():
    (page,) = figure_pages(comparison())
    assert len(shown(page)) == 2 * (1 + 3)
    assert words(page)[0] == "picture"


def test_pictures_stand_in_a_row_of_their_own_where_images_run_across():
    whole = comparison(seeds=(6_700_024, 6_702_026), methods=("GradCAM",))
    (page,) = figure_pages(whole, columns=("image",))
    tops = sorted(item.y for item in shown(page))
    assert len(tops) == 2 * (1 + 2)
    assert tops[0] == tops[1] < tops[2]


def test_what_has_one_value_is_told_once():
    (page,) = figure_pages(comparison(methods=("GradCAM",), targets=("cat",)))
    for text in ("demo:resnet", "GradCAM", "backbone.layer4", "14 x 14", "class cat, probability"):
        assert said(page).count(text) == 1


def test_a_probability_that_a_row_shares_is_told_beside_it():
    whole = comparison()
    (page,) = figure_pages(whole)
    assert words(page).count(f"probability {whole.cells[0].cam.target.score:.2f}") == 1


def test_a_probability_that_changes_from_map_to_map_stands_under_each():
    whole = comparison(models=("resnet", "vit"), targets=("cat",), methods=("GradCAM",))
    (page,) = figure_pages(whole)
    assert [f"{cell.cam.target.score:.2f}" for cell in whole.cells] == [t for t in words(page) if t.startswith("0.")]


def test_a_class_that_no_heading_names_is_named_under_its_map():
    whole = comparison(models=("resnet", "vit"), targets=("cat",), methods=("GradCAM",), labels={"class": ["top 1"]})
    (page,) = figure_pages(whole)
    assert sum(text.startswith("cat 0.") for text in words(page)) == 2


def test_axes_nest_into_spanning_headings_and_bands():
    whole = comparison(models=("resnet", "vit"))
    (across,) = figure_pages(whole, columns=("model", "method"))
    assert words(across).count("demo:resnet") == 1
    assert words(across).count("GradCAM") == 2
    (down,) = figure_pages(whole)
    bands = [item for item in down.items if isinstance(item, Rectangle) and item.fill == THEMES["light"].band]
    assert len(bands) == 2
    assert words(down).count("cat") == 2


def test_a_worthless_map_says_why_and_a_missing_one_has_a_frame_with_its_reason():
    whole = without_map(worthless_map(comparison(), {"method": 0}), {"method": 1}, "It needs gradients.")
    (page,) = figure_pages(whole)
    assert "zero-gradient" in words(page)
    assert "The class score does not depend on it." in said(page)
    (box,) = [item for item in page.items if isinstance(item, Rectangle) and item.dashed]
    reason = next(text for text in page.texts if text.text.startswith("It needs"))
    assert box.x < reason.x < reason.x + reason.width < box.x + box.width
    assert box.y < reason.y < box.y + box.height


def test_figures_of_the_metrics_asked_for_stand_under_each_map():
    whole = comparison(figures={"drop": 0.123, "insertion": float("nan")})
    (page,) = figure_pages(whole, metrics=("drop",))
    assert words(page).count("drop\u00a00.12") == len(whole.cells)
    assert "insertion" not in said(page)


def test_random_weights_are_told_in_the_figure():
    whole = comparison(models=("resnet", "vit"))
    runs = {place: replace(run, random_weights=place[1] == 1) for place, run in whole.explanations.items()}
    assert "Random weights in demo:vit" in said(figure_pages(replace(whole, explanations=runs))[0])
    assert "Random" not in said(figure_pages(whole)[0])


def test_the_colour_bar_says_what_its_end_means():
    whole = comparison()
    assert "share of the map's own peak" in said(figure_pages(whole)[0])
    assert "units differ from method to method" in said(figure_pages(whole, scale="shared")[0])


def test_a_shared_scale_draws_weaker_maps_paler():
    whole = comparison(methods=("GradCAM",))
    weak = int(np.argmin([cell.cam.raw.max() for cell in whole.cells]))
    bare = shown(figure_pages(whole)[0])[2 * weak].draw(50, 50).astype(int)
    each, shared = (
        np.abs(shown(figure_pages(whole, scale=scale)[0])[2 * weak + 1].draw(50, 50) - bare).sum()
        for scale in ("each", "shared")
    )
    assert shared < each


def test_networks_that_saw_other_windows_are_drawn_on_the_whole_picture():
    whole = comparison(models=("resnet", "vit"), methods=("GradCAM",), targets=("cat",))
    assert tiles.fitting_canvas(whole) == "view"
    cam = replace(whole.cells[0].cam, view=View(size=(112, 112), box=(20, 20, 200, 200)))
    other = replace(whole, cells=(replace(whole.cells[0], cam=cam), *whole.cells[1:]))
    assert tiles.fitting_canvas(other) == "original"
    assert "dimmed: not given to the model" in said(figure_pages(other)[0])


def contrast(one, other):
    def light(colour):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (each / 255 for each in colour)]
        return np.dot(linear, (0.2126, 0.7152, 0.0722)) + 0.05

    return max(light(one), light(other)) / min(light(one), light(other))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_words_can_be_read_in_both_themes(theme):
    inks = THEMES[theme]
    for ink in (inks.ink, inks.soft, inks.warning):
        assert contrast(ink, inks.paper) > 4.5
        assert contrast(ink, inks.band) > 4.5


def test_the_dark_theme_is_dark():
    assert pixels(comparison(), theme="dark", tile=64)[0].max() < 40


# ------------------------------------------------------------------------------------------ files


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "svg", "pdf"])
def test_the_same_comparison_makes_the_same_bytes(tmp_path, ending):
    whole = comparison()
    save_figure(whole, tmp_path / f"a.{ending}", tile=64)
    save_figure(whole, tmp_path / f"b.{ending}", tile=64)
    assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()


def test_svg_holds_class_names_as_text_that_no_markup_can_break(tmp_path):
    save_figure(comparison(labels={"class": ["a<b>&$x_1$", "猫"]}), tmp_path / "a.svg", title="Cats & dogs")
    root = parsed(tmp_path / "a.svg")
    texts = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "a<b>&$x_1$" in texts
    assert "猫" in texts
    assert root.findtext("{http://www.w3.org/2000/svg}title") == "Cats & dogs"


def test_svg_is_as_large_as_the_png(tmp_path):
    save_figure(comparison(), tmp_path / "a.svg", tile=64)
    root = parsed(tmp_path / "a.svg")
    assert (int(root.get("height")), int(root.get("width"))) == pixels(comparison(), tile=64).shape[:2]


def test_text_can_be_taken_out_of_a_pdf_whatever_its_signs(tmp_path):
    save_figure(comparison(labels={"class": ["$a_1$ & <b>", "Ångström"]}), tmp_path / "a.pdf", title="Cats")
    document = pypdf.PdfReader(tmp_path / "a.pdf")
    text = document.pages[0].extract_text()
    for each in ("$a_1$ & <b>", "Ångström", "GradCAM", "backbone.layer4"):
        assert each in text
    assert document.metadata.title == "Cats"
    assert "/CreationDate" not in document.metadata


def test_png_holds_its_title(tmp_path):
    save_figure(comparison(), tmp_path / "a.png", tile=64, title="Cats")
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.text["Title"] == "Cats"


def test_a_long_figure_goes_on_in_further_files_with_its_headings(tmp_path):
    whole = comparison(models=("resnet", "vit"))
    rows = pixels(whole, tile=64).shape
    pages = figure_pages(whole, tile=64, most_pixels=rows[0] * rows[1] * 2 // 3)
    assert len(pages) > 1
    assert all("GradCAM" in words(page) and any("demo:" in text for text in words(page)) for page in pages)
    assert sum(len(shown(page)) for page in pages) == 4 * 4
    paths = save_figure(whole, tmp_path / "grid.png", tile=64, most_pixels=rows[0] * rows[1] * 2 // 3)
    assert [path.name for path in paths] == [f"grid-{number}.png" for number in range(1, len(pages) + 1)]
    assert all(path.is_file() for path in paths)


def test_a_pdf_holds_all_pages_in_one_file(tmp_path):
    (path,) = save_figure(comparison(models=("resnet", "vit")), tmp_path / "a.pdf", tile=64, most_pixels=90_000)
    assert len(pypdf.PdfReader(path).pages) > 1


def test_a_row_too_wide_for_a_file_is_refused_with_a_way_out(tmp_path):
    with pytest.raises(InputError) as caught:
        save_figure(comparison(methods=EIGHT, targets=("cat",)), tmp_path / "a.webp", tile=2048)
    assert "--tile" in caught.value.hint
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "value"), [("tile", 3), ("opacity", 2.0), ("colormap", "no-such")])
def test_what_cannot_be_drawn_is_refused(name, value):
    with pytest.raises(InputError):
        figure_pages(comparison(), **{name: value})


def test_a_huge_photo_is_made_small_once(monkeypatch):
    whole = comparison()
    photo = Picture("photo.jpg", np.zeros((2000, 3000, 3), np.uint8))
    view = View(size=(112, 112), box=(500, 0, 2500, 2000))
    cells = [replace(cell, cam=replace(cell.cam, picture=photo, view=view)) for cell in whole.cells]
    whole = replace(whole, cells=tuple(cells), pictures=(photo,))
    shrunk, painted = [], []
    scaled, overlay = tiles.scaled, tiles.overlay
    monkeypatch.setattr(tiles, "scaled", lambda *args: (shrunk.append(args[0].size), scaled(*args))[1])
    monkeypatch.setattr(
        tiles, "overlay", lambda *args, **rest: (painted.append(args[0].size), overlay(*args, **rest))[1]
    )
    pixels(whole, canvas="original", tile=96)
    assert shrunk == [photo.pixels.size]
    assert painted == [96 * 64 * 3] * len(whole.cells)


def test_letters_that_no_font_has_are_told():
    assert missing_letters(comparison(labels={"class": ["Ångström Ωж", "dog"]})) == ""
    assert missing_letters(comparison(labels={"class": ["\ue0ff", "dog"]})) == "\ue0ff"


def test_a_font_of_the_system_sets_what_our_own_lacks(monkeypatch):
    monkeypatch.setattr(letters, "_found", {False: {"猫": letters.own_file(bold=True)}, True: {}})
    assert letters.runs("a猫b") == [
        ("a", letters.own_file()),
        ("猫", letters.own_file(bold=True)),
        ("b", letters.own_file()),
    ]


def test_drawing_pixels_needs_no_plotting_library():
    code = (
        "import sys; sys.path.insert(0, '.'); from tests.comparisons import comparison;"
        "before = set(sys.modules); from camctl.render.figure.figure import pixels; pixels(comparison(), tile=64);"
        "assert 'matplotlib.pyplot' not in set(sys.modules) - before"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_map_that_misleads_is_drawn_and_its_verdict_stands_under_it():
    whole = comparison(targets=("cat",))
    first, *others = whole.cells
    inverted = replace(first.cam, verdict="inverted", reason="It points away.")
    changed = replace(whole, cells=(replace(first, cam=inverted), *others))

    (page,) = figure_pages(changed)

    assert "inverted It points away." in said(page)
    np.testing.assert_array_equal(inverted.overlay(), first.cam.overlay())
