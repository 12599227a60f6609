"""Fonts at a size: the one of a figure, others for letters that it lacks, and the width of a text."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import groupby
from typing import TYPE_CHECKING

from PIL import ImageFont

from camctl.render.text.font_files import covered, font_files, system_files

if TYPE_CHECKING:
    from collections.abc import Iterable

    Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

LEADING = 1.25
"""Distance between baselines, as a multiple of the size."""

FIRST_UNSURE = "\u0250"
"""First letter that has to be looked up: DejaVu Sans has all letters before it."""

NO_GLYPH = {"Cf", "Mn", "Me", "Zs"}
"""Unicode categories of letters that show nothing, or only on the letter before them."""


@dataclass(frozen=True)
class Face:
    """A font at a size in pixels: DejaVu Sans, which has most of the world's alphabets, if no other is chosen."""

    size: int
    bold: bool = False
    font: str = ""
    """A file or a family; see `font_files`."""

    @property
    def file(self) -> str | None:
        """The font's file; None is Pillow's own font."""
        return font_files(self.font).of(bold=self.bold)

    @property
    def leading(self) -> int:
        """Distance between baselines in pixels."""
        return round(LEADING * self.size)

    @property
    def ascent(self) -> int:
        """Distance from the top of a line to its baseline in pixels; one for all fonts, so that all fit their lines."""
        font = opened(default_file(bold=self.bold), self.size)
        return font.getmetrics()[0] if isinstance(font, ImageFont.FreeTypeFont) else self.size

    def length(self, text: str) -> float:
        """Width of a text in pixels."""
        return _length(text, self)


@lru_cache(maxsize=65536)
def _length(text: str, face: Face) -> float:
    return sum(opened(file, face.size).getlength(run) for run, file in runs(text, face))


def plain(text: str) -> str:
    """A text with control characters replaced by spaces; ends of lines stay."""
    return "".join(" " if _unshown(letter) else letter for letter in text)


def _unshown(letter: str) -> bool:
    return letter in "\ufffe\uffff" or (letter != "\n" and unicodedata.category(letter) in {"Cc", "Cs"})


def runs(text: str, face: Face) -> list[tuple[str, str | None]]:
    """A line in pieces, each with the file of a font that can set it; None is Pillow's own font."""
    first = face.file
    if first is None or (not face.font and max(text, default="") < FIRST_UNSURE):
        return [(text, first)] if text else []
    fonts = look_up([text], face)
    pairs: list[tuple[str, str]] = []
    for letter in text:
        # What shows only on the letter before it must be set in the same font.
        before = pairs[-1][1] if pairs and unicodedata.category(letter) in NO_GLYPH else None
        pairs.append((letter, before or fonts.get(letter) or first))
    grouped = groupby(pairs, key=lambda pair: pair[1])
    return [("".join(letter for letter, _ in group), file) for file, group in grouped]


def missing_from_fonts(texts: Iterable[str]) -> str:
    """Letters of these texts that no font on this machine has, each once, in order; they are drawn as boxes."""
    texts = list(texts)
    fonts = look_up(texts, Face(1))
    return "".join(sorted({letter for text in texts for letter in text if fonts.get(letter, "") is None}))


@cache
def opened(file: str | None, size: float) -> Font:
    """A font at a size in pixels."""
    return ImageFont.truetype(file, size) if file else ImageFont.load_default(size)


def default_file(*, bold: bool = False) -> str | None:
    """The file of DejaVu Sans in matplotlib; None if it is missing."""
    return font_files("").of(bold=bold)


Fonts = dict[str, str | None]
"""Letter -> file of a font that has it; "" for the face's own, None if no font has it."""

_known: dict[str | None, Fonts] = {}
"""Letters looked up so far, by the face's file."""


def look_up(texts: Iterable[str], face: Face) -> Fonts:
    """Find a font for every letter of these texts: one search is quicker than many."""
    fonts = _known.setdefault(face.file, {})
    first = "" if face.font else FIRST_UNSURE
    missing = {letter for text in texts for letter in text if letter >= first} - fonts.keys()
    missing = {letter for letter in missing if unicodedata.category(letter) not in NO_GLYPH}
    if not missing or face.file is None:
        return fonts
    letters = covered(face.file, missing)
    fonts.update(dict.fromkeys(letters, ""))
    missing -= letters
    for file in _others(face) if missing else ():
        letters = covered(file, missing)
        fonts.update(dict.fromkeys(letters, file))
        missing -= letters
        if not missing:
            break
    fonts.update(dict.fromkeys(missing))
    return fonts


def _others(face: Face) -> Iterable[str]:
    """Files of fonts for what a face lacks, the best first."""
    default = default_file(bold=face.bold)
    return [*([default] if default else []), *system_files(bold=face.bold)]
