"""Text broken into lines that fit a width: at spaces and signs, inside a word only where it alone is too long."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from camctl.render.page.page import Words
from camctl.render.text.fonts import Face, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from camctl.render.page.page import Colour

BREAKS = re.compile(r"(?<=[^\S\u00a0])(?=\S)|(?<=[/_:+-])(?=\S)|(?<=[.,])(?=[^\W\d])")
"""Where a line may end: at spaces and after signs, but not within a number."""

HUMPS = re.compile(r"(?<=[a-z])(?=[A-Z])")
"""Where a word may be broken before it is broken anywhere."""

JOINED = "\ufe0f\u200d"
"""What binds the letters before and after it into one sign."""

Align = Literal["left", "centre", "right"]


@dataclass(frozen=True, kw_only=True)
class Block:
    """Lines of text that fit a width."""

    lines: tuple[str, ...]
    face: Face
    width: int
    """Of the longest line, in pixels."""

    @property
    def height(self) -> int:
        """Of all lines, in pixels."""
        return self.face.leading * len(self.lines)


@lru_cache(maxsize=4096)
def block(text: str, face: Face, width: int) -> Block:
    """Set a text as narrow as its number of lines allows: lines of like length, no word left alone on the last."""
    text = plain(text)
    lines = break_lines(text, width, face.length)
    # No narrower than its words: else they would be broken where they need not be.
    pieces = (face.length(piece.rstrip()) for piece in _pieces(text, width, face.length))
    narrow, wide = math.ceil(max((piece for piece in pieces if piece <= width), default=1)) - 1, width
    while len(lines) > 1 and wide - narrow > 1:
        middle = (narrow + wide) // 2
        tried = break_lines(text, middle, face.length)
        if len(tried) == len(lines):
            wide, lines = middle, tried
        else:
            narrow = middle
    longest = max((face.length(line) for line in lines), default=0)
    return Block(lines=tuple(lines), face=face, width=math.ceil(longest))


def break_lines(text: str, width: float, length: Callable[[str], float]) -> list[str]:
    """Break a text to a width, as `length` measures it; nothing is lost but spaces at the ends of lines."""
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


def _pieces(text: str, width: float, length: Callable[[str], float]) -> Iterator[str]:
    """What stays together: words, or the parts of one that is too long."""
    for piece in BREAKS.split(text):
        yield from [piece] if length(piece.rstrip()) <= width else HUMPS.split(piece)


def height_of(blocks: Iterable[Block]) -> int:
    """Of blocks one under the other, in pixels."""
    return sum(each.height for each in blocks)


def set_lines(one: Block, x: float, y: int, ink: Colour, align: Align = "left") -> list[Words]:
    """Lines from `y` downwards, that begin at `x`, end there, or are centred on it."""
    share = {"left": 0.0, "centre": 0.5, "right": 1.0}[align]
    placed = []
    for number, line in enumerate(one.lines):
        width = one.face.length(line)
        baseline = y + number * one.face.leading + one.face.ascent
        placed.append(Words(text=line, x=x - share * width, y=baseline, width=width, face=one.face, ink=ink))
    return placed
