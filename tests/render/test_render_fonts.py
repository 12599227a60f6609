"""A figure is set in the font that was asked for, which travels with it in PDF and SVG."""

from __future__ import annotations

import re
from base64 import b64decode
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import pypdf
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.ttLib import TTFont

from camctl.errors import InputError
from camctl.render.figure.figure import figure_pages
from camctl.render.page.page import Words
from camctl.render.text.font_files import font_files
from camctl.render.text.fonts import Face, default_file, runs
from camctl.values.look import Look
from tests.comparisons import comparison

STIX = "STIXGeneral"
"""A family that comes with matplotlib, and is nothing like DejaVu Sans."""

RULE = re.compile(
    r"@font-face\{font-family:'([^']+)';font-weight:(\w+);src:url\(data:font/woff;base64,([^)]+)\);[^}]+\}"
)


def embedded(path):
    """The fonts in an SVG file: (family, weight) -> the letters that each has."""
    rules = RULE.findall(path.read_text())
    return {(family, weight): set(TTFont(BytesIO(b64decode(text))).getBestCmap()) for family, weight, text in rules}


def written(**look):
    (page,) = figure_pages(comparison(), Look(**look))
    return [item for item in page.items if isinstance(item, Words)]


def square_font(path, letters):
    """A font of PostScript outlines in which each of these letters is a square."""
    builder = FontBuilder(1000, isTTF=False)
    names = [".notdef", *(f"g{ord(letter)}" for letter in letters)]
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(letter): f"g{ord(letter)}" for letter in letters})
    pen = T2CharStringPen(600, None)
    for move, corner in (
        (pen.moveTo, (0, 0)),
        (pen.lineTo, (0, 500)),
        (pen.lineTo, (500, 500)),
        (pen.lineTo, (500, 0)),
    ):
        move(corner)
    pen.closePath()
    drawn = pen.getCharString()
    builder.setupCFF("Squares-Regular", {"FullName": "Squares"}, dict.fromkeys(names, drawn), {})
    builder.setupHorizontalMetrics(dict.fromkeys(names, (600, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Squares", "styleName": "Regular", "psName": "Squares-Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    return str(path)


def test_a_pdf_embeds_the_letters_of_the_font_that_was_asked_for(tmp_path):
    (path,) = comparison().save(tmp_path / "a.pdf", font=STIX)
    (page,) = pypdf.PdfReader(path).pages
    names = [font.get_object()["/BaseFont"] for font in page["/Resources"]["/Font"].values()]
    assert sorted(re.sub(r"^/[A-Z]{6}\+", "", name) for name in names) == [f"{STIX}-Bold", f"{STIX}-Regular"]
    assert "GradCAM" in page.extract_text()


@pytest.mark.parametrize(("font", "family"), [("", "DejaVu Sans"), (STIX, STIX)])
def test_an_svg_holds_the_letters_of_its_words_and_no_others(tmp_path, font, family):
    (path,) = comparison().save(tmp_path / "a.svg", font=font)
    fonts = embedded(path)
    for weight in ("normal", "bold"):
        used = {
            ord(letter) for item in written(font=font) if item.face.bold == (weight == "bold") for letter in item.text
        }
        assert fonts.pop((family, weight)) - {0} == used
    assert not fonts
    assert path.stat().st_size < 500_000


def test_letters_that_the_font_lacks_are_set_in_another(tmp_path):
    font = square_font(tmp_path / "squares.otf", "GradCM ")
    assert [(run, file == font) for run, file in runs("GradCAM+", Face(12, font=font))] == [
        ("GradC", True),
        ("A", False),
        ("M", True),
        ("+", False),
    ]
    (path,) = comparison().save(tmp_path / "a.svg", font=font)
    assert {"Squares", "DejaVu Sans"} <= {family for family, _ in embedded(path)}
    assert "<tspan font-family=\"'DejaVu Sans'" in path.read_text()


def test_words_of_any_font_stay_apart():
    for one, other in pairwise(item for item in written(font=STIX, width="7in") if item.face.bold):
        if one.y == other.y:
            assert one.x + one.width < other.x


@pytest.mark.parametrize("ending", ["pdf", "svg", "png"])
def test_a_font_of_postscript_outlines_sets_a_figure(tmp_path, ending):
    font = square_font(tmp_path / "squares.otf", "abcdefghijklmnopqrstuvwxyzGCAMLE 01.:")
    (path,) = comparison().save(tmp_path / f"a.{ending}", font=font)
    if ending == "pdf":
        (page,) = pypdf.PdfReader(path, strict=True).pages
        assert "probability" in page.extract_text()


def test_a_file_brings_its_bold_from_beside_it():
    regular = font_files(STIX).regular
    chosen = font_files(regular)
    assert chosen.family == STIX
    assert chosen.regular == regular
    assert chosen.bold == font_files(STIX).bold != regular


def test_a_family_without_bold_is_set_without_it(capfd):
    files = font_files("cmr10")
    assert files.regular == files.bold
    assert capfd.readouterr() == ("", "")


def test_a_family_is_found_whatever_its_case():
    assert Path(font_files("dejavu sans").regular).samefile(default_file())


@pytest.mark.parametrize(
    ("font", "words"),
    [("DejaVu Serfi", "DejaVu Serif"), ("nowhere.ttf", "no font file"), ("Helvetica Nova", "no font named")],
)
def test_a_font_that_is_missing_is_one_line_with_names_near_it(font, words):
    with pytest.raises(InputError) as caught:
        comparison().save("a.png", font=font)
    assert words in f"{caught.value.message} {caught.value.hint}"


def test_a_file_that_is_no_font_is_one_line(tmp_path):
    path = tmp_path / "a.ttf"
    path.write_bytes(b"nothing")
    with pytest.raises(InputError, match="no font that can be read"):
        font_files(str(path))
