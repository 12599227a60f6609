"""Errors in the user's words: one root class, a message, a hint as data, and the table of exit codes."""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from difflib import get_close_matches
from enum import IntEnum
from shlex import quote
from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

LONGEST_QUOTE = 200
"""Maximum length of a quoted message of another library."""


class ExitCode(IntEnum):
    """Exit codes of the command line."""

    DONE = 0
    FAILED = 1
    """The work failed, or a part of it, although the request was correct."""
    USAGE = 2
    """A wrong option, picture, model, checkpoint, layer or class."""
    PLUGIN = 3
    NOT_OK = 4
    """A verdict is not `ok`, with `--strict`; a check of a model failed."""
    DRIFTED = 5
    """A map no longer correlates with its predecessor in `--baseline`."""
    INTERRUPTED = 130
    BROKEN_PIPE = 141
    """Whoever read the output went away, as `head` does."""


class Hint(str):
    """The next step to try: a sentence, and the command or options that do it.

    Its letters are worded for the shell. Printed, formatted or shown by Python it is worded for a notebook (`python`),
    unless the command line speaks (`shell`).

    Parameters
    ----------
    text
        A sentence in the imperative. With a command or options it ends without a full stop.
    command
        A command of camctl, such as `layers`.
    model
        The model that the command is for.
    options
        Options as Python keywords; True stands for a flag, a tuple for several values.

    Examples
    --------
    >>> hint = Hint("See the layers that can be used", "layers", usable=True)
    >>> hint == "See the layers that can be used: camctl layers MODEL --usable"
    True
    >>> print(hint)
    See the layers that can be used: camctl.survey(model)
    >>> print(Hint("Ask for fewer", topk=3))
    Ask for fewer: targets=camctl.Classes(topk=3)
    >>> print(Hint("For another", head="kind"))
    For another: camctl.load(model, head='kind')
    """

    __slots__ = ("python",)

    shell: ClassVar[bool] = False
    """Whether hints are printed and formatted for the shell: the command line sets it while it runs."""

    CALLS: ClassVar[dict[str, str]] = {
        "layers": "camctl.survey(model)",
        "layers --check": "camctl.check(model)",
        "run": "camctl.explain(model, image{})",
        "compare": "camctl.compare(model, image{})",
    }
    """Command -> the call that does the same in Python; other commands are named as they are."""

    KEYWORDS: ClassVar[dict[str, str]] = {
        "method": "methods={}",
        "target_category": "targets={}",
        "topk": "targets=camctl.Classes(topk={})",
        "versus": "targets=camctl.Classes(versus={})",
        "threshold": "targets=camctl.Classes(threshold={})",
        "aug_smooth": "smooth='aug'",
        "adapter": "family=camctl.Family(adapter={})",
        "vit_like": "family=camctl.Family(vit_like={})",
        "num_extra_tokens": "family=camctl.Family(num_extra_tokens={})",
        "call": "family=camctl.Family(call={})",
        "bands": "reading=camctl.Reading(bands={})",
        "range": "reading=camctl.Reading(range={})",
        "metrics": "evaluation=camctl.Evaluation(metrics={})",
        "box": "evaluation=camctl.Evaluation(boxes=({}))",
        "sanity": "evaluation=camctl.Evaluation(sanity={})",
    }
    """Option -> the keyword that does the same in Python, if it has another name or place there."""

    LOADING: ClassVar[frozenset[str]] = frozenset(
        (
            "cfg_options",
            "device",
            "head",
            "labels",
            "output",
            "precision",
            "random_weights",
            "seed",
            "trust_checkpoint",
            "weights",
        )
    )
    """Options that are keywords of `camctl.load` in Python."""

    python: str
    """The same step in Python."""

    def __new__(cls, text: str, command: str = "", *, model: str = "MODEL", **options: Any) -> Self:  # noqa: D102 - see the class
        flags = "".join(f" --{name.replace('_', '-')}{_words(value)}" for name, value in options.items())
        keywords = {
            name: _keyword(name, cls.KEYWORDS.get(name, f"{name}={{}}"), value) for name, value in options.items()
        }
        loading = ", ".join(keywords.pop(name) for name in options if name in cls.LOADING)
        loaded = f"camctl.load(model, {loading})" if loading else "model"
        arguments = ", ".join(keywords.values())
        shell = python = ""
        if command:
            words = {"layers": " {}", "run": " IMAGE {}", "compare": " IMAGE {}"}.get(command, "")
            shell = f"camctl {command}{words.format(quote(model))}{flags}"
            call = cls.CALLS.get(" ".join([command, *(f"--{name}" for name in options)])) or cls.CALLS.get(command)
            python = call.format(arguments and f", {arguments}").replace("(model", f"({loaded}", 1) if call else shell
        elif options:
            shell, python = flags.strip(), ", ".join(filter(None, (loading and loaded, arguments)))
        return cls._worded(f"{text}: {shell}" if shell else text, f"{text}: {python}" if python else text)

    @classmethod
    def _worded(cls, shell: str, python: str) -> Self:
        hint = super().__new__(cls, shell)
        hint.python = python
        return hint

    def map(self, change: Callable[[str], str]) -> Hint:
        """Return the hint with a change made to both of its wordings."""
        return self._worded(change(str.__str__(self)), change(self.python))

    def __str__(self) -> str:
        """Return the hint as whoever speaks words it."""
        return str.__str__(self) if self.shell else self.python

    def __format__(self, spec: str) -> str:
        """Return the hint as whoever speaks words it."""
        return format(str(self), spec)

    def __repr__(self) -> str:
        """Return the hint's text as Python shows texts."""
        return repr(str(self))


