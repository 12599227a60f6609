"""Texts of others never control the terminal: no escape sequence, no second line, no change of direction."""

import io
import json
import unicodedata

import pytest
from rich.table import Table
from rich.text import Text

from camctl.cli.output import sink
from camctl.errors import CamctlError, InputError, one_line, out_of_memory

ESCAPE = "\x1b]0;title\x07\x1b[2J\x9b5n\x08\x7f\u202e\ud800"
FORGED = "error: FORGED"


def controls(text):
    """The signs of a text that a terminal obeys, tabs and ends of lines left out."""
    directions = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    return [
        sign
        for sign in text
        if sign not in "\t\n"
        and (unicodedata.category(sign) in {"Cc", "Cs", "Zl", "Zp"} or unicodedata.bidirectional(sign) in directions)
    ]


class Window(io.StringIO):
    def isatty(self):
        return True


def printed(monkeypatch, *parts):
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr("sys.stderr", Window())
    sink.warn(parts)
    return sink.sys.stderr.getvalue()


def table(cell):
    grid = Table("name")
    grid.add_row(cell)
    return grid


@pytest.mark.parametrize(
    "part",
    [ESCAPE, Text(ESCAPE), sink.line("a", (ESCAPE, "bold")), table(ESCAPE), table(Text(ESCAPE))],
    ids=["string", "text", "line", "table of a string", "table of a text"],
)
def test_no_control_character_of_others_is_printed(part, monkeypatch):
    assert controls(printed(monkeypatch, part)) == []


def test_spinner_shows_no_control_character(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr", Window())
    with sink.Sink().working() as progress:
        progress.say("\x1b]0;title\x07")

    assert "]0;title" in sink.sys.stderr.getvalue()
    assert "\x1b]0" not in sink.sys.stderr.getvalue()


def test_spinner_and_bar_forge_no_line(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr", Window())
    with sink.Sink().working() as progress:
        progress.say(f"x\n{FORGED}")
        progress.steps()(f"y\n{FORGED}", 1, 2)

    assert not any(each.startswith(FORGED) for each in sink.sys.stderr.getvalue().splitlines())


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
def test_error_and_hint_are_a_line_each(end, monkeypatch):
    error = InputError(f"There is no picture 'a{end}{FORGED}'.", hint=f"Try{end}{FORGED}")

    assert printed(monkeypatch, *sink.error_lines(error)).splitlines() == [
        f"error: There is no picture 'a {FORGED}'.",
        f"hint: Try {FORGED}",
    ]


def test_cell_with_ends_of_lines_stays_one_line(monkeypatch):
    assert f"x {FORGED}" in printed(monkeypatch, table(f"x\n{FORGED}"))


def test_error_that_quotes_a_book_is_cut_in_its_middle(monkeypatch):
    said = printed(monkeypatch, *sink.error_lines(InputError(f"There is no '{'x' * 100_000}'.")))

    assert len(said) < 2_000
    assert said.startswith("error: There is no 'xxx")
    assert said.endswith("xxx'.\n")


def test_json_is_what_it_was_but_for_halves_of_letters_and_holds_no_control_character(capsys):
    sink.Sink(json=True).data({"label": ESCAPE})
    out = capsys.readouterr().out

    assert controls(out) == []
    assert json.loads(out) == {
        "schema_version": 1,
        "label": ESCAPE.replace("\ud800", "\ufffd"),
    }  # half a letter is none in UTF-8


def raising(error):
    def say(_self):
        raise error

    return say


@pytest.mark.parametrize("error", [ZeroDivisionError(), SystemExit(3), GeneratorExit(), RecursionError()], ids=repr)
def test_exception_that_cannot_be_printed_is_named(error):
    mute = type("Mute", (Exception,), {"__str__": raising(error)})()

    assert one_line(mute) == "Mute (no message)"
    assert not out_of_memory(mute)


def test_exception_whose_text_is_no_plain_text_is_named():
    text = type("Text", (str,), {"split": lambda _self: 1 / 0, "__slots__": ()})("words")
    odd = type("Odd", (Exception,), {"__str__": lambda _self: text})()

    assert one_line(odd) == "Odd (no message)"


def test_message_of_an_exception_is_one_line_without_control_characters():
    said = one_line(ValueError(f"a\n{FORGED}\x1b[2J"))

    assert said == f"ValueError: a {FORGED}\\x1b[2J"


def test_name_of_an_exception_is_printable():
    assert controls(one_line(type("\x1b[2J", (CamctlError,), {})("x"))) == []
