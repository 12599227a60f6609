"""Lines of a terminal, laid side by side."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment

Lines = list[list[Segment]]
"""Lines in pieces of one style."""

GAP = 2
"""Columns of the terminal between two parts."""


def beside(parts: Sequence[Lines], width: int) -> Lines:
    """Lines of parts of one width, side by side, each centred and beginning at the top."""
    return side_by_side(parts, [width] * len(parts))


def side_by_side(parts: Sequence[Lines], widths: Sequence[int]) -> Lines:
    """The same for parts of several widths."""
    lines: Lines = []
    for number in range(max((len(part) for part in parts), default=0)):
        line: list[Segment] = []
        space = 0
        for part, width in zip(parts, widths, strict=True):
            own = part[number] if number < len(part) else []
            free = width - sum(segment.cell_length for segment in own)
            if own:
                line += [Segment(" " * (space + free // 2)), *own]
                space = free - free // 2 + GAP
            else:
                space += width + GAP
        lines.append(line)
    return lines


def empty_box(columns: int, rows: int, text: str, *, ascii_only: bool) -> list[str]:
    """Lines of a frame with a word in it."""
    left, across, right, side, end_left, end_right = "+-+|++" if ascii_only else "┌╌┐╎└┘"
    inside = max(columns - 2, 0)
    lines = [side + " " * inside + side for _ in range(max(rows - 2, 0))]
    if lines:
        lines[len(lines) // 2] = side + text[:inside].center(inside) + side
    return [left + across * inside + right, *lines, end_left + across * inside + end_right][:rows]
