"""Options as values: a command takes dataclasses of options, and typer sees each of their fields as an option."""

import inspect
import re
import sys
from collections.abc import Callable, Iterable
from contextlib import redirect_stdout
from dataclasses import MISSING, field, fields, is_dataclass
from functools import partial, wraps
from io import StringIO
from shlex import quote
from typing import Annotated, Any, get_args, get_type_hints

import typer

from camctl.cli.output.sink import unpadded, writing
from camctl.errors import CamctlError

Command = Callable[..., int | None]


def option(metavar: str | None, default: Any = None, *, shown: str = "", **declared: Any) -> Any:
    """Declare a field as an option, whose flag is its name with dashes; keywords are those of `typer.Option`.

    A long help stands in the docstring of the class, as `name: text`. `shown` are words for a default of None.
    """
    declared = {"metavar": metavar, "show_default": shown or default is not None} | declared
    return field(default=default, metadata={"kind": typer.Option, "declared": declared})


def switch(**declared: Any) -> Any:
    """Declare a field as a switch: its help is without the word `<bool>`, and there is no `--no-...`."""
    return option("", default=False, show_default=False, **declared)


def argument(metavar: str, default: Any = MISSING, **declared: Any) -> Any:
    """Declare a field as an argument, which is required without a default."""
    declared = {"metavar": metavar, "show_default": False} | declared
    return field(default=default, metadata={"kind": typer.Argument, "declared": declared})


def _show_help(ctx: typer.Context, wanted: bool) -> None:  # noqa: FBT001 - typer calls it with the flag's value
    if wanted and not ctx.resilient_parsing:
        with writing():
            try:
                typer.echo(_help_of(ctx))
            except SystemExit:  # rich's answer to a closed pipe
                raise BrokenPipeError from None
        raise typer.Exit


def _help_of(ctx: typer.Context) -> str:
    """Return the help, which typer may print itself instead; for a pipe, without the blanks that fill its lines."""
    if sys.stdout.isatty():
        return ctx.get_help()
    with redirect_stdout(StringIO()) as printed:
        returned = ctx.get_help()
    return unpadded(printed.getvalue() + returned)


# typer's own would import pydantic for nothing.
HELP = typer.Option("--help", "-h", metavar="", help="Show this message and exit.", is_eager=True, callback=_show_help)


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
    return {_flag(name): list[str] in get_args(kind) for name, kind in kinds.items()}


def words_of(group: Any) -> list[str]:
    """Return the options of a group that differ from their defaults, as words of a command line."""
    words: list[str] = []
    for part in fields(group):
        value = getattr(group, part.name)
        if is_dataclass(value):
            words += words_of(value)
        elif part.metadata["kind"] is typer.Option and value != part.default:
            values = value if isinstance(value, list) else [] if value is True else [value]
            words += [_flag(part.name), *map(str, values)]
    return words


def quicken(commands: Iterable[Any]) -> None:
    """Let the parameters of these commands read texts without pydantic, which typer 0.29 imports for all but switches.

    The method that is replaced is not public. A typer that lacks it starts as it does without this.
    """
    for command in commands:
        quicken(getattr(command, "commands", {}).values())
        for param in command.params:
            if reader := getattr(param, "get_runtime_param", None):
                param.get_runtime_param = partial(_Quick, reader)


class _Quick:
    """Reads texts and defaults itself, and leaves all else to typer."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the value as its annotation wants it."""
        annotation = getattr(getattr(param, "type_descriptor", None), "annotation", None)
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        if annotation is str and isinstance(value, str):
            return value
        if annotation == list[str] and isinstance(value, list | tuple):
            return list(value)
        # A default already has the right type.
        if type(value) is type(param.default) and value == param.default:
            return value
        return self._reader().coerce(value, param=param, ctx=ctx)


def _parameters(kind: Any, panel: str | None = None) -> list[inspect.Parameter]:
    """Return the parameters for the fields of a dataclass, and of the dataclasses in it."""
    hints, texts, panel = get_type_hints(kind), _texts(kind), getattr(kind, "panel", panel)
    parameters = []
    for part in fields(kind):
        hint = hints[part.name]
        if is_dataclass(hint):
            parameters += _parameters(hint, panel)
            continue
        declare, declared = part.metadata["kind"], {"help": texts.get(part.name)} | part.metadata["declared"]
        if declare is typer.Option:
            # Explicit: typer 0.27.2 makes `--` of the name `device`, and all versions add `--no-...` to a switch.
            declare = partial(declare, _flag(part.name), rich_help_panel=declared.pop("rich_help_panel", panel))
        parameters.append(_parameter(part.name, Annotated[hint, declare(**declared)], part.default))
    return parameters


def _texts(kind: type) -> dict[str, str]:
    docs = "\n".join(inspect.cleandoc(parent.__doc__ or "") for parent in reversed(kind.__mro__))
    texts = re.findall(r"^(\w+): (.+(?:\n    .+)*)", docs, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in texts}


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


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
