"""Pages as one PDF, written by matplotlib: text stays text, with its fonts in the file."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, Any

from camctl.files.mark import MARK
from camctl.render.page.page import PER_INCH, Bitmap, Rectangle, Words
from camctl.render.text.fonts import runs
from camctl.values.texts import valid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from camctl.render.page.page import Colour, Page

POINT = 72 / PER_INCH
"""Points per pixel."""

SHARPNESS = 2
"""Pixels of a picture per pixel of the page."""

MOST_PIXELS = 100_000_000
"""Most pixels in all pictures, which matplotlib holds until the end; beyond it they are no sharper than the page."""

PDF_NAMES = {"Command": "Subject", "Versions": "Keywords"}
"""A fact about a page -> its name in the document's information."""

SETTINGS: dict[Any, Any] = {
    "pdf.fonttype": 42,  # fonts as they are, so that text can be searched, copied and edited
    "image.composite_image": False,
    "text.parse_math": False,
    "text.usetex": False,
}


def write_pdf(pages: Sequence[Page], file: IO[bytes]) -> None:
    """Write pages into an open file; equal pages give equal bytes."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_pdf import PdfPages

    area = sum(item.width * item.height for page in pages for item in page.items if isinstance(item, Bitmap))
    sharpest = max(SHARPNESS, pages[0].scale)
    sharpness = sharpest if area * sharpest**2 <= MOST_PIXELS else 1
    metadata = {"Title": valid(pages[0].title), "Creator": MARK, "Producer": None, "CreationDate": None}
    metadata |= {PDF_NAMES[name]: valid(text) for name, text in pages[0].facts.items()}
    with warnings.catch_warnings(), rc_context(SETTINGS), PdfPages(file, metadata=metadata) as document:
        # Letters that no font has are drawn as boxes, as in pixels; `missing_letters` reports them.
        warnings.filterwarnings("ignore", message="Glyph")
        for page in pages:
            document.savefig(_figure(page, sharpness), facecolor=_rgb(page.paper))


def _figure(page: Page, sharpness: float) -> Figure:
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
            pixels = item.draw(round(sharpness * item.width), round(sharpness * item.height))
            extent = (item.x, item.x + item.width, item.y + item.height, item.y)
            axes.imshow(pixels, extent=extent, aspect="auto", interpolation="none", zorder=order, clip_on=False)
    return figure


def _write(axes: Axes, words: Words, order: int) -> None:
    from matplotlib.font_manager import FontProperties

    x = words.x
    for run, file in runs(words.text, bold=words.face.bold):
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
