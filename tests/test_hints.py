"""Hints are data: a library's hint names no option and no command in words, so that a notebook gets its own wording."""

import ast
import re
from pathlib import Path

import pytest

import camctl
from camctl.errors import Hint, InputError, UnknownNameError

HOUSE = Path(camctl.__file__).parent

SHELL = re.compile(r"(?<!\w)--[a-z]|\bcamctl (run|compare|layers|methods|metrics|plugins|demo)\b")
"""What only a shell understands."""

COMMANDS = ("cli", "demo", "testing")
"""Rooms that speak to a shell alone: the commands, the tour that one of them prints, and the checks of a plugin."""

OTHERS = re.compile(r"\bpip (un)?install\b|^:root ")
"""Texts that are for another program: pip, or a browser."""


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


@pytest.mark.parametrize("path", library_files(), ids=lambda path: str(path.relative_to(HOUSE)))
def test_every_text_of_the_library_names_options_as_data(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)]
    for docstring in texts:
        docstring.value = ast.Constant(None)
    assert [words for words in shell_words(tree) if path.name != "errors.py" and not OTHERS.search(words)] == []


def test_a_traceback_shows_the_hint_in_python():
    error = InputError("There is no such layer.", hint=Hint("See the layers that can be used", "layers", usable=True))
    assert error.hint == "See the layers that can be used: camctl layers MODEL --usable"
    assert error.__notes__ == ["Hint: See the layers that can be used: camctl.survey(model)"]


def test_words_of_a_hint_are_quoted_for_the_shell_alone():
    hint = Hint("See", "compare", model="my net.py", target_layers=("block*.bn2", "a+b"))
    assert hint == "See: camctl compare IMAGE 'my net.py' --target-layers 'block*.bn2' a+b"
    assert hint.python == "See: camctl.compare(model, image, target_layers=('block*.bn2', 'a+b'))"


def test_a_hint_printed_in_python_speaks_python_and_in_a_command_the_shell(monkeypatch):
    hint = Hint("For another", head="kind")
    assert (str(hint), f"{hint}", repr((hint,))) == (
        "For another: camctl.load(model, head='kind')",
        "For another: camctl.load(model, head='kind')",
        "(\"For another: camctl.load(model, head='kind')\",)",
    )
    monkeypatch.setattr(Hint, "shell", True)
    assert (str(hint), f"{hint}") == ("For another: --head kind",) * 2


def test_options_of_loading_are_keywords_of_load_and_the_others_are_not():
    assert Hint("x", head="b", topk=2).python == "x: camctl.load(model, head='b'), targets=camctl.Classes(topk=2)"
    assert Hint("x", "run", labels="FILE").python == "x: camctl.explain(camctl.load(model, labels=FILE), image)"
    assert Hint("x", cfg_options="a.b=N").python == "x: camctl.load(model, cfg_options={'a.b': N})"


def test_a_name_close_to_a_known_one_keeps_the_wording_of_its_hint():
    error = UnknownNameError("head", "knid", ["kind"], hint=Hint("For another", head="kind"))
    assert error.hint == "Did you mean kind? For another: --head kind"
    assert error.__notes__ == ["Hint: Did you mean kind? For another: camctl.load(model, head='kind')"]


def test_bands_and_a_range_are_tuples_in_python():
    assert Hint("Show", bands="4,3,2").python == "Show: reading=camctl.Reading(bands=(4, 3, 2))"
    assert Hint("Show", bands="2").python == "Show: reading=camctl.Reading(bands=(2,))"
    assert Hint("Show", range="0:4095").python == "Show: reading=camctl.Reading(range=(0, 4095))"