def _words(value: Any) -> str:
    """Return an option's value as shell words, each after a space."""
    if value is True:
        return ""
    return "".join(f" {quote(str(part))}" for part in (value if isinstance(value, tuple) else (value,)))


_LISTS = {"bands", "range"}
"""Options whose numbers, with commas or a colon between them, are a tuple in Python."""


def _keyword(name: str, form: str, value: Any) -> str:
    """Return an option as a keyword argument in Python; a placeholder in capitals stays as it is."""
    if name in _LISTS:
        return form.format(_numbers(value))
    if form == "cfg_options={}" and isinstance(value, str):
        key, _, value = value.partition("=")
        form = f"cfg_options={{{{{key!r}: {{}}}}}}"
    return form.format(value if isinstance(value, str) and value.isupper() else repr(value))


def _numbers(text: str) -> str:
    """Return such numbers as Python source."""
    parts = re.split("[,:]", text)
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


_UNSHOWN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufff9-\ufffb\ud800-\udfff"
    r"\U000e0000-\U000e007f]"
)
"""What a terminal obeys instead of showing it: control characters, changes of direction, halves of letters, tags."""


def printable(text: str) -> str:
    r"""Return a text that no terminal obeys: control characters are escaped; tabs and ends of lines stay.

    Examples
    --------
    >>> print(printable("a\x1b[2Jb"))
    a\x1b[2Jb
    """
    if text.isprintable():
        return text
    return _UNSHOWN.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def one_line(error: BaseException) -> str:
    """Return an exception's type and message on one line that can be printed; never raises."""
    name, text = _described(error)
    text = printable(text if len(text) <= LONGEST_QUOTE else f"{text[: LONGEST_QUOTE - 1]}…")
    return f"{printable(name)}: {text}" if text else f"{printable(name)} (no message)"


def _described(error: BaseException) -> tuple[str, str]:
    """Return an exception's type, and its message, which is empty if it fails to print itself."""
    name, text = "An exception", ""
    with suppress(Exception, SystemExit, GeneratorExit):  # what another package raises may do anything
        name = " ".join(type(error).__name__.split())
        text = " ".join(str(error).split())
    return name, text


def line_in(module: str, error: BaseException) -> str:
    """Return the innermost file and line of a module's package in a traceback, in brackets; empty without one.

    Empty as well for an error of syntax, whose message names them.
    """
    from pathlib import Path
    from traceback import walk_tb

    if isinstance(error, SyntaxError) and str(error.filename).endswith(".py"):
        return ""
    text = ""
    for frame, line in walk_tb(error.__traceback__):
        name = frame.f_globals.get("__name__", "")
        if not isinstance(name, str) or name.partition(".")[0] != module.partition(".")[0]:
            continue
        file = Path(frame.f_code.co_filename)
        depth = name.count(".") + (file.name == "__init__.py")
        text = f" ({'/'.join(file.parts[-depth - 1 :])}, line {line})"
    return text


def as_value(error: CamctlError) -> CamctlError:
    """Return an error that is stored instead of raised, without its traceback, whose frames hold models and tensors."""
    error.__traceback__ = error.__cause__ = error.__context__ = None
    return error


def out_of_memory(error: BaseException) -> bool:
    """Return whether an exception means that a device or this machine has too little memory; imports no torch."""
    torch = sys.modules.get("torch")
    device = torch is not None and isinstance(error, torch.OutOfMemoryError)
    return device or isinstance(error, MemoryError) or "can't allocate memory" in _described(error)[1]


class CamctlError(Exception):
    """Something the user can mend, or work that failed although the request was correct.

    Parameters
    ----------
    message
        What is wrong, in one line.
    hint
        The next step to try: a `Hint`, or a sentence that names no option and no command. A traceback shows it in
        its Python wording.
    """

    exit_code: ExitCode = ExitCode.FAILED

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if hint:
            self.add_note(f"Hint: {hint.python if isinstance(hint, Hint) else hint}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how the error is made again in another process: its children are made of other arguments."""
        return _again, (type(self), self.message, vars(self))


def _again(kind: type[CamctlError], message: str, fields: dict[str, Any]) -> CamctlError:
    """Return an error that was pickled."""
    error = kind.__new__(kind)
    Exception.__init__(error, message)
    vars(error).update(fields)
    return error


class InputError(CamctlError):
    """A wrong option, picture, model, checkpoint, layer or class. Exit code 2."""

    exit_code = ExitCode.USAGE


class UnknownNameError(InputError):
    """The user named a method, adapter, source, layer or class that does not exist."""

    def __init__(self, kind: str, name: str, known: Collection[str], *, hint: str = "") -> None:
        lowered = {item.casefold(): item for item in known}
        close = [lowered[item] for item in get_close_matches(name.casefold(), lowered, n=3)]
        if close:
            meant = f"Did you mean {' or '.join(close)}?"
            hint = hint.map(lambda text: f"{meant} {text}") if isinstance(hint, Hint) else f"{meant} {hint}".strip()
        elif not hint:
            hint = f"Choose from: {', '.join(sorted(known))}."
        super().__init__(f"There is no {kind} named '{name}'.", hint=hint)


class PluginWarning(UserWarning):
    """A package's plugins are ignored, for the reason given."""


class PluginError(CamctlError):
    """A plugin cannot be loaded, clashes with another, or failed while it worked. Exit code 3."""

    exit_code = ExitCode.PLUGIN


class SpoiltModelError(PluginError):
    """A plugin changed the weights of the model, which cannot be used any more: all its maps are lost."""
