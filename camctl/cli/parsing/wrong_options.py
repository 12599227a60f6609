"""Options that a command does not have, and what people mean by them."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

from camctl.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

UNKNOWN = re.compile(r"No such option: (-[^\s.(]+)")

LIKENESS = 0.75
"""Likeness at which one option may be a slip of the pen for another."""

MEANT: Mapping[str, str] = {
    "category": "target-category",
    "class": "target-category",
    "class-idx": "target-category",
    "class-name": "target-category",
    "classes": "target-category",
    "target": "target-category",
    "target-class": "target-category",
    "target-classes": "target-category",
    "target-index": "target-category",
    "targets": "target-category",
    "k": "topk",
    "top-k": "topk",
    "layer": "target-layers",
    "layers": "target-layers",
    "target-layer": "target-layers",
    "algorithm": "method",
    "cam": "method",
    "cam-method": "method",
    "methods": "method",
    "metric": "metrics",
    "o": "save-path",
    "out": "save-path",
    "out-dir": "save-path",
    "out-file": "save-path",
    "output-dir": "save-path",
    "output-file": "save-path",
    "output-path": "save-path",
    "save": "save-path",
    "save-dir": "save-path",
    "class-names": "labels",
    "names": "labels",
    "cuda": "device",
    "gpu": "device",
    "use-cuda": "device",
    "alpha": "opacity",
    "cmap": "colormap",
    "options": "cfg-options",
    "random": "random-weights",
}
"""Option of other tools, without dashes -> camctl's."""

POSITIONS: Mapping[str, str] = {
    "ckpt": "CHECKPOINT",
    "checkpoint": "CHECKPOINT",
    "config": "MODEL",
    "image": "IMAGE",
    "images": "IMAGE",
    "img": "IMAGE",
    "input": "IMAGE",
    "model": "MODEL",
    "picture": "IMAGE",
}
"""Option of other tools, without dashes -> the argument that stands without one."""

ARGUMENTS = {
    "run": "IMAGE MODEL [CHECKPOINT]",
    "compare": "IMAGE MODEL [CHECKPOINT]",
    "layers": "MODEL [CHECKPOINT]",
}
"""Command -> its arguments."""

EXAMPLES = {
    "run": "camctl run photo.jpg imagenet:lite0",
    "compare": "camctl compare photo.jpg imagenet:lite0",
    "layers": "camctl layers demo:vit",
}
"""Command -> the shortest that works."""


INVALID = re.compile(r"Invalid value for '(?P<flag>[^'\s]+)[^']*': (?:Value error, )?(?P<why>.*)")
"""How typer begins a message on an option's value."""

CHOICE = re.compile(r"'(?P<value>.*)' is not one of (?P<choices>.*?)\.?")

WHY = {
    re.compile(r"Input should be a valid integer.*"): "takes a whole number",
    re.compile(r"Input should be a valid number.*"): "takes a number",
    re.compile(r"Input should be greater than or equal to (\S+?)\.?"): r"takes a number of \1 or more",
    re.compile(r"Input should be less than or equal to (\S+?)\.?"): r"takes a number of \1 or less",
    re.compile(r"'.*' is not a valid integer.*"): "takes a whole number",
    re.compile(r"'.*' is not a valid float.*"): "takes a number",
    re.compile(r"\S+ is not in the range x>=(\S+?)\.?"): r"takes a number of \1 or more",
    re.compile(r"\S+ is not in the range x<=(\S+?)\.?"): r"takes a number of \1 or less",
    re.compile(r"\S+ is not in the range (\S+?)<=x<=(\S+?)\.?"): r"takes a number from \1 to \2",
}
"""What pydantic, or an older typer, says of a value -> what an option says, in its place."""


def form(command: str) -> str:
    """Return what a command looks like, with an example; empty for one that is not among `ARGUMENTS`."""
    if command not in ARGUMENTS:
        return ""
    return f"Write camctl {command} {ARGUMENTS[command]}, such as: {EXAMPLES[command]}."


def invalid(message: str, hint: str) -> InputError | None:
    """Return the error for a value that an option cannot have; None for another message of typer.

    Examples
    --------
    >>> invalid("Invalid value for '--topk': Input should be greater than or equal to 1", "").message
    '--topk takes a number of 1 or more.'
    >>> invalid("Invalid value for '--dpi': 9 is not in the range 30<=x<=2400.", "").message
    '--dpi takes a number from 30 to 2400.'
    """
    match = INVALID.fullmatch(message)
    if match is None:
        return None
    flag, why = match["flag"], match["why"]
    if choice := CHOICE.fullmatch(why):
        choices = re.findall(r"'([^']*)'", choice["choices"])
        kind = flag.lstrip("-").replace("-", " ")
        return UnknownNameError(kind, choice["value"], choices, hint=f"{flag} takes: {', '.join(choices)}. {hint}")
    for pattern, words in WHY.items():
        if found := pattern.fullmatch(why):
            return InputError(f"{flag} {found.expand(words)}.", hint=hint)
    return InputError(f"{flag}: {why}" if why.endswith((".", "?", ")")) else f"{flag}: {why}.", hint=hint)


def meant(
    option: str, command: str, flags: Collection[str], others: Callable[[], Mapping[str, Collection[str]]]
) -> str:
    """Return what the user of a command may have meant by an option that it lacks; empty if nothing is known.

    `flags` are the command's; `others` returns those of all commands.

    Examples
    --------
    >>> meant("--class", "run", ["--target-category", "--topk"], dict)
    'Use --target-category.'
    """
    name = option.lstrip("-").replace("_", "-").casefold()
    if (flag := f"--{MEANT.get(name, '')}") in flags:
        return f"Use {flag}."
    if name in POSITIONS and POSITIONS[name] in ARGUMENTS.get(command, ""):
        return f"{POSITIONS[name]} is given without an option, as in: camctl {command} {ARGUMENTS[command]}."
    if holders := [other for other, own in others().items() if f"--{name}" in own]:
        return f"It is an option of camctl {' and camctl '.join(holders)}."
    begun = [flag for flag in flags if flag.startswith(f"--{name}")] if name else []
    close = begun or get_close_matches(f"--{name}", flags, n=3, cutoff=LIKENESS)
    return f"Did you mean {' or '.join(close)}?" if close else ""
