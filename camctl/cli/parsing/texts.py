"""What the texts of options stand for: names, labels, pictures, boxes and masks."""

from __future__ import annotations

import os
from glob import glob
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from camctl.errors import Hint, InputError
from camctl.values.request import is_index

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from camctl.values.regions import Box
    from camctl.values.request import ClassName

PICTURE_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", ".jp2", ".ppm"}
"""Endings of the files in a folder that count as pictures."""

SIDES = 4

LONGEST_BAND = 5
"""Largest number of digits of a band's number."""


def split_names(
    texts: Sequence[str] | None, *, default: Sequence[str] = (), option: str = "--method"
) -> tuple[str, ...]:
    """`["GradCAM,LayerCAM", "XGradCAM"]` -> three names; `default` for an option not given. Raises `InputError`."""
    if not texts:
        return tuple(default)
    names = tuple(name for text in texts for part in text.split(",") if (name := part.strip()))
    if not names:
        kind = option.strip("-").removesuffix("s")
        raise InputError(f"{option} names no {kind}.", hint=f"Leave it out, or see: camctl {kind}s")
    return names


def parse_bands(text: str | None) -> tuple[int, ...]:
    """`4,3,2` -> three numbers; none for an option not given. Raises `InputError`."""
    words = [word.strip() for word in text.split(",")] if text is not None else []
    if not all(word.isdecimal() and len(word) <= LONGEST_BAND for word in words):
        raise InputError(f"--bands {text} are no bands.", hint="Count them from 1: --bands 4,3,2")
    return tuple(map(int, words))


def parse_levels(texts: Sequence[str] | None) -> tuple[float, ...]:
    """`["0.3,0.6"]` -> two numbers; none for an option not given. Raises `InputError`."""
    words = [word.strip() for text in texts or () for word in text.split(",")]
    try:
        return tuple(map(float, words))
    except ValueError:
        message = f"--contours {' '.join(words)} are no numbers."
        raise InputError(message, hint=Hint("Choose values between 0 and 1", contours="0.5")) from None


def parse_range(text: str | None) -> tuple[float, float] | None:
    """`0:4095` -> both numbers; None for an option not given. Raises `InputError`."""
    if text is None:
        return None
    try:
        low, high = map(float, text.split(":"))
    except ValueError:
        message = f"--range {text} are not two numbers."
        raise InputError(message, hint="Give the numbers that are black and white: --range 0:4095") from None
    return low, high


def class_name(text: str) -> int | str:
    """Return an index if the text is a whole number, else a name."""
    return int(text) if is_index(text) else text


def pictures_in(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the pictures of files, folders and patterns, once each, in the order named.

    Raises `InputError` for a folder or pattern without pictures; a missing file is reported where it is read.
    """
    return tuple(dict.fromkeys(path for text in texts for path in _pictures(text)))


def _pictures(text: str) -> list[str]:
    if os.path.isdir(text):  # noqa: PTH112 - False for an impossible name, which is reported where it is opened
        try:
            files = [str(file) for file in sorted(Path(text).iterdir()) if os.path.isfile(file)]  # noqa: PTH113
        except OSError as error:
            message = f"The folder '{text}' cannot be read: {error.strerror}."
            raise InputError(message, hint="Check its permissions with `ls -ld`.") from None
        pictures = [file for file in files if Path(file).suffix.lower() in PICTURE_SUFFIXES]
        if not pictures:
            message = f"The folder '{text}' holds no pictures."
            inner = sorted({file.suffix for file in Path(text).glob("*/*") if file.suffix.lower() in PICTURE_SUFFIXES})
            pattern = f"{text.rstrip('/')}/*/*{inner[0]}" if inner else "a/*/*.jpg"
            own = "Its folders hold some" if inner else "Name a picture, or a pattern"
            raise InputError(message, hint=f"{own}: '{pattern}'")
        return pictures
    if os.path.exists(text) or not any(sign in text for sign in "*?["):  # noqa: PTH110
        return [text]
    # Path.glob accepts no absolute pattern.
    files = sorted(file for file in glob(text, recursive=True) if Path(file).is_file())  # noqa: PTH207
    if not files:
        raise InputError(f"No file matches '{text}'.", hint="Check the pattern, or name a picture.")
    # A pattern as wide as `photos/*` is not meant for notes in the same folder.
    return [file for file in files if Path(file).suffix.lower() in PICTURE_SUFFIXES] or files


def parse_boxes(texts: Sequence[str], pictures: int) -> dict[ClassName, Box]:
    """`["cat=10,20,90,80", "0,0,50,50"]` -> boxes by class; None for every other class. Raises `InputError`."""
    marked = _by_class("box", "X0,Y0,X1,Y1", texts, pictures)
    return {name: box_of("--box", text, sides, "[CLASS=]X0,Y0,X1,Y1") for name, sides, text in marked}


def parse_masks(texts: Sequence[str], pictures: int) -> dict[ClassName, str]:
    """`["cat=cat.png", "rest.png"]` -> files by class; an `=` in the name of a file that exists belongs to it."""
    return {name: file for name, file, _ in _by_class("mask", "FILE", texts, pictures)}


def _by_class(kind: str, form: str, texts: Sequence[str], pictures: int) -> Iterator[tuple[ClassName, str, str]]:
    """Yield class, value and the whole text."""
    if texts and pictures > 1:
        message = f"--{kind} is for one picture, and there are {pictures}."
        raise InputError(message, hint=f"Compare them one by one, or leave out --{kind}.")
    classes: set[ClassName] = set()
    for text in texts:
        is_file = kind == "mask" and os.path.exists(text)  # noqa: PTH110 - for any text
        name, equals, value = ("", "", text) if is_file else text.rpartition("=")
        key = class_name(name.strip()) if equals else None
        if key in classes:
            target = f"the class '{key}'" if key is not None else "every class"
            plural = {"box": "boxes", "mask": "masks"}[kind]
            raise InputError(f"There are two {plural} for {target}.", hint=f"Give one a class: --{kind} CLASS={form}")
        classes.add(key)
        yield key, value if equals else text, text


def box_of(flag: str, text: str, sides: str, form: str = "X0,Y0,X1,Y1") -> Box:
    """Return the box of an option's text, whose four numbers are `sides`. Raises `InputError`."""
    try:
        numbers = [float(side) for side in sides.split(",")]
    except ValueError:
        numbers = []
    hint = f"Write its left, top, right and lower edge in pixels of the picture: {flag} 10,20,90,80"
    if len(numbers) != SIDES or not all(map(isfinite, numbers)):
        raise InputError(f"{flag} '{text}' is not of the form {form}.", hint=hint)
    x0, y0, x1, y1 = numbers
    if x1 <= x0 or y1 <= y0:
        message = f"{flag} '{text}' has no area: its right edge must lie right of its left, its lower below its top."
        raise InputError(message, hint=hint)
    return x0, y0, x1, y1


def parse_names(texts: Sequence[str] | None) -> dict[str, str]:
    """`["GradCAM=Grad-CAM"]` -> `{"GradCAM": "Grad-CAM"}`. Raises `InputError`."""
    names = {}
    for text in texts or ():
        old, equals, new = text.partition("=")
        if not (old and equals):
            raise InputError(f"--name '{text}' is not of the form OLD=NEW.", hint="Write --name GradCAM=Grad-CAM")
        names[old] = new
    return names
