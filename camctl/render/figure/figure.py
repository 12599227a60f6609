"""A comparison as a figure: in pixels for screens, as a vector file for papers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from camctl.errors import InputError
from camctl.files.atomic import PICTURES, check_writable, write_atomically
from camctl.files.raw_maps import MOST_A_SIDE, save_picture
from camctl.render.figure.arrangement import arrange, blocks
from camctl.render.figure.captions import Told
from camctl.render.figure.foot import foot
from camctl.render.figure.heads import Frame, heads, lefts
from camctl.render.figure.rows import band, label_width, row
from camctl.render.figure.sizes import sizes
from camctl.render.figure.tiles import Tiles
from camctl.render.page.page import THEMES, Page, stacked
from camctl.render.page.raster import paint
from camctl.render.text.fonts import look_up, missing_from_fonts
from camctl.values.look import Look

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Unpack

    import numpy as np
    from numpy.typing import NDArray

    from camctl.render.page.page import Item, Strip
    from camctl.values.comparison import Comparison
    from camctl.values.look import Looks

FIGURES = (*PICTURES, ".svg", ".pdf")
"""Endings of figures that can be written."""

SIDES = {
    ".png": 65_500,
    ".jpg": MOST_A_SIDE["JPEG"],
    ".jpeg": MOST_A_SIDE["JPEG"],
    ".webp": MOST_A_SIDE["WEBP"],
    ".svg": 65_500,
    ".pdf": 19_200,
}
"""Ending -> most pixels a side: of what the format holds (PDF: 200 inches), or of what can still be opened."""

LARGEST = 4
"""How many times `most_pixels` a page may have that holds a single row."""


def figure_pages(comparison: Comparison, **look: Unpack[Looks]) -> list[Page]:
    """A figure of a comparison, on as many pages as it needs; keywords are the fields of `Look`.

    Raises `InputError` for axes, sizes, colours that cannot be drawn, and where a row alone is too large for a page.
    """
    return _pages(comparison, Look(**look), SIDES[".png"])


def pixels(comparison: Comparison, **look: Unpack[Looks]) -> NDArray[np.uint8]:
    """A figure of a comparison in one piece, (H, W, 3), uint8 RGB; keywords are the fields of `Look`.

    Raises as `figure_pages`, and `InputError` where it would not be one page.
    """
    pages = figure_pages(comparison, **look)
    if len(pages) > 1:
        message = f"The figure has {len(pages)} pages of up to {Look(**look).most_pixels:,} pixels."
        raise InputError(message, hint="Choose a smaller tile, or save it: each page becomes a file.")
    return paint(pages[0])


def save_figure(comparison: Comparison, path: str | Path, **look: Unpack[Looks]) -> list[Path]:
    """Write a figure of a comparison, in the format that the ending of `path` tells; keywords as of `figure_pages`.

    A figure of several pages becomes several files (`grid-1.png`, `grid-2.png`), or one PDF. Returns what was
    written. Raises as `figure_pages`, `check_writable` and `write_atomically`.
    """
    path = check_writable(path, FIGURES)
    return write_pages(_pages(comparison, Look(**look), SIDES[path.suffix.lower()]), path)


def write_pages(pages: Sequence[Page], path: Path) -> list[Path]:
    """Write pages in the format that the ending of `path` tells. Raises as `check_writable` and `write_atomically`."""
    ending = path.suffix.lower()
    if ending == ".pdf":
        from camctl.render.page.pdf import write_pdf

        return [write_atomically(path, lambda file: write_pdf(pages, file))]
    paths = [path]
    if len(pages) > 1:
        numbered = [path.with_name(f"{path.stem}-{number}{path.suffix}") for number in range(1, len(pages) + 1)]
        paths = [check_writable(each, FIGURES) for each in numbered]
    for page, each in zip(pages, paths, strict=True):
        if ending == ".svg":
            from camctl.render.page.svg import svg

            write_atomically(each, svg(page).encode())
        else:
            save_picture(paint(page), each, title=page.title)
    return paths


def missing_letters(comparison: Comparison, title: str = "") -> str:
    """Letters of a comparison's words that no font on this machine has, each once: boxes stand for them in figures."""
    return missing_from_fonts([*_told(comparison, Look(title=title)).texts()])


# ------------------------------------------------------------------------------------------ layout


def _told(comparison: Comparison, look: Look) -> Told:
    arrangement = arrange(comparison, look.columns, look.rows)
    return Told(comparison=comparison, arrangement=arrangement, look=look)


def _pages(comparison: Comparison, look: Look, side: int) -> list[Page]:
    frame = _frame(comparison, look)
    top, bottom = heads(frame), foot(frame)
    pages = []
    most = min(side, look.most_pixels // frame.width)
    margins = 2 * frame.sizes.margin
    fixed = margins + sum(strip.height for strip in top) + bottom.height
    for lines in _split(_lines(frame), most - fixed):
        items, y = stacked([*top, *lines, bottom], frame.sizes.margin)
        pages.append(_page(frame, items, y + frame.sizes.margin))
        _check(pages[-1], look, side)
    return pages


def _frame(comparison: Comparison, look: Look) -> Frame:
    told = _told(comparison, look)
    for bold in (False, True):
        look_up(told.texts(), bold=bold)
    size = sizes(look.tile)
    arrangement = told.arrangement
    columns = arrangement.across(comparison)
    draft = Frame(
        comparison=comparison,
        arrangement=arrangement,
        look=look,
        told=told,
        tiles=Tiles(comparison, look),
        inks=THEMES[look.theme],
        sizes=size,
        columns=columns,
        lefts=(),
        first=0,
        width=0,
    )
    gutter = max(label_width(draft, at) for at in arrangement.down(comparison))
    first = size.margin + (gutter + 2 * size.pad if gutter else 0)
    start = first if draft.pictures_across else first + size.tile + 2 * size.gap
    across = lefts(columns, arrangement.columns, size, start)
    return replace(draft, lefts=across, first=first, width=across[-1] + size.tile + size.margin)


def _lines(frame: Frame) -> Iterator[tuple[Strip | None, Strip]]:
    """Every row, and the heading of the block that it is in."""
    axes = frame.arrangement.rows
    for shared, ats in blocks(frame.arrangement.down(frame.comparison), axes):
        above = band(frame, shared, axes[:-1]) if axes[:-1] else None
        for at in ats:
            yield above, row(frame, at)


def _split(lines: Iterator[tuple[Strip | None, Strip]], height: int) -> Iterator[list[Strip]]:
    """Strips of a page each, as many rows as its height takes; a block that goes on gets its heading again."""
    page: list[Strip] = []
    block: Strip | None = None
    for above, line in lines:
        added = [above, line] if above and above is not block else [line]
        if page and sum(strip.height for strip in [*page, *added]) > height:
            yield page
            page = []
            added = [above, line] if above else [line]
        page += added
        block = above
    yield page


def _page(frame: Frame, items: Sequence[Item], height: int) -> Page:
    title = frame.look.title or next(iter(frame.told.caption()), "") or "Class activation maps"
    return Page(width=frame.width, height=height, paper=frame.inks.paper, items=tuple(items), title=title)


def _check(page: Page, look: Look, side: int) -> None:
    if max(page.width, page.height) <= side and page.width * page.height <= LARGEST * look.most_pixels:
        return
    message = f"A row of the figure would be {page.width} x {page.height} pixels, more than the file can hold."
    raise InputError(message, hint="Choose a smaller --tile, or put fewer axes across with --rows and --columns.")
