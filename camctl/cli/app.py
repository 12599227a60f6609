"""From the words of the command line to a command, an exit code, and what typer is asked in between."""

import os
import sys
from collections.abc import Sequence
from inspect import getdoc
from typing import NoReturn

import typer

from camctl.cli.commands.compare import compare
from camctl.cli.commands.demo import demo
from camctl.cli.commands.layers import layers
from camctl.cli.commands.listings import methods, metrics
from camctl.cli.commands.plugins import check, new, plugins
from camctl.cli.commands.run import run
from camctl.cli.output import sink, welcome
from camctl.cli.output.boundary import guard, usage_in_words
from camctl.cli.parsing.groups import command, flags_of
from camctl.cli.parsing.quick import quicken
from camctl.cli.parsing.words import respell, spread
from camctl.errors import ExitCode, InputError, UnknownNameError

COMMANDS = {
    function.__name__: command(function) for function in (run, compare, layers, methods, metrics, demo, plugins)
}
OF_PLUGINS = {function.__name__: command(function) for function in (check, new)}

COMPLETION = ("--install-completion", "--show-completion")


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command and end the process with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A label that the terminal's encoding lacks is no reason to fail.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    words = list(sys.argv[1:] if args is None else args)
    sys.exit(guard(lambda: _run(words)))


def _run(words: list[str]) -> int | None:
    first = words[0] if words else ""
    if "_CAMCTL_COMPLETE" in os.environ or first in COMPLETION:
        return _ask_typer(words, completion=True)
    if first in {"", "--help"}:
        console = sink.stdout()
        console.width = min(console.width, welcome.WIDEST)
        for part in welcome.first_screen({name: getdoc(function) or "" for name, function in COMMANDS.items()}):
            console.print(part)
        return ExitCode.DONE if first else ExitCode.USAGE  # a script that lost its command should not go on
    if first == "--version":
        return _print_versions()
    if first.startswith("-"):
        raise InputError(f"No such option: {first}.", hint="See: camctl --help")
    if first not in COMMANDS:
        raise UnknownNameError("command", first, COMMANDS, hint="See: camctl --help")
    nested = OF_PLUGINS.get(words[1]) if first == "plugins" and len(words) > 1 else None
    name = " ".join(words[: 2 if nested else 1])
    hint = f"See: camctl {name} --help"
    flags = flags_of(nested or COMMANDS[first])
    spelt = spread(respell(words, flags), flags, hint=hint)
    # A list may have taken the argument that is missing.
    listed = any(flags.get(word.partition("=")[0]) for word in spelt)
    missing = "It goes before options that take several values, or after a --." if listed else ""
    with usage_in_words(hint, missing=missing):
        return _ask_typer(spelt)


def _ask_typer(words: list[str], *, completion: bool = False) -> int | None:
    """Let typer read the words and call the command; returns what the command returns, or its exit code."""
    # typer's own --help is left out: see `groups.Help`.
    app = typer.Typer(
        add_completion=completion,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": []},
    )
    app.callback()(_quick_start)
    for name, function in COMMANDS.items():
        if name != "plugins":
            app.command(name)(function)
    group = typer.Typer(name="plugins", invoke_without_command=True, rich_markup_mode="rich")
    group.callback()(COMMANDS["plugins"])
    for name, function in OF_PLUGINS.items():
        group.command(name)(function)
    app.add_typer(group)
    # Not in standalone mode, in which it would print errors in boxes of its own.
    code: int | None = app(words, prog_name="camctl", standalone_mode=False)
    return code


def _quick_start(ctx: typer.Context) -> None:
    quicken(getattr(ctx.command, "commands", {}).values())


def _print_versions() -> ExitCode:
    """Print the versions of camctl and of everything that shapes a map."""
    from camctl.registry.versions import versions

    found = versions()
    width = max(map(len, found))
    for name, version in found.items():
        sink.stdout().print(f"{name.ljust(width)}  {version}")
    return ExitCode.DONE
