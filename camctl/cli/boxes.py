"""`--box [CLASS=]X0,Y0,X1,Y1`."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from camctl.cli.naming import as_class
from camctl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    Box = tuple[float, float, float, float]

SIDES = 4


def parse_boxes(texts: Sequence[str], pictures: int) -> dict[str | int | None, Box]:
    """`["cat=10,20,90,80", "0,0,50,50"]` -> boxes by class; None for every other class.

    Raises `InputError`, also where there are several `pictures`.
    """
    if texts and pictures > 1:
        message = f"--box is for one picture, and there are {pictures}."
        raise InputError(message, hint="Compare them one by one, or leave out --box.")
    found: dict[str | int | None, Box] = {}
    for text in texts:
        name, equals, sides = text.rpartition("=")
        key = as_class(name.strip()) if equals else None
        if key in found:
            of = f"the class '{key}'" if key is not None else "every class"
            raise InputError(f"There are two boxes for {of}.", hint="Give one a class: --box CLASS=X0,Y0,X1,Y1")
        found[key] = _box(text, sides)
    return found


def _box(text: str, sides: str) -> Box:
    try:
        numbers = [float(side) for side in sides.split(",")]
    except ValueError:
        numbers = []
    hint = "Write its left, top, right and lower side in pixels of the picture: --box 10,20,90,80"
    if len(numbers) != SIDES or not all(map(isfinite, numbers)):
        raise InputError(f"--box '{text}' is not of the form [CLASS=]X0,Y0,X1,Y1.", hint=hint)
    x0, y0, x1, y1 = numbers
    if x1 <= x0 or y1 <= y0:
        raise InputError(
            f"--box '{text}' has no area: its right side must come after its left, lower after top.", hint=hint
        )
    return x0, y0, x1, y1
