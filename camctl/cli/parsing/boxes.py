"""`--box [CLASS=]X0,Y0,X1,Y1` and `--mask [CLASS=]FILE`."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from camctl.cli.parsing.names import class_name
from camctl.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Box = tuple[float, float, float, float]

SIDES = 4


def parse_boxes(texts: Sequence[str], pictures: int) -> dict[str | int | None, Box]:
    """`["cat=10,20,90,80", "0,0,50,50"]` -> boxes by class; None for every other class.

    Raises `InputError`, also if there are several pictures.
    """
    return {name: _box(text, sides) for name, sides, text in _by_class("box", "X0,Y0,X1,Y1", texts, pictures)}


def parse_masks(texts: Sequence[str], pictures: int) -> dict[str | int | None, str]:
    """`["cat=cat.png", "rest.png"]` -> files by class; an `=` in the name of a file that exists belongs to it.

    Raises `InputError`, also if there are several pictures.
    """
    return {name: file for name, file, _ in _by_class("mask", "FILE", texts, pictures)}


def _by_class(kind: str, form: str, texts: Sequence[str], pictures: int) -> Iterator[tuple[str | int | None, str, str]]:
    """Yield class, value and the whole text."""
    if texts and pictures > 1:
        message = f"--{kind} is for one picture, and there are {pictures}."
        raise InputError(message, hint=f"Compare them one by one, or leave out --{kind}.")
    classes: set[str | int | None] = set()
    for text in texts:
        name, equals, value = ("", "", text) if kind == "mask" and Path(text).exists() else text.rpartition("=")
        key = class_name(name.strip()) if equals else None
        if key in classes:
            target = f"the class '{key}'" if key is not None else "every class"
            plural = {"box": "boxes", "mask": "masks"}[kind]
            raise InputError(f"There are two {plural} for {target}.", hint=f"Give one a class: --{kind} CLASS={form}")
        classes.add(key)
        yield key, value if equals else text, text


def _box(text: str, sides: str) -> Box:
    try:
        numbers = [float(side) for side in sides.split(",")]
    except ValueError:
        numbers = []
    hint = "Write its left, top, right and lower edge in pixels of the picture: --box 10,20,90,80"
    if len(numbers) != SIDES or not all(map(isfinite, numbers)):
        raise InputError(f"--box '{text}' is not of the form [CLASS=]X0,Y0,X1,Y1.", hint=hint)
    x0, y0, x1, y1 = numbers
    if x1 <= x0 or y1 <= y0:
        message = f"--box '{text}' has no area: its right edge must lie right of its left, its lower below its top."
        raise InputError(message, hint=hint)
    return x0, y0, x1, y1
