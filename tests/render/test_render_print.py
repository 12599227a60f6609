"""A figure fits a paper: its width in print, its letters, its own names, and the command that made it."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pypdf
import pytest
from PIL import Image

from camctl.cli.output.saving import command_line
from camctl.cli.process import TYPED
from camctl.errors import InputError
from camctl.render.figure.figure import figure_pages
from camctl.render.figure.rows import panel_letter
from camctl.render.page.page import Bitmap, Words
from camctl.values.look import Look
from tests.comparisons import comparison, worthless_map

EIGHT = (
    "GradCAM",
    "LayerCAM",
    "EigenCAM",
    "XGradCAM",
    "GradCAM++",
    "EigenGradCAM",
    "GradCAMElementWise",
    "HiResCAM",
)

COMMAND = "camctl compare 'my cat.jpg' demo:resnet --save-path fig.pdf"


def words_and_pictures(**look):
    """All that is painted of a figure."""
    (page,) = figure_pages(look.pop("of", None) or comparison(), Look(**look))
    return page.items


def words(**look):
    """All words of a figure."""
    return [item for item in words_and_pictures(**look) if isinstance(item, Words)]


@pytest.mark.parametrize(("width", "dpi", "pixels"), [("3.5in", 300, 1050), ("88mm", 300, 1039), ("1000px", 150, 1000)])
def test_a_figure_has_its_width_in_print(tmp_path, width, dpi, pixels):
    (path,) = comparison().save(tmp_path / "grid.png", width=width, dpi=dpi)
    with Image.open(path) as image:
        assert image.width == pixels
        assert round(image.info["dpi"][0]) == dpi


def test_a_vector_figure_has_its_width_in_print(tmp_path):
    comparison().save(tmp_path / "grid.pdf", width="88mm")
    box = re.search(rb"/MediaBox \[ ?0 0 ([0-9.]+)", (tmp_path / "grid.pdf").read_bytes())
    assert float(box[1]) == pytest.approx(88 / 25.4 * 72, abs=0.1)
    comparison().save(tmp_path / "grid.svg", width="88mm")
    inches = re.search(r'width="([0-9.]+)in"', (tmp_path / "grid.svg").read_text())
    assert float(inches[1]) == pytest.approx(88 / 25.4, abs=0.001)


def test_no_letter_is_smaller_than_seven_points_in_one_column():
    assert min(item.face.size for item in words(width="88mm")) * 72 / 96 >= 7


@pytest.mark.parametrize("width", ["wide", "0mm", "-3in", "88", "1e3in", "999in"])
def test_a_width_that_is_none_is_an_error(width):
    with pytest.raises(InputError, match="is not a width"):
        Look(width=width)


def test_a_width_too_small_for_the_columns_names_one_that_is_enough():
    with pytest.raises(InputError, match="not fit") as caught:
        words(width="20mm")
    enough = re.search(r"[0-9.]+in", caught.value.hint)[0]
    assert words(width=enough)


def test_a_figure_for_a_paper_is_flush_with_its_text():
    items = words_and_pictures(width="3.5in", theme="paper", no_scores=True, of=comparison(targets=("cat",)))
    assert min(item.x for item in items) <= 4
    assert max(item.x + item.width for item in items if isinstance(item, Bitmap)) >= 3.5 * 96 - 8
    assert min(item.x for item in words_and_pictures(width="3.5in")) >= 8


def test_each_map_has_a_letter_in_reading_order():
    texts = [item.text for item in words(letters=True)]
    assert [text for text in texts if text in set("abcdef")] == list("abcdef")
    assert [panel_letter(index) for index in (0, 25, 26, 52)] == ["a", "z", "aa", "ba"]


def test_scores_can_be_left_out():
    assert any("probability" in item.text for item in words())
    assert not any("probability" in item.text for item in words(no_scores=True))


def test_methods_and_classes_get_names_of_their_own(tmp_path):
    (path,) = comparison().save(tmp_path / "grid.svg", name={"GradCAM": "Ours", "cat": "tabby"})
    text = path.read_text()
    assert ">Ours<" in text
    assert ">tabby<" in text
    assert ">GradCAM<" not in text
    with pytest.raises(InputError, match="GradCAN"):
        comparison().save(tmp_path / "grid.svg", name={"GradCAN": "Ours"})


def test_a_picture_carries_its_command_and_versions_unless_told_not_to(tmp_path):
    comparison().save(tmp_path / "a.png", command=COMMAND)
    comparison().save(tmp_path / "b.png", command=COMMAND, no_metadata=True)
    with Image.open(tmp_path / "a.png") as image:
        assert image.text["Command"] == COMMAND
        assert "torch" in image.text["Versions"]
    with Image.open(tmp_path / "b.png") as image:
        assert set(image.text) == {"Software", "Title"}


@pytest.mark.parametrize("ending", ["jpg", "webp", "svg", "pdf"])
def test_every_format_carries_the_command(tmp_path, ending):
    (path,) = comparison().save(tmp_path / f"a.{ending}", command="camctl compare cat.jpg")
    assert b"camctl compare cat.jpg" in path.read_bytes()
    (path,) = comparison().save(tmp_path / f"b.{ending}", command="camctl compare cat.jpg", no_metadata=True)
    assert b"camctl compare cat.jpg" not in path.read_bytes()


def test_the_command_holds_neither_passwords_nor_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    token = TYPED.set(("run", f"{tmp_path}/my cat.jpg", "https://me:secret@example.org/w.pth"))
    try:
        assert command_line() == "camctl run ~/'my cat.jpg' https://example.org/w.pth"
    finally:
        TYPED.reset(token)


@pytest.mark.parametrize("ending", ["pdf", "svg"])
def test_a_vector_figure_of_two_columns_width_is_small_and_sharp_in_print(tmp_path, ending):
    (path,) = comparison().save(tmp_path / f"a.{ending}", width="7in", dpi=300)
    assert path.stat().st_size < 500_000
    if ending == "pdf":
        (page,) = pypdf.PdfReader(path, strict=True).pages
        *maps, _ = [image.image for image in page.images]
        assert len(maps) == 8
        (side,) = {picture.width for picture in maps}
        tile = next(item for item in words_and_pictures(width="7in") if isinstance(item, Bitmap)).width
        assert side == round(tile / 96 * 300)


def test_the_pictures_of_a_pdf_are_those_of_its_pages_in_their_order(tmp_path):
    whole = comparison(models=("resnet", "vit"))
    look = {"width": "7in", "dpi": 96, "most_pixels": 250_000}
    (path,) = whole.save(tmp_path / "a.pdf", **look)
    pages = figure_pages(whole, Look(**look), 19_200)
    read = pypdf.PdfReader(path, strict=True)
    assert len(read.pages) == len(pages) > 1
    for page, drawn in zip(read.pages, pages, strict=True):
        painted = re.findall(rb"([-\d.]+) [-\d.]+ [-\d.]+ cm (/\w+) Do", page.get_contents().get_data())
        bitmaps = [item for item in drawn.items if isinstance(item, Bitmap)]
        for (height, name), bitmap in zip(painted, bitmaps, strict=True):
            pixels = np.asarray(page.images[name.decode()].image, np.float32)
            # A picture of negative height stands upside down.
            pixels = pixels[:: -1 if float(height) < 0 else 1]
            assert np.abs(pixels - bitmap.draw(bitmap.width, bitmap.height)).mean() < 3


def test_a_pdf_holds_only_the_letters_that_it_uses(tmp_path):
    (path,) = comparison().save(tmp_path / "a.pdf")
    (page,) = pypdf.PdfReader(path).pages
    fonts = [font.get_object() for font in page["/Resources"]["/Font"].values()]
    assert fonts
    for font in fonts:
        assert re.fullmatch(r"/[A-Z]{6}\+DejaVuSans(-Bold)?", font["/BaseFont"])
        (inner,) = font["/DescendantFonts"]
        assert len(inner.get_object()["/FontDescriptor"]["/FontFile2"].get_data()) < 100_000


def test_a_pdf_fits_a_page_unless_a_width_is_asked_for(tmp_path):
    def inches(whole, **look):
        (path,) = whole.save(tmp_path / "a.pdf", **look)
        return float(pypdf.PdfReader(path).pages[0].mediabox.width) / 72

    assert inches(comparison()) == 7
    assert inches(comparison(), width="12in") == 12
    assert inches(comparison(methods=("GradCAM",), targets=("cat",))) < 7
    assert inches(comparison(methods=EIGHT), columns=("class", "method")) == 7
    assert inches(comparison(methods=EIGHT), columns=("class", "method"), wrap=16) > 7


@pytest.mark.parametrize("width", ["3.5in", "7in"])
def test_headings_are_broken_between_words_and_have_one_size(width):
    items = words(width=width, of=comparison(targets=("cat",)))
    named = [item for item in items if item.text in {"GradCAM", "LayerCAM", "EigenCAM"}]
    assert len(named) == 3
    assert len({item.face.size for item in named}) == 1
    for one, other in pairwise(sorted(named, key=lambda item: item.x)):
        assert one.x + one.width < other.x


NAMES = ("GradCAM", "GradCAM++", "EigenGradCAM", "GradCAMElementWise", "HiResCAM", "XGradCAM", "SmoothGradCAM++", "FEM")


@pytest.mark.parametrize("width", ["3.5in", "5in", "7in"])
@pytest.mark.parametrize("seeds", [(6_700_024,), (6_700_024, 6_702_026)], ids=len)
def test_no_name_of_a_method_is_cut_but_between_its_words(width, seeds):
    whole = comparison(methods=EIGHT, targets=("cat",), seeds=seeds, labels={"method": NAMES})
    lines = {item.text for item in words(width=width, of=whole) if item.face.bold}
    parts = {"Eigen", "Smooth", "Element", "Wise", "ElementWise", "Grad", "HiRes", "XGrad", "CAM", "CAM++"}
    pictures = {"scene", "6700024.", "6702026.", "png"}
    assert lines <= {*NAMES, *parts, *pictures}


def test_columns_go_on_below_in_reading_order_where_they_do_not_fit():
    whole = comparison(methods=EIGHT[:6])
    items = words(width="3.5in", letters=True, of=whole)
    place = {item.text: (item.y, item.x) for item in items}
    letters = [text for text in place if re.fullmatch("[a-z]", text)]
    assert letters == list("abcdefghijkl")
    assert sorted(letters, key=place.get) == letters
    assert [item.text for item in items].count("picture") == 2
    heads = {text: place[text] for text in place if text.startswith(("Layer", "XGrad"))}
    assert min(heads.values()) < place["a"] < place["f"] < max(heads.values()) < place["g"]


def test_what_stands_under_one_heading_stays_together_if_it_fits():
    whole = comparison(methods=EIGHT[:4], models=("resnet", "vit"), targets=("cat",))
    pages = figure_pages(whole, Look(width="5in", columns=("model", "method")))
    texts = [item.text for page in pages for item in page.items if isinstance(item, Words)]
    assert [text for text in texts if text in {"demo:resnet", "demo:vit"}] == ["demo:resnet", "demo:vit"]
    assert texts.count("picture") == 2


def test_each_figure_has_a_line_of_its_own_in_print():
    whole = comparison(figures={"drop": 0.125, "coverage": 0.25}, methods=("GradCAM",), targets=("cat",))
    texts = [item.text for item in words(width="7in", metrics=("drop", "coverage"), of=whole)]
    assert {"drop\N{NO-BREAK SPACE}0.12", "coverage\N{NO-BREAK SPACE}0.25"} <= set(texts)


def test_each_map_stands_once_in_a_figure_of_any_number_of_columns():
    whole = comparison(methods=EIGHT[:5], seeds=(6_700_024, 6_702_026))
    for wrap in range(1, 7):
        (page,) = figure_pages(whole, Look(wrap=wrap, letters=True, columns=("class", "method"), tile=64))
        texts = [item.text for item in page.items if isinstance(item, Words)]
        assert [text for text in texts if re.fullmatch("[a-z]", text)] == [panel_letter(index) for index in range(20)]
        widest = max(item.x + item.width for item in page.items if isinstance(item, Bitmap))
        assert widest <= page.width


def test_pages_of_a_wrapped_figure_have_the_headings_of_their_own_columns(tmp_path):
    whole = comparison(methods=EIGHT[:4])
    pages = figure_pages(whole, Look(wrap=2, most_pixels=150_000))
    assert len(pages) == 4
    said = [{item.text for item in page.items if isinstance(item, Words)} & set(EIGHT) for page in pages]
    assert said == [{"GradCAM", "LayerCAM"}] * 2 + [{"EigenCAM", "XGradCAM"}] * 2


def test_only_a_word_too_long_at_seven_points_is_broken():
    whole = comparison(labels={"method": ["Short", "AnExtraordinarilyLongNameOfAMethod", "b"]})
    texts = {item.text: item.face.size for item in words(width="88mm", of=whole)}
    assert "Short" in texts
    assert texts["Short"] * 72 / 96 >= 7
    assert "AnExtraordinarilyLongNameOfAMethod" not in texts


def test_a_verdict_stands_alone_in_print():
    whole = worthless_map(comparison(), {"class": 0, "method": 0})
    texts = " ".join(item.text for item in words(width="7in", of=whole))
    assert "zero-gradient" in texts
    assert "depend" not in texts
    assert "depend" in " ".join(item.text for item in words(of=whole))
