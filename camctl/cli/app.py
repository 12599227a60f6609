"""The Typer app: commands, `--version`, and the first screen."""

import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer
from typer.main import get_command

from camctl.cli.commands.compare import compare
from camctl.cli.commands.demo import demo
from camctl.cli.commands.layers import layers
from camctl.cli.commands.methods import methods
from camctl.cli.commands.metrics import metrics
from camctl.cli.commands.plugins import app as plugins
from camctl.cli.commands.run import run
from camctl.cli.output.boundary import guard
from camctl.cli.output.welcome import TAGLINE, Front
from camctl.cli.parsing.lists import ListCommand
from camctl.errors import ExitCode

app = typer.Typer(name="camctl", cls=Front, invoke_without_command=True, rich_markup_mode="rich", help=TAGLINE)
for each in (run, compare, layers, methods, metrics, demo):
    app.command(cls=ListCommand)(each)
app.add_typer(plugins)


def print_versions(wanted: bool) -> None:  # noqa: FBT001 - typer calls it with the flag's value
    """Print the versions of camctl and of everything that shapes a map, and stop."""
    if not wanted:
        return
    from camctl.cli.output.screen import out
    from camctl.registry.versions import versions

    found = versions()
    width = max(map(len, found))
    for name, version in found.items():
        out().print(f"{name.ljust(width)}  {version}")
    raise typer.Exit


@app.callback()
def top(
    ctx: typer.Context,
    *,
    version: Annotated[  # noqa: ARG001 - it is answered by its callback
        bool,
        typer.Option(
            "--version",
            help="The versions of camctl and of everything that shapes a map.",
            callback=print_versions,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """What camctl does as a whole: the first screen says it."""
    if ctx.invoked_subcommand is None:
        ctx.command.format_help(ctx, ctx.make_formatter())
        raise typer.Exit(ExitCode.USAGE)  # a script that lost its command should not go on


def main(args: Sequence[str] | None = None) -> NoReturn:
    """The console script: run the command and end the process with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A label that the terminal's encoding lacks is no reason to fail.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    # Not `app()`, which would dress up tracebacks: an unexpected one is for a bug report, as Python writes it.
    sys.exit(guard(lambda: get_command(app).main(args=args, prog_name="camctl")))
