"""Pairs of pictures whose likeness is asked: each picture of a pair is explained by the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from camctl.values.questions import Likeness

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camctl.values.questions import Asked


def both_ways(images: Sequence[Any], names: Sequence[Asked]) -> tuple[list[Any], list[Likeness]]:
    """Return the pictures of all pairs, and what each is asked; no question where something else is asked, too.

    Examples
    --------
    >>> pictures, questions = both_ways(["a.jpg"], [Likeness("b.jpg")])
    >>> [f"{picture}: {question}" for picture, question in zip(pictures, questions, strict=True)]
    ['a.jpg: likeness to b.jpg', 'b.jpg: likeness to a.jpg']
    """
    others = [name.image for name in names if isinstance(name, Likeness)]
    if not others or len(others) < len(names):
        return list(images), []
    pairs = [(image, other) for image in images for other in others]
    pictures = [picture for pair in pairs for picture in pair]
    return pictures, [Likeness(picture) for image, other in pairs for picture in (other, image)]
