"""A comparison as files: figures and reports, according to the ending."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from camctl.files.atomic import PICTURES, check_writable, write_atomically
from camctl.files.pictures import LONGEST_SIDE, save_picture
from camctl.render.figure.figure import figure_pages
from camctl.render.figure.sanity import sanity_pages
from camctl.render.page.pdf import write_pdf
from camctl.render.page.raster import paint
from camctl.render.page.svg import svg
from camctl.render.report.report import report
from camctl.values.look import Look

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
        # The name of a file may hold bytes that are not text: they become question marks.
        return [write_atomically(path, report(comparison, **look).encode("utf-8", "replace"))]
    choices = Look(**look)
    side = SIDES.get(ending, LONGEST_SIDE["JPEG"])
    paths = _write_pages(figure_pages(comparison, choices, side), path)
    if comparison.sanity:
        paths += _write_pages(sanity_pages(comparison, choices), check_writable(sanity_path(path), FIGURES))
    return paths


def _write_pages(pages: Sequence[Page], path: Path) -> list[Path]:
    """Write pages in the format of the path's ending."""
    ending = path.suffix.lower()
    if ending == ".pdf":
        return [write_atomically(path, lambda file: write_pdf(pages, file))]
    paths = [path]
    if len(pages) > 1:
        numbers = range(1, len(pages) + 1)
        paths = [check_writable(path.with_name(f"{path.stem}-{n}{path.suffix}"), FIGURES) for n in numbers]
    for page, target in zip(pages, paths, strict=True):
        if ending == ".svg":
            write_atomically(target, svg(page).encode())
        else:
            save_picture(paint(page), target, title=page.title)
    return paths
