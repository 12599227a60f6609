"""A figure says everything once, cuts nothing, and holds real text where its format can."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from io import BytesIO
from itertools import combinations
from xml.etree import ElementTree as ET

import numpy as np
import pypdf
import pytest
from PIL import Image

from camctl.errors import InputError
from camctl.render.figure.figure import figure_pages, missing_letters, pixels
from camctl.render.layout import tiles
from camctl.render.page.page import THEMES, Bitmap, Rectangle, Words
from camctl.render.report.report import report
from camctl.render.text import fonts as letters
from camctl.values.axis import places
from camctl.values.look import Look
from camctl.values.picture import Picture
from camctl.values.view import View
from tests.comparisons import comparison, without_map, worthless_map

EIGHT = ("GradCAM", "LayerCAM", "EigenCAM", "XGradCAM", "HiResCAM", "GradCAM++", "EigenGradCAM", "GradCAMElementWise")
LONG = "Ångström retriever, $x_1$ & <b>bold</b> [red]and_so_on_without_any_end_that_would_fit_a_line"
LAYER = "backbone.stages.3.blocks.17.attention.projection.normalisation_layer"


def pages(whole, **look):
    return figure_pages(whole, Look(**look))


def texts(page):
    return [item for item in page.items if isinstance(item, Words)]


def words(page):
    return [text.text for text in texts(page)]


def all_words(page):
    return " ".join(words(page))


def shown(page):
    """Pictures and maps, the colour bar left out."""
    return [item for item in page.items if isinstance(item, Bitmap) and item.height > 20]


def box_of(text):
    """x0, y0, x1, y1 of a line of DejaVu Sans, from its ascenders to its descenders."""
    size = text.face.size
    return text.x, text.y - 0.928 * size, text.x + text.width, text.y + 0.236 * size


def assert_nothing_lies_over_anything(page):
    boxes = [box_of(text) for text in texts(page)]
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
    for page in pages(whole, tile=tile, title=LONG, metrics=("drop", "insertion")):
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
    for page in pages(whole, columns=columns, rows=rows, tile=90):
        assert_nothing_lies_over_anything(page)


@pytest.mark.parametrize("theme", ["paper", "slides"])
@pytest.mark.parametrize(
    "look", [{"wrap": 2, "tile": 200}, {"width": "3.5in"}, {"width": "7in", "font": "STIXGeneral"}]
)
def test_words_stay_apart_in_every_theme_font_and_number_of_columns(theme, look):
    labels = {"class": [LONG, "dog"], "method": ["GradCAMElementWise", "EigenGradCAM", "SmoothGradCAM++", LONG, "b"]}
    whole = comparison(methods=EIGHT[:5], labels=labels, figures={"drop": 0.123})
    for page in pages(whole, theme=theme, metrics=("drop",), contours=(0.5,), **look):
        assert_nothing_lies_over_anything(page)


def test_the_picture_itself_comes_first_in_each_row_and_no_word_is_cut():
    (page,) = pages(comparison(labels={"class": [LONG, "dog"]}), tile=100)
    assert len(shown(page)) == 2 * (1 + 3)
    assert words(page)[0] == "picture"
    assert LONG.replace(" ", "") in "".join(words(page)).replace(" ", "")


def test_pictures_stand_in_a_row_of_their_own_where_images_run_across():
    whole = comparison(seeds=(6_700_024, 6_702_026), methods=("GradCAM",))
    (page,) = pages(whole, columns=("image",))
    tops = sorted(item.y for item in shown(page))
    assert len(tops) == 2 * (1 + 2)
    assert tops[0] == tops[1] < tops[2]


def test_axes_nest_into_spanning_headings_and_bands():
    whole = comparison(models=("resnet", "vit"))
    (across,) = pages(whole, columns=("model", "method"))
    assert words(across).count("demo:resnet") == 1
    assert words(across).count("GradCAM") == 2
    (down,) = pages(whole)
    bands = [item for item in down.items if isinstance(item, Rectangle) and item.fill == THEMES["light"].band]
    assert len(bands) == 2
    assert words(down).count("cat") == 2


def test_a_worthless_map_says_why_and_a_missing_one_has_a_frame_with_its_reason():
    whole = without_map(worthless_map(comparison(), {"method": 0}), {"method": 1}, "It needs gradients.")
    (page,) = pages(whole)
    assert "zero-gradient The class score does not depend on it." in all_words(page)
    (box,) = [item for item in page.items if isinstance(item, Rectangle) and item.dashed]
    reason = next(text for text in texts(page) if text.text.startswith("It needs"))
    assert box.x < reason.x < reason.x + reason.width < box.x + box.width
    assert box.y < reason.y < box.y + box.height


def test_a_shared_scale_draws_weaker_maps_paler():
    whole = comparison(methods=("GradCAM",))
    weak = int(np.argmin([cell.cam.raw.max() for cell in whole.cells]))
    bare = shown(pages(whole)[0])[2 * weak].draw(50, 50).astype(int)
    each, shared = (
        np.abs(shown(pages(whole, scale=scale)[0])[2 * weak + 1].draw(50, 50) - bare).sum()
        for scale in ("each", "shared")
    )
    assert shared < each


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
    whole.save(tmp_path / f"a.{ending}", tile=64)
    whole.save(tmp_path / f"b.{ending}", tile=64)
    assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()


def test_svg_is_as_large_as_png_and_holds_class_names_as_text_that_no_markup_can_break(tmp_path):
    whole, look = comparison(labels={"class": ["a<b>&$x_1$", "猫"]}), {"title": "Cats & dogs", "tile": 64}
    whole.save(tmp_path / "a.svg", **look)
    root = ET.fromstring((tmp_path / "a.svg").read_text(encoding="utf-8"))  # noqa: S314 (written by ourselves)
    assert (int(root.get("height")), int(root.get("width"))) == pixels(whole, **look).shape[:2]
    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "a<b>&$x_1$" in texts
    assert "猫" in texts
    assert root.findtext("{http://www.w3.org/2000/svg}title") == "Cats & dogs"


def test_text_can_be_taken_out_of_a_pdf_whatever_its_signs(tmp_path):
    comparison(labels={"class": ["$a_1$ & <b>", "Ångström"]}).save(tmp_path / "a.pdf", title="Cats")
    document = pypdf.PdfReader(tmp_path / "a.pdf")
    text = document.pages[0].extract_text()
    for each in ("$a_1$ & <b>", "Ångström", "GradCAM", "backbone.layer4"):
        assert each in text
    assert document.metadata.title == "Cats"
    assert "/CreationDate" not in document.metadata


def test_png_holds_its_title(tmp_path):
    comparison().save(tmp_path / "a.png", tile=64, title="Cats")
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.text["Title"] == "Cats"


def test_a_long_figure_goes_on_in_further_files_with_its_headings(tmp_path):
    whole = comparison(models=("resnet", "vit"))
    rows = pixels(whole, tile=64).shape
    parts = pages(whole, tile=64, most_pixels=rows[0] * rows[1] * 2 // 3)
    assert len(parts) > 1
    assert all("GradCAM" in words(page) and any("demo:" in text for text in words(page)) for page in parts)
    assert sum(len(shown(page)) for page in parts) == 4 * 4
    paths = whole.save(tmp_path / "grid.png", tile=64, most_pixels=rows[0] * rows[1] * 2 // 3)
    assert [path.name for path in paths] == [f"grid-{number}.png" for number in range(1, len(parts) + 1)]
    assert all(path.is_file() for path in paths)


def of_many_pictures(count):
    """A map of each of many pictures: one scene under other names."""
    whole = comparison(targets=("cat",), methods=("GradCAM",))
    names = tuple(f"{number}.png" for number in range(count))
    axes = tuple(replace(axis, labels=names) if axis.name == "image" else axis for axis in whole.axes)
    cells = tuple(replace(whole.cells[0], at=at) for at in places(axes))
    runs = {(number, 0): whole.explanations[0, 0] for number in range(count)}
    return replace(whole, axes=axes, cells=cells, explanations=runs, pictures=whole.pictures * count)


@pytest.mark.parametrize("look", [{}, {"width": "3.5in", "dpi": 300}, {"tile": 64}])
def test_figure_of_many_pictures_has_pages_and_none_is_a_scroll(look):
    parts = pages(of_many_pictures(200), **look)
    across = [page.width * (page.dpi * page.inches / page.width if page.dpi else 1) for page in parts]
    down = [page.height * wide / page.width for page, wide in zip(parts, across, strict=True)]
    assert all(high <= max(8192, 3 * wide) for high, wide in zip(down, across, strict=True))
    assert sum(len(shown(page)) for page in parts) == 2 * 200
    assert len(parts) > 1


def test_figure_of_many_pictures_across_is_refused_with_a_way_out(tmp_path):
    with pytest.raises(InputError) as caught:
        of_many_pictures(200).save(tmp_path / "a.png", columns=("image",))
    assert "Put fewer axes across" in caught.value.hint
    assert not list(tmp_path.iterdir())


def test_notebook_shows_the_first_page_of_many():
    with Image.open(BytesIO(of_many_pictures(60)._repr_png_())) as picture:
        assert picture.height <= 8192


def test_a_pdf_holds_all_pages_in_one_file(tmp_path):
    (path,) = comparison(models=("resnet", "vit")).save(tmp_path / "a.pdf", tile=64, most_pixels=90_000)
    assert len(pypdf.PdfReader(path).pages) > 1


def test_a_row_too_wide_for_a_file_is_refused_with_a_way_out(tmp_path):
    with pytest.raises(InputError) as caught:
        comparison(methods=EIGHT, targets=("cat",)).save(tmp_path / "a.webp", tile=2048)
    assert "--tile" in caught.value.hint
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("draw", [pages, report])
@pytest.mark.parametrize(
    "look", [{"tile": 3}, {"opacity": 2.0}, {"colormap": "no-such"}, {"columns": ("class",), "rows": ("class",)}]
)
def test_what_cannot_be_drawn_is_refused(draw, look):
    with pytest.raises(InputError, match=r"cannot be drawn|no colormap named|named twice"):
        draw(comparison(), **look)


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
    monkeypatch.setattr(letters, "_known", {letters.default_file(): {"猫": letters.default_file(bold=True)}})
    assert letters.runs("a猫b", letters.Face(12)) == [
        ("a", letters.default_file()),
        ("猫", letters.default_file(bold=True)),
        ("b", letters.default_file()),
    ]


def test_drawing_pixels_needs_no_plotting_library():
    code = (
        "import sys; sys.path.insert(0, '.'); from tests.comparisons import comparison;"
        "before = set(sys.modules); from camctl.render.figure.figure import pixels; pixels(comparison(), tile=64);"
        "assert 'matplotlib.pyplot' not in set(sys.modules) - before"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
