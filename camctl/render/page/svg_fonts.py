"""The letters of a page's fonts, as rules of CSS that hold them: the page looks the same where a font is missing."""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING

from camctl.render.page.page import Words
from camctl.render.text.font_files import COLLECTION, kind_of, silent
from camctl.render.text.fonts import runs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from camctl.render.page.page import Item

FAMILIES = ("DejaVu Sans", "Verdana", "Noto Sans", "Noto Sans CJK SC", "Noto Color Emoji", "sans-serif")
"""Font families for readers of SVG that leave fonts in a file aside: the first has our widths, the second nearly."""

TABLES = (
    *("head", "hhea", "hmtx", "maxp", "cmap", "glyf", "loca", "CFF ", "name", "OS/2", "post", "GSUB", "GPOS", "GDEF"),
    *("kern", "CBDT", "CBLC", "COLR", "CPAL"),
)
"""Tables of a font that a browser needs to draw its letters."""


def families(file: str | None) -> str:
    """The value of `font-family` for words in the font of a file."""
    own = [] if file is None else [family(file)]
    return ", ".join(name if name == "sans-serif" else f"'{name}'" for name in dict.fromkeys([*own, *FAMILIES]))


@cache
def family(file: str) -> str:
    """The name of a font's family, without signs that mean something in CSS."""
    from PIL import ImageFont

    name = ImageFont.truetype(file, 10).getname()[0] or ""
    return re.sub(r"[^\w .-]", "", name) or "font"


def font_rules(items: Iterable[Item]) -> str:
    """`@font-face` rules with the letters of all words; a font that cannot be cut to these letters is left out."""
    letters: dict[tuple[str, bool], set[str]] = {}
    for words in items:
        if isinstance(words, Words):
            for run, file in runs(words.text, words.face):
                if file is not None:
                    letters.setdefault((file, words.face.bold), set()).update(run)
    rules = []
    for (file, bold), used in sorted(letters.items()):
        part = _part(file, "".join(sorted(used)))
        if part is not None:
            source = f"url(data:font/woff;base64,{b64encode(part).decode()})"
            weight = "bold" if bold else "normal"
            # Two files may be of one family: each is asked for its own letters.
            span = ",".join(f"U+{ord(letter):X}" for letter in sorted(used))
            rules.append(
                f"@font-face{{font-family:'{family(file)}';font-weight:{weight};src:{source};unicode-range:{span}}}"
            )
    return "\n".join(rules)


def _part(file: str, letters: str) -> bytes | None:
    """A font of some letters of a file's, compressed; None if its kind is unknown."""
    from fontTools import subset  # type: ignore[import-untyped]
    from fontTools.ttLib import TTFont, TTLibError  # type: ignore[import-untyped]

    options = subset.Options(hinting=False, notdef_outline=True)
    try:
        number = 0 if kind_of(file) == COLLECTION else -1
        with silent(), TTFont(file, fontNumber=number, lazy=True, recalcTimestamp=False) as font:
            for table in set(font.keys()) - {*TABLES, "GlyphOrder"}:
                del font[table]
            subsetter = subset.Subsetter(options)
            subsetter.populate(text=letters)
            subsetter.subset(font)
            font.flavor = "woff"
            content = BytesIO()
            font.save(content)
    except (TTLibError, subset.Subsetter.SubsettingError, OSError, KeyError, AssertionError):
        return None
    return content.getvalue()
