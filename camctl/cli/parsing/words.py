"""The words of a command line, spelt as typer knows them: `--target-layers A B`, `--aug_smooth`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camctl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

ALONE = {"--metrics": "all", "--versus": "auto"}
"""Flag that may stand without a value -> the value that it then means."""


def respell(words: Sequence[str], known: Collection[str]) -> list[str]:
    """`--two_words` -> `--two-words`, if the latter is a known flag; nothing is changed after `--`."""
    end = list(words).index("--") if "--" in words else len(words)
    spelt = []
    for word in words[:end]:
        flag, equals, value = word.partition("=")
        dashed = flag.replace("_", "-")
        spelt.append(dashed + equals + value if dashed in known else word)
    return [*spelt, *words[end:]]


def spread(words: Sequence[str], flags: Mapping[str, bool], *, hint: str = "") -> list[str]:
    """`--flag A B` -> `--flag=A --flag=B`, for each flag that takes several values.

    Values end at the next word that starts with `-`, or at `--`. Raises `InputError`, with the hint, for a flag without
    a value that is not in `ALONE`.
    """
    spelt: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return [*spelt, word, *rest]
        if not flags.get(word):
            spelt.append(word)
            continue
        values: list[str] = []
        while rest and not rest[0].startswith("-"):
            values.append(rest.pop(0))
        # A class index may be wrong and negative: that is for the model to say.
        if not values and rest and rest[0][1:].isdecimal():
            values.append(rest.pop(0))
        if not values and word not in ALONE:
            raise InputError(f"{word} needs at least one value.", hint=hint)
        spelt.extend(f"{word}={value}" for value in values or [ALONE[word]])
    return spelt
