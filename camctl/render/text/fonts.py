"""Fonts: the one of all figures, others for letters that it lacks, and the width of a text."""

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
"""Distance between baselines, as a multiple of the size."""

FAMILIES = ("DejaVu Sans", "Verdana", "Noto Sans", "Noto Sans CJK SC", "Noto Color Emoji", "sans-serif")
"""Font families for readers of SVG: the first has our widths, the second nearly."""

FIRST_UNSURE = "\u0250"
"""First letter that has to be looked up: DejaVu Sans has all letters before it."""

OTHER_KINDS = ("italic", "oblique", "light", "thin", "black", "mono", "serif", "condensed")
"""Words in the name of a font file that make it a worse choice."""

NO_GLYPH = {"Cf", "Mn", "Me", "Zs"}
"""Unicode categories of letters that show nothing, or only on the letter before them."""


@dataclass(frozen=True)
class Face:
    """DejaVu Sans, which has most of the world's alphabets, at a size in pixels."""

    size: int
    bold: bool = False

    @property
    def leading(self) -> int:
        """Distance between baselines in pixels."""
        return round(LEADING * self.size)

    @property
    def ascent(self) -> int:
        """Distance from the top of a line to its baseline in pixels."""
        font = opened(default_file(bold=self.bold), self.size)
        return font.getmetrics()[0] if isinstance(font, ImageFont.FreeTypeFont) else self.size

    def length(self, text: str) -> float:
        """Width of a text in pixels."""
        return _length(text, self.size, self.bold)


@lru_cache(maxsize=65536)
def _length(text: str, size: int, bold: bool) -> float:  # noqa: FBT001 (lru_cache tells calls apart by their form)
    return sum(opened(file, size).getlength(run) for run, file in runs(text, bold=bold))


def plain(text: str) -> str:
    """A text with control characters replaced by spaces; ends of lines stay."""
    return "".join(" " if _unshown(letter) else letter for letter in text)


def _unshown(letter: str) -> bool:
    return letter in "\ufffe\uffff" or (letter != "\n" and unicodedata.category(letter) in {"Cc", "Cs"})


def runs(text: str, *, bold: bool = False) -> list[tuple[str, str | None]]:
    """A line in pieces, each with the file of a font that can set it; None is Pillow's own font."""
    default = default_file(bold=bold)
    if default is None or max(text, default="") < FIRST_UNSURE:
        return [(text, default)] if text else []
    fonts = look_up([text], bold=bold)
    pairs: list[tuple[str, str]] = []
    for letter in text:
        # What shows only on the letter before it must be set in the same font.
        before = pairs[-1][1] if pairs and unicodedata.category(letter) in NO_GLYPH else None
        pairs.append((letter, before or fonts.get(letter) or default))
    grouped = groupby(pairs, key=lambda pair: pair[1])
    return [("".join(letter for letter, _ in group), file) for file, group in grouped]


def missing_from_fonts(texts: Iterable[str]) -> str:
    """Letters of these texts that no font on this machine has, each once, in order; they are drawn as boxes."""
    texts = list(texts)
    fonts = look_up(texts)
    return "".join(sorted({letter for text in texts for letter in text if fonts.get(letter, "") is None}))


@cache
def opened(file: str | None, size: float) -> Font:
    """A font at a size in pixels."""
    return ImageFont.truetype(file, size) if file else ImageFont.load_default(size)


@cache
def default_file(*, bold: bool = False) -> str | None:
    """The file of DejaVu Sans in matplotlib; None if it is missing."""
    package = find_spec("matplotlib")  # finds its folder and imports nothing
    for folder in (package.submodule_search_locations or ()) if package else ():
        path = Path(folder) / "mpl-data" / "fonts" / "ttf" / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")
        if path.is_file():
            return str(path)
    return None


Fonts = dict[str, str | None]
"""Letter -> file of a font that has it; "" for DejaVu Sans, None if no font has it."""

_known: dict[bool, Fonts] = {False: {}, True: {}}
"""Letters looked up so far, by weight (bold or not)."""


def look_up(texts: Iterable[str], *, bold: bool = False) -> Fonts:
    """Find a font for every letter of these texts: one search is quicker than many."""
    fonts = _known[bold]
    missing = {letter for text in texts for letter in text if letter >= FIRST_UNSURE} - fonts.keys()
    missing = {letter for letter in missing if unicodedata.category(letter) not in NO_GLYPH}
    default = default_file(bold=bold)
    if not missing or default is None:
        return fonts
    letters = _covered(default, missing)
    fonts.update(dict.fromkeys(letters, ""))
    missing -= letters
    for file in _system_fonts(bold=bold) if missing else ():
        letters = _covered(file, missing)
        fonts.update(dict.fromkeys(letters, file))
        missing -= letters
        if not missing:
            break
    fonts.update(dict.fromkeys(missing))
    return fonts


def _covered(file: str, letters: set[str]) -> set[str]:
    """The letters that a font has; empty for a bitmap font, which has one size."""
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
    """Font files of this machine, upright sans-serif ones of the right weight first."""
    from matplotlib.font_manager import findSystemFonts

    def rank(file: str) -> tuple[int, str]:
        name = Path(file).name.casefold()
        return sum(word in name for word in OTHER_KINDS) + (bold != ("bold" in name)), file

    return sorted(findSystemFonts(), key=rank)
