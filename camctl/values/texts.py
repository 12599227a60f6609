"""Texts that every file and every terminal can hold, and counts with their nouns."""

from __future__ import annotations

import re

_SURROGATE = re.compile("[\ud800-\udfff]")


def valid(text: str) -> str:
    """Return a text that can be encoded: a byte of a file's name that is no UTF-8 is shown as U+FFFD."""
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def counted(count: int, noun: str) -> str:
    """Return a count with its noun, in the plural unless it is one.

    Examples
    --------
    >>> counted(1, "class"), counted(3, "class"), counted(0, "label")
    ('1 class', '3 classes', '0 labels')
    """
    ending = "" if count == 1 else "es" if noun.endswith(("s", "x", "ch")) else "s"
    return f"{count} {noun}{ending}"
