"""The sanity of a comparison in a report: a table a model, and its figure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING

from camctl.ranking import sanity_rows
from camctl.render.figure.sanity import likeness_text, sanity_pages, stage_heads
from camctl.render.page.raster import paint
from camctl.render.report.maps import as_text
from camctl.render.report.words import MINUS
from camctl.values.comparison import ANOTHER

if TYPE_CHECKING:
    from camctl.render.page.page import Page
    from camctl.values.comparison import Comparison
    from camctl.values.look import Look


@dataclass(frozen=True, kw_only=True)
class SanityTable:
    """What the report says of a model; its name is empty where there is one."""

    model: str
    heads: list[str]
    rows: list[tuple[str, list[str], str]]
    """(method, figures, mark)."""
    pictures: list[str]
    """As addresses that hold them."""


def sanities(comparison: Comparison, look: Look) -> list[SanityTable]:
    """One a model; none where it was not asked for."""
    rows = sanity_rows(comparison)
    several = "model" in comparison.varying
    found = []
    for one in comparison.sanity:
        lines = []
        for row in rows[one.model]:
            figures = [likeness_text(row.stages.get(stage)) for stage in (*one.stages, ANOTHER)]
            lines.append((row.label, [text.replace("-", MINUS) for text in figures], row.mark))
        pages = sanity_pages(replace(comparison, sanity=(one,)), look)
        found.append(
            SanityTable(
                model=comparison.axis("model").labels[one.model] if several else "",
                heads=stage_heads(one),
                rows=lines,
                pictures=[_source(page) for page in pages],
            )
        )
    return found


def _source(page: Page) -> str:
    from PIL import Image

    encoded = BytesIO()
    Image.fromarray(paint(page)).save(encoded, "WEBP", quality=82, method=4)
    return f"data:image/webp;base64,{as_text(encoded.getvalue())}"
