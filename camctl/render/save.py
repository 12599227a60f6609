"""A comparison as files: figures and reports, according to the ending."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from camctl.errors import InputError
from camctl.files.atomic import PICTURES, check_writable, write_atomically
from camctl.files.mark import check_replaceable, origin
from camctl.files.pictures import LONGEST_SIDE, save_picture
from camctl.render.figure.figure import LONGEST, figure_pages
from camctl.render.figure.frame import frames_of
from camctl.render.figure.sanity import sanity_pages
from camctl.render.layout.layout import lay_out
from camctl.render.layout.naming import renamed
from camctl.render.page.page import PER_INCH
from camctl.render.page.pdf import write_pdf
from camctl.render.page.raster import paint
from camctl.render.page.svg import svg
from camctl.render.report.report import report
from camctl.values.look import Look
from camctl.values.texts import valid

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Unpack

    from camctl.render.page.page import Page
    from camctl.values.comparison import Comparison
    from camctl.values.look import Looks

FIGURES = (*PICTURES, ".svg", ".pdf")
"""Endings of figures."""

REPORT = ".html"

ENDINGS = (*FIGURES, REPORT)
"""Endings of all files that can be written."""

SHEET = "7in"
"""Most that a PDF is wide unless a width is asked for: no letter is then smaller than 7 points on a page."""

SIDES = {".webp": LONGEST_SIDE["WEBP"], ".pdf": 19_200}
"""Ending -> most pixels on a side; PDF holds 200 inches."""


def sanity_path(path: Path) -> Path:
    """The file of the sanity figure, next to that of the maps."""
    return path.with_name(f"{path.stem}-sanity{path.suffix}")


def save_comparison(comparison: Comparison, path: str | Path, **look: Unpack[Looks]) -> list[Path]:
    """Write a figure or a report; keywords are the fields of `camctl.values.look.Look`.

    A figure of several pages becomes several files (`grid-1.png`, `grid-2.png`), or one PDF. A comparison with sanity
    checks gets a second figure, `grid-sanity.png`. Returns the files written. Raises `InputError` if the figure cannot
    be drawn or the path cannot be written to, `CamctlError` if the disk fails.
    """
    path = check_writable(path, ENDINGS)
    ending = path.suffix.lower()
    if ending == REPORT:
        return [write_atomically(path, valid(report(comparison, **look)).encode())]
    choices = Look(**look)
    comparison = renamed(comparison, choices.name)
    side = SIDES.get(ending, LONGEST)
    choices = printable(comparison, choices) if ending == ".pdf" else choices
    figures = {path: figure_pages(comparison, choices, side)}
    if comparison.sanity:
        figures[sanity_path(path)] = sanity_pages(comparison, choices)
    files = {place: page_paths(place, len(pages)) for place, pages in figures.items()}
    for file in (file for pages in files.values() for file in pages if file != path):
        check_replaceable([check_writable(file, FIGURES)])
    facts = {} if choices.no_metadata else origin(comparison.explanations.values(), choices.command)
    return [
        file
        for place, pages in figures.items()
        for file in _write_pages([replace(page, facts=facts) for page in pages], files[place])
    ]


def printable(comparison: Comparison, look: Look) -> Look:
    """Return the look with a width that is readable in print, if none was chosen and the columns fit into it."""
    sheet = replace(look, width=look.width or SHEET)
    layout = lay_out(comparison, look)
    if look.width or frames_of(layout)[0].width <= PER_INCH * (sheet.inches or 0):
        return look
    try:
        frames_of(replace(layout, look=sheet))
    except InputError:  # more columns side by side than any sheet takes: it is for a screen
        return look
    return sheet


def page_paths(path: Path, pages: int) -> list[Path]:
    """The file of each page: `path` itself for one page, and for any number of a PDF."""
    if pages == 1 or path.suffix.lower() == ".pdf":
        return [path]
    return [path.with_name(f"{path.stem}-{number}{path.suffix}") for number in range(1, pages + 1)]


def _write_pages(pages: Sequence[Page], paths: Sequence[Path]) -> list[Path]:
    """Write pages in the format of the paths' ending."""
    ending = paths[0].suffix.lower()
    if ending == ".pdf":
        return [write_atomically(paths[0], lambda file: write_pdf(pages, file))]
    for page, target in zip(pages, paths, strict=True):
        if ending == ".svg":
            write_atomically(target, valid(svg(page)).encode())
        else:
            save_picture(paint(page), target, title=page.title, dpi=page.dpi, facts=page.facts)
    return list(paths)
