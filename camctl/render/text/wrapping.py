"""Text broken into lines that fit a width: at spaces and signs, inside a word only if the word is too long."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from camctl.render.page.page import Words
from camctl.render.text.fonts import Face, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from camctl.render.page.page import Colour

BREAKS = re.compile(r"(?<=[^\S\u00a0])(?=[^\s\u00b7])|(?<=\S[/_:+-])(?=[^\W_])|(?<=[.,])(?=[^\W\d])")
"""Where a line may end: after spaces and signs, but not within a number; the dot between two facts begins no line."""

HUMPS = (
    re.compile(r"(?<=\u00a0)|(?<=[a-z]{2})(?=[A-Z][a-z])|(?<=[A-Z]{2})(?=[A-Z][a-z])"),
    re.compile(r"(?<=\u00a0)|(?<=[a-z])(?=[A-Z])|(?<=[A-Z]{2})(?=[A-Z][a-z])|(?<=[^\W\d_])(?=\d)"),
)
"""Where a word too long for its line is broken: between words written as one; then before acronyms and numbers."""

CUT = 100
"""Worse than all texts of a figure broken at their humps."""

JOINED = "\ufe0f\u200d"
"""Characters that join the letters before and after them into one sign."""

LONGEST = 2000
"""Maximum number of letters of a text in a figure; the rest is replaced by an ellipsis."""

Align = Literal["left", "centre", "right"]


@dataclass(frozen=True, kw_only=True)
class Paragraph:
    """A text broken into lines that fit a width."""

    lines: tuple[str, ...]
    face: Face
    ink: Colour
    width: int
    """Width of the longest line in pixels."""

    @property
    def height(self) -> int:
        """Height of all lines in pixels."""
        return self.face.leading * len(self.lines)


@lru_cache(maxsize=4096)
def paragraph(text: str, face: Face, width: int, ink: Colour) -> Paragraph:
    """Set a text as narrow as its number of lines allows: lines of similar length, no single word on the last."""
    text = plain(text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…")
    lines = break_lines(text, width, face.length)
    # No narrower than its words, or they would be broken needlessly.
    pieces = (face.length(piece.rstrip()) for piece in _pieces(text, width, face.length))
    narrow, wide = math.ceil(max((piece for piece in pieces if piece <= width), default=1)) - 1, width
    while len(lines) > 1 and wide - narrow > 1:
        middle = (narrow + wide) // 2
        narrower = break_lines(text, middle, face.length)
        if len(narrower) == len(lines):
            wide, lines = middle, narrower
        else:
            narrow = middle
    longest = max((face.length(line) for line in lines), default=0)
    return Paragraph(lines=tuple(lines), face=face, ink=ink, width=math.ceil(longest))


def break_lines(text: str, width: float, length: Callable[[str], float]) -> list[str]:
    """Break a text to a width, as measured by `length`; only spaces at the ends of lines are dropped."""
    lines: list[str] = []
    for paragraph in text.splitlines():
        line = ""
        for piece in _pieces(paragraph, width, length):
            if length((line + piece).rstrip()) <= width:
                line += piece
                continue
            if line.strip():
                lines.append(line.strip())
            line = ""
            for letter in piece:
                bound = letter in JOINED or line[-1:] == "\u200d"
                if line and not bound and length((line + letter).rstrip()) > width:
                    lines.append(line)
                    line = ""
                line += letter
        if line.strip():
            lines.append(line.strip())
    return lines


def breakage(text: str, width: float, length: Callable[[str], float]) -> int:
    """How badly a text is broken at a width: 0 between words only, `CUT` between any two letters."""

    def fits(humps: int) -> bool:
        return all(length(piece.rstrip()) <= width for piece in _pieces(text, width, length, HUMPS[:humps]))

    return next((humps for humps in range(len(HUMPS) + 1) if fits(humps)), CUT)


def _pieces(
    text: str, width: float, length: Callable[[str], float], humps: Sequence[re.Pattern[str]] = HUMPS
) -> Iterator[str]:
    """Words, or the parts of a word that is too long for the width."""
    for piece in BREAKS.split(text):
        parts = [piece]
        for borders in humps:
            if any(length(part.rstrip()) > width for part in parts):
                parts = borders.split(piece)
        yield from parts


def total_height(paragraphs: Iterable[Paragraph]) -> int:
    """Height of paragraphs one under the other, in pixels."""
    return sum(paragraph.height for paragraph in paragraphs)


def set_lines(paragraphs: Iterable[Paragraph], x: float, y: int, align: Align = "left") -> list[Words]:
    """Words of paragraphs one under the other, from `y` downwards: lines start at `x`, end there or centre on it."""
    share = {"left": 0.0, "centre": 0.5, "right": 1.0}[align]
    words = []
    for part in paragraphs:
        for line in part.lines:
            width = part.face.length(line)
            left = x - share * width
            words.append(Words(text=line, x=left, y=y + part.face.ascent, width=width, face=part.face, ink=part.ink))
            y += part.face.leading
    return words
