"""Options as values: what typer sees of a dataclass of options, and what the command gets."""

import inspect
from dataclasses import dataclass
from typing import Annotated, get_origin

import pytest
import typer

from camctl.cli.parsing.groups import argument, command, flags_of, option, switch
from camctl.errors import Hint, InputError


@dataclass(frozen=True, kw_only=True)
class Inner:
    loud: bool = switch(help="Say it loudly.")


@dataclass(frozen=True, kw_only=True)
class Outer:
    """Options of a command.

    image: The picture, whose help
        takes two lines.
    """

    image: str = argument("IMAGE")
    model: list[str] | None = option("MODEL...")
    two_words: int = option("N", 3)
    inner: Inner


def talk(options: Outer) -> None:
    """Say something."""
    raise InputError(str(options), hint=Hint("See the layers", "layers", usable=True))


def test_fields_are_options_in_their_order_and_help_is_the_last():
    parameters = inspect.signature(command(talk)).parameters

    assert list(parameters) == ["image", "model", "two_words", "loud", "help"]
    assert all(get_origin(parameter.annotation) is Annotated for parameter in parameters.values())


def test_long_help_stands_in_the_docstring(capsys):
    app = typer.Typer(add_completion=False)
    app.command()(command(talk))
    app(["--help"], standalone_mode=False)

    assert "The picture, whose help takes two lines." in " ".join(capsys.readouterr().out.split())


def test_command_gets_the_value_that_the_fields_make():
    with pytest.raises(InputError) as raised:
        command(talk)(image="a", model=["b c"], two_words=4, loud=True, help=False)

    assert raised.value.message == str(Outer(image="a", model=["b c"], two_words=4, inner=Inner(loud=True)))


def test_hint_names_the_model_of_the_user():
    with pytest.raises(InputError) as raised:
        command(talk)(image="a", model=["b c"], two_words=4, loud=True, help=False)

    assert raised.value.hint == "See the layers: camctl layers 'b c' --usable"


def test_flags_say_whether_they_take_several_values():
    flags = flags_of(command(talk))

    assert (flags["--model"], flags["--two-words"], flags["--loud"]) == (True, False, False)
