"""A contact sheet shows every picture and every word, and nothing lies over anything else."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from camctl.render.figure.sheet import Tile, sheet_page
from camctl.render.page.page import Bitmap, Words
from camctl.render.page.raster import paint
from camctl.render.text.fonts import Face, default_file, opened
from camctl.render.text.wrapping import break_lines

RED, BLUE = (200, 0, 0), (0, 0, 200)


def flat(colour, height=60, width=60):
    return np.full((height, width, 3), colour, np.uint8)


def sheet(rows, **words):
    return paint(sheet_page(rows, **words))


def where(drawn, colour):
    """Rows and columns of the pixels of a colour: top, bottom, left, right (ends not counted in)."""
    rows, columns = np.nonzero((drawn == colour).all(axis=2))
    return rows.min(), rows.max() + 1, columns.min(), columns.max() + 1


def test_tiles_stand_in_their_rows_and_columns():
    drawn = sheet([[Tile(flat(RED)), Tile(flat(BLUE))]], tile=60)
    top, bottom, left, right = where(drawn, RED)
    assert (bottom - top, right - left) == (60, 60)
    assert where(drawn, BLUE)[:2] == (top, bottom)
    assert where(drawn, BLUE)[2] > right
    assert drawn.dtype == np.uint8


def test_a_picture_keeps_its_shape_and_rows_of_low_pictures_are_low():
    low, high = (sheet([[Tile(flat(RED, height, 120))]], tile=80) for height in (30, 120))
    top, bottom, left, right = where(low, RED)
    assert (bottom - top, right - left) == (20, 80)
    assert low.shape[0] == high.shape[0] - 60


def test_a_place_may_stay_empty():
    drawn = sheet([[None, Tile(flat(RED))], [Tile(flat(BLUE))]], tile=60)
    assert where(drawn, RED)[2] > where(drawn, BLUE)[2]


def test_words_stand_with_the_tiles_that_they_are_about():
    page = sheet_page([[Tile(flat(RED), "caption")]], columns=["Heading"], row_labels=["label"], title="Title")
    title, heading, caption, label = (item for item in page.items if isinstance(item, Words))
    (tile,) = (item for item in page.items if isinstance(item, Bitmap))
    assert (title.text, heading.text, caption.text, label.text) == ("Title", "Heading", "caption", "label")
    assert title.y < heading.y < tile.y < label.y < tile.y + tile.height < caption.y
    assert label.x + label.width < tile.x
    for words in (heading, caption):
        assert words.x + words.width / 2 == pytest.approx(tile.x + tile.width / 2, abs=1)


@pytest.mark.parametrize("text", ["word " * 30, "backbone.layers.11.ln1_" * 8, "x" * 90])
def test_long_words_are_broken_and_never_cut(text):
    row = [Tile(flat(RED), caption=text), Tile(flat(RED), caption=text)]
    drawn = sheet([row] * 2, columns=[text, text], row_labels=[text, text], title=text, tile=120)
    # A word that were cut or ran over would touch the frame.
    assert all((side == 255).all() for side in (drawn[:4], drawn[-4:], drawn[:, :4], drawn[:, -4:]))
    assert "".join(break_lines(text, 100, Face(11).length)).replace(" ", "") == text.replace(" ", "")


def test_no_line_is_wider_than_its_column():
    face = Face(14)
    lines = break_lines("Egyptian cat, backbone.layers.11.normalisation 3.25 %", 90, face.length)
    assert all(face.length(line) <= 90 for line in lines)
    assert any("3.25" in line for line in lines)


def test_the_dot_between_two_facts_begins_no_line():
    text, face = "demo:resnet \N{MIDDLE DOT} layer 4 \N{MIDDLE DOT} class cat \N{MIDDLE DOT} scene.png", Face(14)
    lines = [line for width in range(90, 300, 10) for line in break_lines(text, width, face.length)]
    assert not [line for line in lines if line.startswith("\N{MIDDLE DOT}")]


def test_letters_beyond_ascii_are_drawn_and_differ():
    drawn = [opened(default_file(), 20).getmask(letter) for letter in "éжλ"]
    pictures = [np.asarray(list(each)).tobytes() for each in drawn]
    assert len(set(pictures)) == 3


def test_setting_letters_imports_no_plotting_library():
    code = (
        "import sys, numpy as np; from camctl.render.figure.sheet import Tile, sheet_page;"
        "from camctl.render.page.raster import paint;"
        "paint(sheet_page([[Tile(np.zeros((9, 9, 3), np.uint8), caption='a')]], tile=64));"
        "assert not {'matplotlib', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
