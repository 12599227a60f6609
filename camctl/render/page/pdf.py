"""Pages as one PDF, written by matplotlib: text stays text, with its fonts in the file, and pictures are JPEG.

matplotlib compresses pictures without loss, which takes four times the bytes. So it is given blanks, and the pictures
follow as an update, with which any reader of PDF replaces objects of the file before it.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any

from camctl.files.mark import MARK
from camctl.files.pictures import encoded
from camctl.render.page.page import JPEG, PER_INCH, Bitmap, Rectangle, Words
from camctl.render.text.font_files import POSTSCRIPT, kind_of, silent
from camctl.render.text.fonts import runs
from camctl.values.texts import valid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from camctl.render.page.page import Colour, Page

POINT = 72 / PER_INCH
"""Points per pixel."""

PDF_NAMES = {"Command": "Subject", "Versions": "Keywords"}
"""A fact about a page -> its name in the document's information."""

BLANK = re.compile(rb"(?<=\n)(\d+) 0 obj\n<<(?:(?!endobj).)*?/Subtype /Image.*?>>\nstream", re.DOTALL)
"""A picture in a file of matplotlib's; its group is the number of the object."""

SETTINGS: dict[Any, Any] = {
    "pdf.fonttype": 42,  # the letters used of each font, as they are: text can be searched, copied and edited
    "image.composite_image": False,
    "text.parse_math": False,
    "text.usetex": False,
}


OUTLINES = 3
"""`pdf.fonttype` for fonts whose letters matplotlib cannot embed as they are: it draws them."""


def write_pdf(pages: Sequence[Page], file: IO[bytes]) -> None:
    """Write pages into an open file; equal pages give equal bytes."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_pdf import PdfPages

    blanks = BytesIO()
    metadata = {"Title": valid(pages[0].title), "Creator": MARK, "Producer": None, "CreationDate": None}
    metadata |= {PDF_NAMES[name]: valid(text) for name, text in pages[0].facts.items()}
    drawn = any(kind_of(file) == POSTSCRIPT for file in _font_files(pages))
    settings = SETTINGS | ({"pdf.fonttype": OUTLINES} if drawn else {})
    with warnings.catch_warnings(), silent(), rc_context(settings), PdfPages(blanks, metadata=metadata) as document:
        # Letters that no font has are drawn as boxes, as in pixels; `missing_letters` reports them.
        warnings.filterwarnings("ignore", message="Glyph")
        for page in pages:
            document.savefig(_figure(page), facecolor=_rgb(page.paper))
    pictures = [_jpeg(item, page.sharpness) for page in pages for item in page.items if isinstance(item, Bitmap)]
    file.write(_with_pictures(blanks.getvalue(), pictures))


def _font_files(pages: Sequence[Page]) -> set[str]:
    words = [item for page in pages for item in page.items if isinstance(item, Words)]
    return {file for item in words for _, file in runs(item.text, item.face) if file is not None}


def _jpeg(item: Bitmap, sharpness: float) -> bytes:
    """A picture as an object of a PDF, from its dictionary on."""
    width, height = round(sharpness * item.width), round(sharpness * item.height)
    # matplotlib's matrices for axes that go downwards turn a picture upside down.
    content = encoded(item.draw(width, height)[::-1], "JPEG", **JPEG)
    kind = f"/Type /XObject /Subtype /Image /Width {width} /Height {height} /ColorSpace /DeviceRGB /BitsPerComponent 8"
    return f"<< {kind} /Filter /DCTDecode /Length {len(content)} >>\nstream\n".encode() + content + b"\nendstream"


def _with_pictures(document: bytes, pictures: Sequence[bytes]) -> bytes:
    """A document with pictures instead of its blanks, in their order (ISO 32000-1, 7.5.6: incremental updates)."""
    numbers = [int(found[1]) for found in BLANK.finditer(document)]
    if not pictures:
        return document
    parts, end, entries = [document], len(document), [b"0 1\n0000000000 65535 f \n"]
    for number, picture in zip(numbers, pictures, strict=True):
        entries.append(f"{number} 1\n{end:010} 00000 n \n".encode())
        parts.append(b"%d 0 obj\n" % number + picture + b"\nendobj\n")
        end += len(parts[-1])
    before = document[document.rindex(b"startxref") :].split()[1]
    trailer = document[document.rindex(b"trailer") : document.rindex(b"startxref")].rstrip().removesuffix(b">>")
    return b"".join([*parts, b"xref\n", *entries, trailer, b"/Prev %s >>\nstartxref\n%d\n%%%%EOF\n" % (before, end)])


def _figure(page: Page) -> Figure:
    import numpy as np
    from matplotlib.figure import Figure

    figure = Figure(figsize=(page.width / page.per_inch, page.height / page.per_inch), dpi=PER_INCH)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_autoscale_on(False)
    axes.set_xlim(0, page.width)
    axes.set_ylim(page.height, 0)
    for order, item in enumerate(page.items):
        if isinstance(item, Words):
            _write(axes, item, order)
        elif isinstance(item, Rectangle):
            _rectangle(axes, item, order)
        elif isinstance(item, Bitmap):
            extent = (item.x, item.x + item.width, item.y + item.height, item.y)
            blank = np.full((1, 1, 3), 255, np.uint8)  # one for each, as matplotlib writes an array once
            axes.imshow(blank, extent=extent, aspect="auto", interpolation="none", zorder=order, clip_on=False)
    return figure


def _write(axes: Axes, words: Words, order: int) -> None:
    from matplotlib.font_manager import FontProperties

    x = words.x
    for run, file in runs(words.text, words.face):
        font = FontProperties(fname=file, size=words.face.size * POINT)
        axes.text(x, words.y, run, fontproperties=font, color=_rgb(words.ink), va="baseline", ha="left", zorder=order)
        x += words.face.length(run)


def _rectangle(axes: Axes, rectangle: Rectangle, order: int) -> None:
    from matplotlib.patches import Rectangle as Patch

    # A line of one pixel lies half a pixel inside the edge.
    inset = 0.5 if rectangle.edge else 0
    patch = Patch(
        (rectangle.x + inset, rectangle.y + inset),
        rectangle.width - 2 * inset,
        rectangle.height - 2 * inset,
        facecolor=_rgb(rectangle.fill) if rectangle.fill else "none",
        edgecolor=_rgb(rectangle.edge) if rectangle.edge else "none",
        linewidth=POINT if rectangle.edge else 0,
        linestyle=(0, (5, 5)) if rectangle.dashed else "solid",
        zorder=order,
        clip_on=False,
    )
    axes.add_artist(patch)


def _rgb(colour: Colour) -> tuple[float, float, float]:
    red, green, blue = colour
    return red / 255, green / 255, blue / 255
