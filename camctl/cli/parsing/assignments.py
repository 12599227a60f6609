"""`KEY=VALUE` options, read as mmengine's `DictAction` reads them."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any

from camctl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

WORDS = {"true": True, "false": False}

DEEPEST = 50
"""Brackets in each other that a value may have."""


class UnbalancedError(ValueError):
    """A bracket that is not closed, or not opened."""


def parse_assignments(texts: Iterable[str] | None, *, option: str = "--cfg-options") -> dict[str, Any]:
    """`["a.b=1", "c=[x,2.5]"]` -> `{"a.b": 1, "c": ["x", 2.5]}`.

    Values are whole numbers, numbers, `true` and `false` in any case, `None`, lists (`1,2` or `[1,2]`), tuples
    (`(1,2)`), lists and tuples inside them, else text. Spaces and outer quotes are dropped, as in mmengine.
    Raises `InputError` if there is no `=`, or brackets do not close.
    """
    values: dict[str, Any] = {}
    for text in texts or ():
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise InputError(f"{option} '{text}' is not of the form KEY=VALUE.", hint=f"Write {option} KEY=VALUE")
        if max(accumulate((sign in "([") - (sign in ")]") for sign in value), default=0) > DEEPEST:
            hint = "Write the value into a config instead."
            raise InputError(f"{option} '{key}' has more than {DEEPEST} brackets in each other.", hint=hint)
        try:
            values[key] = _value(value)
        except UnbalancedError:
            hint = f"Quote it for the shell: {option} '{key}=[(1,2),(3,4)]'"
            raise InputError(f"The brackets of {option} '{text}' do not close.", hint=hint) from None
    return values


def _value(text: str) -> Any:
    text = text.strip("'\"").replace(" ", "")
    if text.startswith("(") and text.endswith(")"):
        return tuple(map(_value, _split(text[1:-1])))
    if text.startswith("[") and text.endswith("]"):
        return list(map(_value, _split(text[1:-1])))
    if "," in text:
        parts = _split(text)
        if parts == [text]:
            # `[1],[2]` is a list that starts with `1],[2`: mmengine never stops reading it.
            raise UnbalancedError(text)
        return list(map(_value, parts))
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return None if text == "None" else WORDS.get(text.lower(), text)


def _split(text: str) -> list[str]:
    """Split at commas outside brackets; a last comma adds nothing, and neither does an empty text."""
    round_, square, start = 0, 0, 0
    parts = []
    for position, sign in enumerate(text):
        round_ += (sign == "(") - (sign == ")")
        square += (sign == "[") - (sign == "]")
        if sign == "," and not round_ and not square:
            parts.append(text[start:position])
            start = position + 1
    if round_ or square:
        raise UnbalancedError(text)
    return [*parts, text[start:]] if text[start:] else parts
