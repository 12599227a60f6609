"""Options as values: a command takes dataclasses of options, and typer sees each of their fields as an option."""

import inspect
import re
from collections.abc import Callable
from dataclasses import MISSING, Field, field, fields, is_dataclass
from functools import wraps
from shlex import quote
from typing import Annotated, Any, get_args, get_type_hints

import typer

from camctl.errors import CamctlError

Command = Callable[..., int | None]


def option(default: Any, metavar: str | None, help: str, *, shown: str = "", **declared: Any) -> Any:  # noqa: A002
    """Declare a field as an option. Its flag is its name with dashes.

    Parameters
    ----------
    default, metavar, help
        As in `typer.Option`.
    shown
        Words for a default of None in `--help`.
    declared
        Further keywords of `typer.Option`.
    """
    show_default = shown or (default is not None and default != "")
    declared = {"metavar": metavar, "help": help, "show_default": show_default} | declared
    return field(default=default, metadata={"kind": typer.Option, "declared": declared})


def switch(help: str, **declared: Any) -> Any:  # noqa: A002
    """Declare a field as a switch: its help is without the word `<bool>`, and there is no `--no-...`."""
    return option(False, "", help, **declared)


def argument(metavar: str, help: str, *, default: Any = MISSING, **declared: Any) -> Any:  # noqa: A002
    """Declare a field as an argument, which is required without a default."""
    declared = {"metavar": metavar, "help": help, "show_default": False} | declared
    return field(default=default, metadata={"kind": typer.Argument, "declared": declared})


def show_help(ctx: typer.Context, wanted: bool) -> None:  # noqa: FBT001 - typer calls it with the flag's value
    """Print the help of the command, and stop."""
    if wanted and not ctx.resilient_parsing:
        typer.echo(ctx.get_help())
        raise typer.Exit


# typer's own would import pydantic for nothing.
HELP = typer.Option("--help", metavar="", help="Show this message and exit.", is_eager=True, callback=show_help)


def command(function: Command) -> Command:
    """Return a command for typer: the dataclasses of options are expanded into their fields, and `--help` is added."""
    hints = get_type_hints(function)
    groups = {name: kind for name, kind in hints.items() if is_dataclass(kind)}
    plain = {name: kind for name, kind in hints.items() if name not in {*groups, "return"}}
    parameters = [_parameter(name, kind) for name, kind in plain.items()]
    parameters += [parameter for kind in groups.values() for parameter in _parameters(kind)]
    parameters.append(_parameter("help", Annotated[bool, HELP], default=False))

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


def flags_of(function: Command) -> dict[str, bool]:
    """Return each flag of a command, and whether it takes several values."""
    kinds = get_type_hints(function)
    return {f"--{name.replace('_', '-')}": list[str] in get_args(kind) for name, kind in kinds.items()}


def _parameters(kind: Any, panel: str | None = None) -> list[inspect.Parameter]:
    """Return the parameters for the fields of a dataclass, and of the dataclasses in it."""
    hints, panel = get_type_hints(kind), getattr(kind, "panel", panel)
    parameters = []
    for part in fields(kind):
        if is_dataclass(hints[part.name]):
            parameters += _parameters(hints[part.name], panel)
        else:
            declared = _declared(part, switch=hints[part.name] is bool, panel=panel)
            parameters.append(_parameter(part.name, Annotated[hints[part.name], declared], part.default))
    return parameters


def _declared(part: Field[Any], *, switch: bool, panel: str | None) -> Any:
    kind, declared = part.metadata["kind"], part.metadata["declared"]
    if kind is typer.Option:
        declared = {"rich_help_panel": panel} | declared
    return kind(*[f"--{part.name.replace('_', '-')}"] * switch, **declared)


def _parameter(name: str, annotation: Any, default: Any = MISSING) -> inspect.Parameter:
    default = inspect.Parameter.empty if default is MISSING else default
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _value(kind: Any, words: dict[str, Any]) -> Any:
    """Return a dataclass of options, made of the words for its fields, which are taken out."""
    hints = get_type_hints(kind)
    return kind(
        **{
            part.name: _value(hints[part.name], words) if is_dataclass(hints[part.name]) else words.pop(part.name)
            for part in fields(kind)
        }
    )


def _filled(hint: str, named: dict[str, Any]) -> str:
    """Return a hint whose commands name the user's own picture and model, so that they can be copied."""

    def fill(match: re.Match[str]) -> str:
        first = (name[0] if isinstance(name, list) else name for name in map(named.get, match[0].split()))
        return " ".join(quote(name) if name else word for name, word in zip(first, match[0].split(), strict=True))

    return re.sub(r"camctl (?:layers|run|compare)(?: IMAGE)?(?: MODEL)?", fill, hint)
