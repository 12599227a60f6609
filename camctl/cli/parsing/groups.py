"""Options as values: a command names a dataclass of options, and typer sees each of its fields as an option."""

import inspect
import re
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from functools import wraps
from shlex import quote
from typing import Annotated, Any, get_args, get_type_hints

import typer

from camctl.errors import CamctlError

Command = Callable[..., int | None]


def flag(name: str, **words: Any) -> Any:
    """A switch: without the word `<bool>` after it, and without its opposite `--no-...`."""
    return typer.Option(name, metavar="", **words)


def show_help(ctx: typer.Context, wanted: bool) -> None:  # noqa: FBT001 - typer calls it with the flag's value
    """Print the help of the command, and stop."""
    if wanted and not ctx.resilient_parsing:
        typer.echo(ctx.get_help())
        raise typer.Exit


# typer's own would be the one option that imports pydantic for nothing.
Help = Annotated[bool, flag("--help", help="Show this message and exit.", is_eager=True, callback=show_help)]


def command(function: Command) -> Command:
    """Expand the parameters of a command that are dataclasses of options, and add `--help`.

    Each field is declared as `name: Annotated[type, typer.Option(...)] = default`, or is a dataclass of options itself.
    The flag of an option is its name with dashes. The function gets the values that the fields make.
    """
    hints = get_type_hints(function, include_extras=True)
    groups = {name: kind for name, kind in hints.items() if is_dataclass(kind)}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(function).parameters.values():
        parameters += _expanded(parameter.name, hints[parameter.name], parameter.default)
    parameters += _expanded("help", Help, default=False)

    @wraps(function)
    def expanded(*, help: bool, **words: Any) -> int | None:  # noqa: A002, ARG001 - the option's name
        named = {
            "IMAGE": words.get("picture") or words.get("image"),
            "MODEL": words.get("first_model") or words.get("model"),
        }
        try:
            return function(**{name: _value(kind, words) for name, kind in groups.items()} | words)
        except CamctlError as error:
            error.hint = _filled(error.hint, named)
            raise

    expanded.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    expanded.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return expanded


def _expanded(name: str, annotation: Any, default: Any = MISSING) -> list[inspect.Parameter]:
    """Return the parameter, or those of the fields if its type is a dataclass."""
    if is_dataclass(annotation):
        hints = get_type_hints(annotation, include_extras=True)
        return [
            part for field in fields(annotation) for part in _expanded(field.name, hints[field.name], field.default)
        ]
    default = inspect.Parameter.empty if default is MISSING else default
    return [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)]


def _value(kind: Any, words: dict[str, Any]) -> Any:
    """Return a dataclass of options, made of the words for its fields, which are taken out."""
    hints = get_type_hints(kind, include_extras=True)
    return kind(
        **{
            field.name: _value(hints[field.name], words) if is_dataclass(hints[field.name]) else words.pop(field.name)
            for field in fields(kind)
        }
    )


def _filled(hint: str, named: dict[str, Any]) -> str:
    """Return a hint whose commands name the user's own picture and model, so that they can be copied."""

    def fill(match: re.Match[str]) -> str:
        words = [named.get(word) or word for word in match[0].split()]
        return " ".join(word if word in named else quote(word[0] if isinstance(word, list) else word) for word in words)

    return re.sub(r"camctl (?:layers|run|compare)(?: IMAGE)?(?: MODEL)?", fill, hint)


def flags_of(function: Command) -> dict[str, bool]:
    """Return each flag of a command, and whether it takes several values."""
    kinds = get_type_hints(function)
    return {f"--{name.replace('_', '-')}": list[str] in get_args(kind) for name, kind in kinds.items()}
