"""A comparison as a figure: pages of pictures and words, to be painted in pixels or as a vector file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camctl.errors import Hint, InputError
from camctl.render.figure.frame import frames_of, headings, top
from camctl.render.figure.rows import band, foot, row_strip
from camctl.render.layout.captions import all_texts
from camctl.render.layout.layout import lay_out
from camctl.render.layout.naming import renamed
from camctl.render.page.page import Page, stacked
from camctl.render.page.raster import paint
from camctl.render.text.fonts import Face, look_up, missing_from_fonts
from camctl.values.look import SMALLEST_TILE, STEEPEST, TALLEST_PAGE, Look

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Unpack

    import numpy as np
    from numpy.typing import NDArray

    from camctl.render.figure.frame import Frame
    from camctl.render.page.page import Strip
    from camctl.values.comparison import Comparison
    from camctl.values.look import Looks

LONGEST = 32_767
"""Maximum number of pixels on a side of a page: viewers and browsers show no more."""

LARGEST = 4
"""How many times `most_pixels` a page with a single row may have."""


def figure_pages(comparison: Comparison, look: Look, side: int = LONGEST) -> list[Page]:
    """A figure of a comparison, on as many pages as it needs: none so long that it is hard to look at, or than `side`.

    Raises `InputError` if an axis is named twice, or a single row is too large for a page.
    """
    for bold in (False, True):
        look_up(all_texts(comparison, look.title), Face(1, bold, look.font))
    frame, *_ = frames = frames_of(lay_out(comparison, look))
    scale = look.dpi * frame.inches / frame.width if frame.inches else 1.0
    side, most = int(side / scale), int(look.most_pixels / scale**2)
    style, above, below = frame.style, top(frame), foot(frame)
    tallest = max(int(TALLEST_PAGE / scale), STEEPEST * frame.width)
    height = min(side, tallest, most // frame.width)
    height -= 2 * style.margin + sum(strip.height for strip in above) + below.height
    title = look.title or next(iter(frame.layout.caption), "") or "Class activation maps"
    pages = []
    for strips in _split(frames, height):
        items, y = stacked([*above, *strips, below], style.margin)
        page = Page(
            width=frame.width,
            height=y + style.margin,
            paper=style.inks.paper,
            items=tuple(items),
            title=title,
            inches=frame.inches,
            dpi=look.dpi if frame.inches else None,
        )
        _check(page, look, side, most)
        pages.append(page)
    return pages


def pixels(comparison: Comparison, **look: Unpack[Looks]) -> NDArray[np.uint8]:
    """A figure of a comparison in one piece, (H, W, 3), uint8 RGB; keywords are the fields of `Look`.

    Raises `InputError` if it cannot be drawn (see `figure_pages`), or not on one page.
    """
    choices = Look(**look)
    pages = figure_pages(renamed(comparison, choices.name), choices)
    if len(pages) > 1:
        message = f"The figure has {len(pages)} pages."
        raise InputError(message, hint="Choose a smaller tile, or save it: each page becomes a file.")
    return paint(pages[0])


def missing_letters(comparison: Comparison, **look: Unpack[Looks]) -> str:
    """Letters of a figure's words that no font on this machine has; it shows boxes instead."""
    choices = Look(**look)
    return missing_from_fonts(all_texts(renamed(comparison, choices.name), choices.title))


def _split(frames: Sequence[Frame], height: int) -> Iterator[list[Strip]]:
    """Strips of each page, as many rows as its height takes; a block that continues gets its headings again."""
    page: list[Strip] = []
    for frame in frames:
        columns = headings(frame)
        added = columns
        for block in frame.layout.blocks:
            heading = [band(frame, block.heading)] if block.heading.labels else []
            added = [*added, *heading]
            for row in block.rows:
                strip = row_strip(frame, row)
                if page and sum(part.height for part in [*page, *added, strip]) > height:
                    yield page
                    page, added = [], [*columns, *heading]
                page += [*added, strip]
                added = []
    yield page


def _check(page: Page, look: Look, side: int, most: int) -> None:
    if max(page.width, page.height) <= side and page.width * page.height <= LARGEST * most:
        return
    message = f"A row of the figure would be {page.width} x {page.height} pixels, more than a file can hold."
    hint = Hint("Put fewer axes across, or choose smaller tiles", tile=max(SMALLEST_TILE, look.tile // 2))
    raise InputError(message, hint=hint)
