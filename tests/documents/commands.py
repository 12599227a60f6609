"""The reference of the commands: every argument and option, in the groups of `--help`."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import typer

from camctl.cli.app import COMMANDS, OF_PLUGINS, _command

HEADER = """# Commands

Each command shows the same with `--help`. Options accept both spellings, `--save-path` and `--save_path`, and several
values after one flag: `--method GradCAM LayerCAM`. An argument goes before such a list, or after `--`.
"""


def page() -> str:
    """Return the page as Markdown."""
    names = [*COMMANDS, *(f"plugins {name}" for name in OF_PLUGINS)]
    return "\n".join([HEADER, *map(_section, sorted(names, key=_place))])


def _place(name: str) -> tuple[int, str]:
    return list(COMMANDS).index(name.split(maxsplit=1)[0]), name


def _section(name: str) -> str:
    app = typer.Typer(add_completion=False, context_settings={"help_option_names": []})
    app.command(name.rsplit(maxsplit=1)[-1])(_command(name.rsplit(maxsplit=1)[-1]))
    command = typer.main.get_command(app)
    shown = [param for param in command.params if not getattr(param, "hidden", False) and param.name != "help"]
    arguments = [param for param in shown if param.param_type_name == "argument"]
    usage = " ".join(["camctl", name, *(_usage(param) for param in arguments)])
    parts = [f"## camctl {name}", f"`{usage}`", _words(command.help)]
    if arguments:
        parts.append(_table("argument", arguments))
    options = [param for param in shown if param.param_type_name != "argument"]
    panels = dict.fromkeys(param.rich_help_panel for param in options)
    parts += [_table(panel or "option", [o for o in options if o.rich_help_panel == panel]) for panel in panels]
    return "\n\n".join(parts) + "\n"


def _usage(param: Any) -> str:
    return param.metavar if param.required else f"[{param.metavar}]"


def _table(title: str, params: list[Any]) -> str:
    rows = [f"| {title} | |", "|---|---|"]
    for param in params:
        name = (
            param.metavar if param.param_type_name == "argument" else " ".join([param.opts[0], _value(param)]).strip()
        )
        rows.append(f"| `{name.replace('|', chr(92) + '|')}` | {_cell(param.help or '')}{_default(param)} |")
    return "\n".join(rows)


def _value(param: Any) -> str:
    return (param.metavar or ("" if param.is_flag else "TEXT")).replace(chr(92), "")


def _default(param: Any) -> str:
    if isinstance(param.show_default, str) and param.show_default:
        return f" *Default: {_cell(param.show_default)}.*"
    if param.show_default and param.default not in (None, False, ()):
        return f" *Default: {_cell(str(getattr(param.default, 'value', param.default)))}.*"
    return ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("\\[", "[").replace("|", "\\|")


def _words(text: str | None) -> str:
    """Return a command's help; lines that are commands become one block."""
    paragraphs = [" ".join(part.split()) for part in (text or "").replace("\b", "").replace("\\[", "[").split("\n\n")]
    blocks = []
    for are_commands, group in groupby(paragraphs, lambda line: line.startswith("camctl ")):
        lines = list(group)
        blocks += ["\n".join(["```bash", *lines, "```"])] if are_commands else lines
    return "\n\n".join(blocks)
