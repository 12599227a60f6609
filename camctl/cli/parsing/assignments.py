"""`KEY=VALUE` options, read as mmengine's `DictAction` reads them."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

from camctl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

WORDS = {"true": True, "false": False}
_STEPS = {"(": (1, 0), ")": (-1, 0), "[": (0, 1), "]": (0, -1)}


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
        try:
            values[key] = _value(value)
        except UnbalancedError:
            hint = f"Quote it for the shell: {option} '{key}=[(1,2),(3,4)]'"
            raise InputError(f"The brackets of {option} '{text}' do not close.", hint=hint) from None
        except RecursionError:
            raise InputError(
                f"The brackets of {option} '{key}' are too deep.", hint="Write it in the config."
            ) from None
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
    if not _balanced(text):
        raise UnbalancedError(text)
    signs = accumulate((_STEPS.get(sign, (0, 0)) for sign in text), lambda a, b: (a[0] + b[0], a[1] + b[1]))
    commas = [
        position
        for position, (sign, open_) in enumerate(zip(text, signs, strict=True))
        if sign == "," and open_ == (0, 0)
    ]
    parts = [text[before + 1 : comma] for before, comma in pairwise([-1, *commas, len(text)])]
    return parts if parts[-1] else parts[:-1]


def _balanced(text: str) -> bool:
    return text.count("(") == text.count(")") and text.count("[") == text.count("]")
