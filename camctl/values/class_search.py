"""Search among the names of classes: whole words before parts of words, and those before near spellings."""

from __future__ import annotations

import re
from difflib import SequenceMatcher, get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

NEAREST = 5
"""Number of classes that are proposed for a name that is unknown."""

_WORD = re.compile(r"[^\W_]+")
_NOWHERE = 3


def holding(words: Sequence[str], labels: Sequence[str]) -> list[int]:
    """Return the classes whose labels hold all words: as whole words first, then as beginnings of words, then anywhere.

    Examples
    --------
    >>> holding(["cat"], ["education", "catamaran", "Tiger Cat", "dog"])
    [2, 1, 0]
    """
    ranks = [max((_rank(word.strip().casefold(), label.casefold()) for word in words), default=0) for label in labels]
    return sorted((index for index, rank in enumerate(ranks) if rank < _NOWHERE), key=lambda index: ranks[index])


def _rank(word: str, label: str) -> int:
    """Return how well a word is found: 0 as whole words, 1 at the beginning of one, 2 within one, 3 nowhere."""
    if word not in label:
        return _NOWHERE
    places = [match.start() for match in re.finditer(f"(?={re.escape(word)})", label)]
    begins = [at for at in places if not (at and _WORD.match(label[at - 1]))]
    if any(not _WORD.match(label[at + len(word) :]) for at in begins):
        return 0
    return 1 if begins else 2


def nearest(name: str, labels: Sequence[str]) -> list[int]:
    """Return the classes that hold a name, then those with words or a spelling like it: five at most."""
    folded = name.strip().casefold()
    known = parts(labels)
    spelt = [index for part in get_close_matches(folded, known, n=NEAREST, cutoff=0.4) for index in known[part]]
    return list(dict.fromkeys([*holding([folded], labels), *_alike_in_words(folded, labels), *spelt]))[:NEAREST]


def parts(labels: Sequence[str]) -> dict[str, list[int]]:
    """Return the labels, and their parts between commas, in lower case, with the classes that have them."""
    found: dict[str, list[int]] = {}
    for index, label in enumerate(labels):
        for part in {label.casefold(), *(piece.strip().casefold() for piece in label.split(","))}:
            found.setdefault(part, []).append(index)
    return found


def _alike_in_words(name: str, labels: Sequence[str]) -> list[int]:
    """Return the classes with words spelt like those of a name, the likest first."""
    words = [set(_WORD.findall(label.casefold())) for label in labels]
    known = set().union(*words)
    likeness = [
        {word: SequenceMatcher(None, word, typed).ratio() for word in get_close_matches(typed, known, n=4 * NEAREST)}
        for typed in _WORD.findall(name)
    ]
    sums = [sum(max((like.get(word, 0.0) for word in each), default=0.0) for like in likeness) for each in words]
    return sorted((index for index, total in enumerate(sums) if total), key=lambda index: -sums[index])
