"""Tiles side by side, with captions below and a label on the left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from camctl.render.page.page import Item, Rectangle, Strip, framed
from camctl.render.text.wrapping import set_lines, total_height

if TYPE_CHECKING:
    from camctl.render.figure.style import Style
    from camctl.render.page.page import Draw
    from camctl.render.text.wrapping import Paragraph


@dataclass(frozen=True, kw_only=True, eq=False)
class Slot:
    """A tile and its column."""

    left: int
    """Left edge of the column."""
    size: tuple[int, int]
    """Width and height of the tile."""
    items: Callable[[int, int], list[Item]]
    """(left, top) of the tile -> what is painted there."""
    caption: Sequence[Paragraph] = ()


def picture_slot(style: Style, left: int, size: tuple[int, int], draw: Draw, caption: Sequence[Paragraph] = ()) -> Slot:
    """A tile with a picture in a thin frame."""
    return Slot(left=left, size=size, items=lambda x, top: framed(x, top, size, style.inks.edge, draw), caption=caption)


def tile_row(style: Style, slots: Sequence[Slot], label: Sequence[Paragraph] = (), label_right: int = 0) -> Strip:
    """Tiles centred on one line, and the gap below; the label ends at `label_right`, centred on the tiles."""
    tallest = max((slot.size[1] for slot in slots), default=0)
    items: list[Item] = []
    for slot in slots:
        width, height = slot.size
        items += slot.items(slot.left + (style.tile - width) // 2, (tallest - height) // 2)
    for slot in slots:
        items += set_lines(slot.caption, slot.left + style.tile / 2, tallest + style.pad, "centre")
    label_height = total_height(label)
    items += set_lines(label, label_right, max(0, (tallest - label_height) // 2), "right")
    captions = max((total_height(slot.caption) for slot in slots), default=0)
    height = max(tallest + (style.pad + captions if captions else 0), label_height)
    return Strip(height=height + style.gap, items=tuple(items))


def heading_row(style: Style, spans: Sequence[tuple[int, int, Sequence[Paragraph]]], *, rule: bool = False) -> Strip:
    """Headings over spans (left, right), aligned at their bottoms; with `rule`, a line under each."""
    height = max((total_height(parts) for *_, parts in spans), default=0)
    items: list[Item] = []
    for left, right, parts in spans:
        items += set_lines(parts, (left + right) / 2, height - total_height(parts), "centre")
        if rule:
            y = height + style.pad // 2
            items.append(Rectangle(x=left, y=y, width=right - left, height=1, fill=style.inks.soft))
    return Strip(height=height + style.pad * (2 if rule else 1) if height else 0, items=tuple(items))
