"""Texts that every file and every terminal can hold."""

from __future__ import annotations

import re

_SURROGATE = re.compile("[\ud800-\udfff]")


def valid(text: str) -> str:
    """Return a text that can be encoded: a byte of a file's name that is no UTF-8 is shown as U+FFFD."""
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)
