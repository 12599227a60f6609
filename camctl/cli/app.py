"""From the words of the command line, spelt as typer knows them, to a command and an exit code."""

import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

from camctl.cli import process
from camctl.cli.output import sink
from camctl.cli.output.boundary import guard, usage_in_words
from camctl.errors import ExitCode, Hint, InputError, UnknownNameError

if TYPE_CHECKING:
    from camctl.cli.parsing.groups import Command

# The first screen and the versions need no typer, which takes half of the time to start.

COMMANDS = {
    "run": "run",
    "compare": "compare",
    "review": "review",
    "layers": "layers",
    "methods": "listings",
    "metrics": "listings",
    "demo": "demo",
    "plugins": "plugins",
}
"""Command -> its file in `commands/`, which is imported when it is needed."""

OF_PLUGINS = {"check": "plugins", "new": "new_plugin"}
"""The same for what follows `camctl plugins`."""

COMPLETION = ("--install-completion", "--show-completion")

ALONE = {"--classes": "", "--contours": "0.25,0.5,0.75", "--metrics": "all", "--versus": "auto"}
"""Flag that may stand without a value -> the value that it then means."""


def main(words: list[str], call: process.Call) -> int:
    """Run the command, by `call`, and return its exit code."""
    process.mend_streams()
    process.mend_sizes()
    Hint.shell, others = True, Hint.shell
    process.TYPED.set(tuple(words))
    try:
        code = guard(lambda: call(lambda: _run(words)))
    finally:
        Hint.shell = others
        lost = process.flush()
    return code or lost


def _run(words: list[str]) -> int | None:
    first = words[0] if words else ""
    if "_CAMCTL_COMPLETE" in os.environ or first in COMPLETION:
        with suppress(KeyError, ValueError):  # a shell gives the words before the cursor; anybody else gets nothing
            return _complete(words)
        return ExitCode.USAGE
    if first in {"", "--help", "-h"}:
        from camctl.cli.output import welcome

        console = sink.stdout()
        console.width = min(console.width, welcome.WIDEST)
        console.print(*welcome.first_screen(), sep="")
        return ExitCode.DONE
    if first == "--version":
        return _print_versions(sink.Sink(json="--json" in words))
    if first.startswith("-"):
        raise InputError(f"No such option: {first}.", hint="See: camctl --help")
    if first not in COMMANDS:
        raise UnknownNameError("command", first, COMMANDS, hint="See: camctl --help")
    from camctl.cli.parsing.groups import flags_of
    from camctl.cli.parsing.wrong_options import form, meant

    name = words[1] if first == "plugins" and len(words) > 1 and words[1] in OF_PLUGINS else first
    hint = f"See: camctl {first if name == first else f'{first} {name}'} --help"
    flags = flags_of(_command(name))
    spelt = spread(respell(words, flags), flags, hint=hint)
    # A list may have taken the argument that is missing.
    listed = any(flags.get(word.partition("=")[0]) for word in spelt)
    missing = "It goes before options that take several values, or after a --." if listed else ""
    missing = " ".join(filter(None, (missing, form(name))))
    if not {"--help", "-h"} & set(spelt):
        process.check_folder()

    def others() -> dict[str, dict[str, bool]]:
        return {other: flags_of(_command(other)) for other in COMMANDS}

    with usage_in_words(hint, missing=missing, meant=lambda option: meant(option, name, flags, others)):
        return _ask_typer(spelt, [first])


def _complete(words: list[str]) -> int | None:
    """Print what a shell asks for: its script, or what completes the words before the cursor."""
    from camctl.cli.parsing import bash_words

    def ask() -> int | None:
        return _ask_typer(words, COMMANDS, completion=True)

    return bash_words.answer(ask) if os.environ.get("_CAMCTL_COMPLETE") == "complete_bash" else ask()


def _ask_typer(words: list[str], names: Collection[str], *, completion: bool = False) -> int | None:
    """Let typer read the words and call one of the commands named; returns what it returns, or its exit code."""
    import typer

    from camctl.cli.parsing.groups import quicken

    def quick_start(ctx: typer.Context) -> None:
        quicken(getattr(ctx.command, "commands", {}).values())

    # typer's own --help is left out: see `groups.HELP`.
    app = typer.Typer(
        add_completion=completion,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": []},
    )
    app.callback()(quick_start)
    for name in names:
        if name == "plugins":
            group = typer.Typer(name=name, invoke_without_command=True, rich_markup_mode="rich")
            group.callback()(_command(name))
            for nested in OF_PLUGINS:
                group.command(nested)(_command(nested))
            app.add_typer(group)
        else:
            app.command(name)(_command(name))
    # Not in standalone mode, in which it would print errors in boxes of its own.
    code: int | None = app(words, prog_name="camctl", standalone_mode=False)
    return code


def _command(name: str) -> "Command":
    from camctl.cli.parsing.groups import command

    file = (COMMANDS | OF_PLUGINS)[name]
    return command(getattr(import_module(f"camctl.cli.commands.{file}"), name))


def _print_versions(out: sink.Sink) -> ExitCode:
    """Print the versions of camctl and of everything that shapes a map."""
    from camctl.registry.versions import versions

    found = versions()
    width = max(map(len, found))
    out.data({"versions": found})
    out.show(*(f"{name:{width}}  {version}" for name, version in found.items()))
    return ExitCode.DONE


def respell(words: Sequence[str], known: Collection[str]) -> list[str]:
    """`--two_words` -> `--two-words`, if the latter is a known flag; nothing is changed after `--`."""
    end = list(words).index("--") if "--" in words else len(words)
    spelt = []
    for word in words[:end]:
        flag, equals, value = word.partition("=")
        dashed = flag.replace("_", "-")
        spelt.append(dashed + equals + value if dashed in known else word)
    return [*spelt, *words[end:]]


def spread(words: Sequence[str], flags: Mapping[str, bool], *, hint: str = "") -> list[str]:
    """`--flag A B` -> `--flag=A --flag=B`, for each flag that takes several values.

    Values end at the next word that starts with `-`, or at `--`. Raises `InputError`, with the hint, for a flag without
    a value that is not in `ALONE`.
    """
    spelt: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return [*spelt, word, *rest]
        if not flags.get(word):
            spelt.append(word)
            continue
        values: list[str] = []
        while rest and not rest[0].startswith("-"):
            values.append(rest.pop(0))
        # A class index may be wrong and negative: that is for the model to say.
        if not values and rest and rest[0][1:].isdecimal():
            values.append(rest.pop(0))
        if not values and word not in ALONE:
            raise InputError(f"{word} needs at least one value.", hint=hint)
        spelt.extend(f"{word}={value}" for value in values or [ALONE[word]])
    return spelt
