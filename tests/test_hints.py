"""Hints are data: a library's hint names no option and no command in words, so that a notebook gets its own wording."""

import ast
import re
from pathlib import Path

import pytest

import camctl
from camctl.errors import Hint, InputError

HOUSE = Path(camctl.__file__).parent

SHELL = re.compile(r"(?<!\w)--[a-z]|\bcamctl (run|compare|layers|methods|metrics|plugins|demo)\b")
"""What only a shell understands."""

COMMANDS = ("cli", "demo")
"""Rooms that speak to a shell alone: the commands, and the tour that one of them prints."""


def library_files():
    return sorted(path for path in HOUSE.rglob("*.py") if path.relative_to(HOUSE).parts[0] not in COMMANDS)


def hints(tree):
    """Expressions that become a hint: the keyword `hint`, and what is assigned to a name `hint`."""
    for node in ast.walk(tree):
        names = [node.arg] if isinstance(node, ast.keyword) else []
        if isinstance(node, ast.Assign):
            names = [name.id for name in node.targets if isinstance(name, ast.Name)]
        if "hint" in names:
            yield node.value


def shell_words(expression):
    """String literals of an expression that name an option or a command, those inside `Hint(...)` left out."""
    if isinstance(expression, ast.Call) and getattr(expression.func, "id", "") == "Hint":
        return []
    if isinstance(expression, ast.Constant):
        return [expression.value] if isinstance(expression.value, str) and SHELL.search(expression.value) else []
    return [words for child in ast.iter_child_nodes(expression) for words in shell_words(child)]


@pytest.mark.parametrize("path", library_files(), ids=lambda path: str(path.relative_to(HOUSE)))
def test_a_hint_of_the_library_names_options_as_data(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert [words for expression in hints(tree) for words in shell_words(expression)] == []


def test_a_traceback_shows_the_hint_in_python():
    error = InputError("There is no such layer.", hint=Hint("See the layers that can be used", "layers", usable=True))
    assert error.hint == "See the layers that can be used: camctl layers MODEL --usable"
    assert error.__notes__ == ["Hint: See the layers that can be used: camctl.survey(model)"]


def test_words_of_a_hint_are_quoted_for_the_shell_alone():
    hint = Hint("See", "compare", model="my net.py", target_layers=("block*.bn2", "a+b"))
    assert hint == "See: camctl compare IMAGE 'my net.py' --target-layers 'block*.bn2' a+b"
    assert hint.python == "See: camctl.compare(model, image, target_layers=('block*.bn2', 'a+b'))"


def test_bands_and_a_range_are_tuples_in_python():
    assert Hint("Show", bands="4,3,2").python == "Show: reading=camctl.Reading(bands=(4, 3, 2))"
    assert Hint("Show", bands="2").python == "Show: reading=camctl.Reading(bands=(2,))"
    assert Hint("Show", range="0:4095").python == "Show: reading=camctl.Reading(range=(0, 4095))"
