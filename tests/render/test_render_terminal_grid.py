"""A comparison shows in any terminal, says what each map is worth, and is never wider than the terminal."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from camctl.render.terminal import grid as terminal_grid
from camctl.render.terminal import picture as terminal
from camctl.render.terminal.grid import NARROWEST, show_grid
from camctl.render.terminal.picture import SHADES
from tests.comparisons import comparison, without_map, worthless_map


def console(width=100, height=50, encoding="utf-8", **options):
    options = {"force_terminal": True, "color_system": "truecolor", "no_color": False} | options
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\n")
    return Console(file=file, width=width, height=height, _environ={"TERM": "xterm"}, **options)


def drawn(whole, look=None, **options):
    """What the terminal shows, without its colours."""
    target = console(**options)
    show_grid(whole, target, **(look or {}))
    target.file.seek(0)
    return Text.from_ansi(target.file.read()).plain


def test_methods_stand_side_by_side_under_their_headings():
    lines = drawn(comparison()).splitlines()
    heading = next(line for line in lines if "GradCAM" in line)
    assert heading.split() == ["picture", "GradCAM", "LayerCAM", "EigenCAM"]
    row = next(line for line in lines if "▀" in line)
    assert [len(part) for part in row.split()] == [23, 23, 23, 23]


@pytest.mark.parametrize("width", [200, 100, 60, 40, 20, 8, 1])
@pytest.mark.parametrize("options", [{}, {"no_color": True}])
def test_nothing_is_wider_than_the_terminal(width, options):
    wide = comparison(labels={"method": ["日本語の方法" * 3, "b", "c"]})
    whole = without_map(worthless_map(wide, {"method": 0}), {"method": 1}, "It needs gradients.")
    text = drawn(whole, {"columns": ("class", "method")}, width=width, **options)
    assert max(cell_len(line) for line in text.splitlines()) <= width


def test_columns_that_do_not_fit_follow_below_with_their_headings():
    text = drawn(comparison(), width=2 * NARROWEST + 2)
    lines = text.splitlines()
    first = next(number for number, line in enumerate(lines) if "GradCAM" in line)
    second = next(number for number, line in enumerate(lines) if "LayerCAM" in line)
    assert second > first + NARROWEST // 2
    assert "EigenCAM" in lines[second]
    assert text.count("cat") == 2


def test_pictures_get_a_row_of_their_own_where_images_run_across():
    whole = comparison(seeds=(6_700_024, 6_702_026), methods=("GradCAM",), targets=("cat",))
    lines = drawn(whole, {"columns": ("image",)}, height=20).splitlines()
    blocks = "".join("#" if "▀" in line else " " for line in lines).split()
    assert len(blocks) == 3
    assert blocks[0] == blocks[1]
    assert blocks[2] == "#"  # the colour bar


@pytest.mark.parametrize("options", [{"no_color": True}, {"color_system": None}])
def test_without_colour_heat_is_told_by_letters(options):
    text = drawn(comparison(methods=("GradCAM",), targets=("cat",)), **options)
    assert "▀" not in text
    assert SHADES[-1] in text
    assert SHADES[-3] in text


def test_names_cannot_steer_the_terminal_nor_be_read_as_markup():
    target = console()
    show_grid(comparison(labels={"class": ["\x1b[2J[red]cat[/red]", "dog"]}), target)
    target.file.seek(0)
    sent = target.file.read()
    assert "\x1b[2J" not in sent
    assert "[red]cat[/red]" in sent


def test_a_terminal_of_ascii_gets_ascii():
    whole = without_map(comparison(labels={"class": ["猫", "Ångström"]}), {}, "It failed.")
    text = drawn(whole, encoding="ascii")
    assert text.isascii()
    assert "?ngstr?m" in text


class Graphics:
    """What a terminal with graphics of its own would draw."""

    shown: tuple = ()

    def __init__(self, image, width, height):
        type(self).shown = (*type(self).shown, (image.size, width, height))

    def __rich__(self):
        return "<picture>"


@pytest.fixture
def graphics(monkeypatch):
    monkeypatch.setattr(Graphics, "shown", ())
    monkeypatch.setattr(terminal, "graphics", lambda _console: Graphics)
    monkeypatch.setattr(terminal_grid, "graphics", lambda _console: Graphics)
    return Graphics


def test_a_terminal_with_graphics_shows_the_figure_itself(graphics):
    text = drawn(comparison())
    assert "▀" not in text
    ((size, width, _),) = graphics.shown
    assert size[0] > 600
    assert width <= 100


def test_a_figure_higher_than_the_terminal_comes_in_pages(graphics):
    drawn(comparison(models=("resnet", "vit")), height=24)
    assert len(graphics.shown) > 1


def test_a_terminal_with_graphics_too_narrow_to_read_them_gets_half_blocks(graphics):
    assert "▀" in drawn(comparison(), width=20)
    assert not graphics.shown
