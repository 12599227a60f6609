"""Letters: the font of all pictures, another where it lacks a letter, and how wide a text is in them."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import ImageFont

if TYPE_CHECKING:
    from collections.abc import Iterable

    Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

LEADING = 1.25
"""Distance of lines over the size of letters."""

FAMILIES = ("DejaVu Sans", "Verdana", "Noto Sans", "Noto Sans CJK SC", "Noto Color Emoji", "sans-serif")
"""For files whose reader has fonts of its own: the first has our widths, the second nearly so."""

SURELY_THERE = "\u0250"
"""Letters before it need not be looked up: DejaVu Sans has all Latin ones."""

OTHER_KINDS = ("italic", "oblique", "light", "thin", "black", "mono", "serif", "condensed")
"""Words in a font file's name that make another one the better choice."""

NO_GLYPH = {"Cf", "Mn", "Me", "Zs"}
"""Kinds of letters that show nothing, or only on the one before them."""


@dataclass(frozen=True)
class Face:
    """DejaVu Sans, which knows most of the world's alphabets, at a size in pixels."""

    size: int
    bold: bool = False

    @property
    def leading(self) -> int:
        """From one baseline to the next."""
        return round(LEADING * self.size)

    @property
    def ascent(self) -> int:
        """From a line's top to its baseline."""
        font = opened(own_file(bold=self.bold), self.size)
        return font.getmetrics()[0] if isinstance(font, ImageFont.FreeTypeFont) else self.size

    def length(self, text: str) -> float:
        """Width in pixels."""
        return _length(text, self.size, self.bold)


@lru_cache(maxsize=65536)
def _length(text: str, size: int, bold: bool) -> float:  # noqa: FBT001 (lru_cache tells calls apart by their form)
    return sum(opened(file, size).getlength(run) for run, file in runs(text, bold=bold))


def plain(text: str) -> str:
    """A text without what no font and no file format can show: control characters become spaces, ends of lines stay."""
    return "".join(" " if _unshown(letter) else letter for letter in text)


def _unshown(letter: str) -> bool:
    return letter in "\ufffe\uffff" or (letter != "\n" and unicodedata.category(letter) in {"Cc", "Cs"})


def runs(text: str, *, bold: bool = False) -> list[tuple[str, str | None]]:
    """A line in pieces that one font can set, each with its font's file; None is Pillow's own font."""
    own = own_file(bold=bold)
    if own is None or max(text, default="") < SURELY_THERE:
        return [(text, own)] if text else []
    found = look_up([text], bold=bold)
    chosen: list[tuple[str, str]] = []
    for letter in text:
        # What shows only on the letter before it must be set together with it.
        before = chosen[-1][1] if chosen and unicodedata.category(letter) in NO_GLYPH else None
        chosen.append((letter, before or found.get(letter) or own))
    return [
        ("".join(letter for letter, _ in group), file)
        for file, group in groupby(chosen, key=lambda letter_and_file: letter_and_file[1])
    ]


def missing_from_fonts(texts: Iterable[str]) -> str:
    """Letters of these texts that no font on this machine has, each once, in order: boxes stand for them."""
    texts = list(texts)
    found = look_up(texts)
    return "".join(sorted({letter for text in texts for letter in text if found.get(letter, "") is None}))


@cache
def opened(file: str | None, size: int) -> Font:
    """A font at a size in pixels."""
    return ImageFont.truetype(file, size) if file else ImageFont.load_default(size)


@cache
def own_file(*, bold: bool = False) -> str | None:
    """Where matplotlib keeps DejaVu Sans; None where it does not."""
    found = find_spec("matplotlib")  # finds its folder and imports nothing
    for folder in (found.submodule_search_locations or ()) if found else ():
        path = Path(folder) / "mpl-data" / "fonts" / "ttf" / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")
        if path.is_file():
            return str(path)
    return None


# --------------------------------------------------------------------------------- letters it lacks

Found = dict[str, str | None]
"""Letter that need not be in DejaVu Sans -> file of a font that has it; "" where that has it, None where none has."""

_found: dict[bool, Found] = {False: {}, True: {}}
"""Grows by `look_up`; apart for bold."""


def look_up(texts: Iterable[str], *, bold: bool = False) -> Found:
    """Find a font for every letter of these texts: all at once is quicker than one by one."""
    found = _found[bold]
    asked = {letter for text in texts for letter in text if letter >= SURELY_THERE} - found.keys()
    asked = {letter for letter in asked if unicodedata.category(letter) not in NO_GLYPH}
    own = own_file(bold=bold)
    if not asked or own is None:
        return found
    there = _has(own, asked)
    found.update(dict.fromkeys(there, ""))
    asked -= there
    for file in _system_fonts(bold=bold) if asked else ():
        there = _has(file, asked)
        found.update(dict.fromkeys(there, file))
        asked -= there
        if not asked:
            break
    found.update(dict.fromkeys(asked))
    return found


def _has(file: str, letters: set[str]) -> set[str]:
    """Those letters that a font has; none of a font of bitmaps, which come in one size."""
    from matplotlib.ft2font import FT2Font

    try:
        font = FT2Font(file)
        if not font.scalable:
            return set()
        return {letter for letter in letters if font.get_char_index(ord(letter))}
    except (OSError, RuntimeError, ValueError):  # damaged, or of a kind that FreeType does not read
        return set()


@cache
def _system_fonts(*, bold: bool) -> list[str]:
    """Files of this machine's fonts, upright sans-serif ones of the right weight first."""
    from matplotlib.font_manager import findSystemFonts

    def rank(file: str) -> tuple[int, str]:
        name = Path(file).name.casefold()
        return sum(word in name for word in OTHER_KINDS) + (bold != ("bold" in name)), file

    return sorted(findSystemFonts(), key=rank)
