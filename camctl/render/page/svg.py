"""A page as SVG: text stays text, and pictures are JPEG."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from camctl.files.mark import MARK
from camctl.files.pictures import data_uri
from camctl.render.page.page import JPEG, Bitmap, Rectangle, Words
from camctl.render.page.svg_fonts import families, font_rules
from camctl.render.text.fonts import runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from camctl.render.page.page import Colour, Item, Page

DUBLIN_CORE = {"Command": "source", "Versions": "description"}
"""A fact about a page -> its element."""


def svg(page: Page) -> str:
    """The text of an SVG file; equal pages give equal text."""
    return "\n".join(_parts(page)) + "\n"


def _parts(page: Page) -> Iterator[str]:
    own = next((item.face.file for item in page.items if isinstance(item, Words)), None)
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_length(page, page.width)}" '
        f'height="{_length(page, page.height)}" viewBox="0 0 {page.width} {page.height}" '
        f'role="img" font-family="{families(own)}">'
    )
    yield f"<title>{escape(page.title)}</title>"
    yield _metadata(page)
    if rules := font_rules(page.items):
        yield f"<style>{rules}</style>"
    yield f'<rect width="{page.width}" height="{page.height}" fill="{_hex(page.paper)}"/>'
    for item in page.items:
        yield _item(item, page.sharpness)
    yield "</svg>"


def _length(page: Page, pixels: int) -> str:
    return f"{pixels / page.per_inch:.4f}in" if page.inches else str(pixels)


def _metadata(page: Page) -> str:
    """How the page was made, in the words of Dublin Core."""
    facts = {"title": page.title, "creator": MARK, "format": "image/svg+xml"}
    facts |= {DUBLIN_CORE[name]: text for name, text in page.facts.items()}
    lines = "".join(f"<dc:{name}>{escape(text)}</dc:{name}>" for name, text in facts.items())
    return (
        '<metadata><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/"><rdf:Description rdf:about="">{lines}'
        "</rdf:Description></rdf:RDF></metadata>"
    )


def _item(item: Item, sharpness: float) -> str:
    if isinstance(item, Words):
        return _words(item)
    position = f'x="{item.x}" y="{item.y}" width="{item.width}" height="{item.height}"'
    if isinstance(item, Bitmap):
        picture = data_uri(item.draw(round(sharpness * item.width), round(sharpness * item.height)), "JPEG", **JPEG)
        return f'<image {position} preserveAspectRatio="none" href={quoteattr(picture)}/>'
    return _rectangle(item, position)


def _words(words: Words) -> str:
    weight = ' font-weight="bold"' if words.face.bold else ""
    # The width is fixed whatever font the reader has, so that no text runs into its neighbour.
    width = f' textLength="{words.width:.2f}" lengthAdjust="spacingAndGlyphs"' if len(words.text) > 1 else ""
    return (
        f'<text x="{words.x:.2f}" y="{words.y}" font-size="{words.face.size}px"{weight} fill="{_hex(words.ink)}"'
        f'{width} xml:space="preserve">{_runs(words)}</text>'
    )


def _runs(words: Words) -> str:
    """The words; those in another font than their face's name it."""
    return "".join(
        escape(run) if file == words.face.file else f'<tspan font-family="{families(file)}">{escape(run)}</tspan>'
        for run, file in runs(words.text, words.face)
    )


def _rectangle(rectangle: Rectangle, position: str) -> str:
    fill = _hex(rectangle.fill) if rectangle.fill else "none"
    if not rectangle.edge:
        return f'<rect {position} fill="{fill}"/>'
    # A line of one pixel lies half a pixel inside the edge.
    x, y, width, height = rectangle.x + 0.5, rectangle.y + 0.5, rectangle.width - 1, rectangle.height - 1
    dashes = ' stroke-dasharray="5 5"' if rectangle.dashed else ""
    edge = _hex(rectangle.edge)
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{fill}" stroke="{edge}"{dashes}/>'


def _hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
