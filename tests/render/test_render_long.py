"""Texts of others in a figure may have any length."""

from camctl.render.text.fonts import Face
from camctl.render.text.wrapping import LONGEST, paragraph


def test_a_text_of_a_million_letters_is_cut_to_what_can_be_read():
    lines = paragraph("a" * 1_000_000, Face(12), 400, (0, 0, 0)).lines

    assert sum(map(len, lines)) == LONGEST
    assert lines[-1].endswith("…")
    assert paragraph("a" * LONGEST, Face(12), 400, (0, 0, 0)).lines[-1].endswith("a")
