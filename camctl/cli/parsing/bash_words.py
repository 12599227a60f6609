"""The words that bash completes: it breaks them at colons and equals signs, and replaces what follows the last one."""

import os
import re
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from io import StringIO
from typing import TypeVar

from camctl.cli.output.sink import write

Result = TypeVar("Result")

_BREAK = re.compile("[:=]+")

_ODD = re.compile(r"[^\w@%+=:,./-]")
"""Signs that a shell reads unless a backslash stands before them."""
_BACKSLASH = r"\\\g<0>"


def rejoined(words: Sequence[str], at: int) -> tuple[list[str], int, str]:
    """Return the words as they were typed, the place of the one under the cursor, and what bash keeps of that one.

    Examples
    --------
    >>> rejoined(["camctl", "layers", "demo", ":", "v"], 4)
    (['camctl', 'layers', 'demo:v'], 2, 'demo:')
    """
    whole: list[str] = []
    kept, open_end = "", False
    for piece in words[: at + 1]:
        is_break = _BREAK.fullmatch(piece) is not None and len(whole) > 1
        if is_break or (open_end and piece):
            kept = whole[-1] + piece if is_break else whole[-1]
            whole[-1] += piece
        else:
            kept = ""
            whole.append(piece)
        open_end = is_break
    # The value of --flag=value is offered without the flag.
    return whole, len(whole) - 1, kept.partition("=")[2] if kept.startswith("--") else kept


def answer(ask: Callable[[], Result]) -> Result:
    """Let `ask` print what completes the words in the variables that typer's script for bash sets, as bash wants it.

    Raises `KeyError` or `ValueError` unless they are set.
    """
    words, at = os.environ["COMP_WORDS"].split("\n"), int(os.environ["COMP_CWORD"])
    kept, quoted = "", False
    if len(words) > 1:  # the script puts one on a line
        whole, at, kept = rejoined(words, at)
        quoted = whole[-1].startswith(("'", '"'))
        os.environ.update(COMP_WORDS="\n".join(whole), COMP_CWORD=str(at))
    printed = StringIO()
    try:
        with redirect_stdout(printed):
            return ask()
    finally:
        replies = (reply.removeprefix(kept) for reply in printed.getvalue().splitlines())
        write("".join(f"{reply if quoted else _ODD.sub(_BACKSLASH, reply)}\n" for reply in replies))
