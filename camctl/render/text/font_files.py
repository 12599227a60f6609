"""Files of fonts: of the one of all figures, of one that the user chose, and of all on this machine."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from glob import escape
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from camctl.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_FAMILY = "DejaVu Sans"

ENDINGS = (".ttf", ".otf", ".ttc", ".otc")
"""Endings of files of fonts."""

COLLECTION, POSTSCRIPT = b"ttcf", b"OTTO"
"""First bytes of a file of several fonts, and of one whose letters are outlines of PostScript."""

OTHER_KINDS = ("italic", "oblique", "light", "thin", "black", "mono", "serif", "condensed")
"""Words in the name of a font file that make it a worse choice."""

SHARED = 4
"""Letters with which the names of all files of a family begin."""

HINT = "Give a family that is installed, as STIXGeneral and DejaVu Serif always are, or a file (.ttf, .otf)."


@dataclass(frozen=True)
class FontFiles:
    """A family of fonts; without a file, Pillow's own font is used."""

    family: str
    regular: str | None
    bold: str | None
    """The regular one if the family has no bold."""

    def of(self, *, bold: bool) -> str | None:
        """Return the file of a weight."""
        return self.bold if bold else self.regular


@cache
def font_files(font: str) -> FontFiles:
    """Return the files of a font, which is a file or an installed family; empty for DejaVu Sans.

    Raises `InputError`.
    """
    if not font:
        return FontFiles(DEFAULT_FAMILY, *(_own_file(name) for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf")))
    path = Path(font).expanduser()
    return _of_file(path) if path.suffix.casefold() in ENDINGS else _of_family(font)


def _own_file(name: str) -> str | None:
    """The file of a font in matplotlib; None if it is missing."""
    package = find_spec("matplotlib")  # finds its folder and imports nothing
    for folder in (package.submodule_search_locations or ()) if package else ():
        path = Path(folder) / "mpl-data" / "fonts" / "ttf" / name
        if path.is_file():
            return str(path)
    return None


def _of_file(path: Path) -> FontFiles:
    family = _family(path)
    if family is None:
        message = f"'{path}' is no font that can be read." if path.is_file() else f"There is no font file '{path}'."
        raise InputError(message, hint=HINT)
    beside = sorted(path.parent.glob(f"{escape(path.stem[:SHARED])}*{escape(path.suffix)}"))
    bold = next((other for other in beside if _family(other, bold=True) == family), path)
    return FontFiles(family, str(path), str(bold))


def _family(path: Path, *, bold: bool = False) -> str | None:
    """The family of a file's font, upright and of a weight if it is to be bold; None if it is none."""
    from matplotlib.ft2font import FT2Font

    try:
        font = FT2Font(str(path))
    except (OSError, RuntimeError, ValueError):  # damaged, or of a kind that FreeType does not read
        return None
    style = font.style_name.casefold()
    return font.family_name if font.scalable and (not bold or style == "bold") else None


def _of_family(family: str) -> FontFiles:
    from matplotlib.font_manager import FontProperties, findfont, get_font_names

    known = get_font_names()
    name = {other.casefold(): other for other in known}.get(family.casefold())
    if name is None:
        raise UnknownNameError("font", family, known, hint=HINT)
    with silent():
        properties = (FontProperties(family=[name], weight=weight) for weight in ("normal", "bold"))
        return FontFiles(name, *(str(findfont(choice, fallback_to_default=False)) for choice in properties))


def kind_of(file: str) -> bytes:
    """The first bytes of a file, which say what it is."""
    with Path(file).open("rb") as opened:
        return opened.read(4)


@contextmanager
def silent() -> Iterator[None]:
    """Keep the remarks of libraries on a font, which its user cannot mend, out of the terminal."""
    loggers = [logging.getLogger(name) for name in ("fontTools", "matplotlib.font_manager")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def covered(file: str, letters: set[str]) -> set[str]:
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
def system_files(*, bold: bool) -> list[str]:
    """Font files of this machine, upright sans-serif ones of the right weight first."""
    from matplotlib.font_manager import findSystemFonts

    def rank(file: str) -> tuple[int, str]:
        name = Path(file).name.casefold()
        return sum(word in name for word in OTHER_KINDS) + (bold != ("bold" in name)), file

    return sorted(findSystemFonts(), key=rank)
