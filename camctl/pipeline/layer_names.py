"""Layers as the user names them: names of modules and patterns."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

from camctl.errors import Hint, InputError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SEE_NAMES_TEXT = "See all names"
SEE_NAMES = Hint(SEE_NAMES_TEXT, "layers", all=True)


def expand(modules: Iterable[str], texts: Sequence[str]) -> tuple[str, ...]:
    """Return the names of modules that texts of the user stand for, once each and in the same order.

    A pattern's `*` and `?` stand for anything but a dot, `**` for anything: `backbone.layer4.*.bn3`.

    Raises `InputError`: no module has the name or matches the pattern.
    """
    names = [name for name in modules if name]
    layers: dict[str, None] = {}
    for text in texts:
        is_pattern = any(sign in text for sign in "*?") and text not in names
        matches = [name for name in names if (pattern(text).fullmatch(name) if is_pattern else name == text)]
        if not matches:
            raise InputError(f"No layer matches '{text}'.", hint=SEE_NAMES) if is_pattern else _unknown(text, names)
        layers |= dict.fromkeys(matches)
    return tuple(layers)


def _unknown(text: str, names: Sequence[str]) -> UnknownNameError:
    near = get_close_matches(text, names, n=3)
    tail = text.rsplit(".", 1)[-1]
    alike = [] if near else [name for name in names if name.endswith(f".{tail}")][-3:]
    hint = Hint(f"Did you mean {' or '.join(alike)}? {SEE_NAMES_TEXT}", "layers", all=True) if alike else SEE_NAMES
    return UnknownNameError("layer", text, near, hint=hint)


def pattern(text: str) -> re.Pattern[str]:
    """Compile a pattern of module names: `*` and `?` match anything but a dot, `**` anything."""
    parts = re.split(r"(\*\*|\*|\?)", text)
    signs = {"**": ".*", "*": "[^.]*", "?": "[^.]"}
    return re.compile("".join(signs.get(part, re.escape(part)) for part in parts))
