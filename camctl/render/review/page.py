"""The page of a review: one HTML file that loads nothing; its maps are coloured in the browser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from camctl.files.atomic import write_atomically
from camctl.files.pictures import base64_text
from camctl.ranking.words import DASH, correlation_text, percent
from camctl.render.colormaps import COLORMAPS, colours
from camctl.render.overlay import FULL_AT, LUMA
from camctl.render.report.assets import policy, template, text_of
from camctl.render.report.words import breakable, figure
from camctl.render.review.choice import MOST, chosen
from camctl.render.review.pictures import PageData
from camctl.values.look import DEFAULT_COLORMAP, DEFAULT_OPACITY
from camctl.values.texts import valid

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from camctl.results import Results
    from camctl.results.summary import ClassSummary, Summary

    Progress = Callable[[str, int, int], None]

REPORT, REVIEW = "camctl.render.report", "camctl.render.review"

STYLES = ((REPORT, ("page.css", "maps.css", "media.css")), (REVIEW, ("review.css",)))
SCRIPTS = (
    (REPORT, ("paint.js", "outlines.js")),
    (REVIEW, ("pictures.js", "filters.js", "gallery.js", "dialog.js", "start.js")),
)
"""Files of the page's style and script, in order."""

MOST_ROWS = 1000
"""Maximum number of classes of the table: those in the most trouble."""

MOST_CLASSES = 20
"""Maximum number of classes of the matrix of mistakes: those with the most."""


@dataclass(frozen=True)
class Saved:
    """What was written: the file, the number of its pictures and of all, and of those that could not be read."""

    path: Path
    pictures: int
    total: int
    missing: int


def save_review(
    results: Results, summary: Summary, path: str | Path, *, most: int = MOST, progress: Progress | None = None
) -> Saved:
    """Write the page of a review.

    Parameters
    ----------
    results, summary
        From `open_results` and `summarise`.
    path
        The file.
    most
        Maximum number of pictures; beyond it the page has the worst, and some at random.
    progress
        Called with words, the number of pictures that are done and of all.

    Raises
    ------
    CamctlError
        The file cannot be written.
    """
    source = PageData(results, summary, chosen(results, summary, most))
    pictures = []
    for picture in source.pictures():
        pictures.append(picture)
        if progress is not None:
            progress("Reading pictures", len(pictures), source.total)
    text = page(summary, pictures, extra=source.extra, missing=source.missing, fused=source.fused)
    saved = write_atomically(path, valid(text).encode())
    return Saved(saved, len(pictures), summary.pictures, source.missing)


def page(summary: Summary, pictures: list[dict[str, Any]], *, extra: list[str], missing: int, fused: bool) -> str:
    """Return the HTML of a review."""
    style = "\n".join(text_of(package, names) for package, names in STYLES) + ":root { --columns: 6; }\n"
    script = "\n".join(text_of(package, names) for package, names in SCRIPTS)
    data = {
        "pictures": pictures,
        "extra": extra,
        "better": list(summary.better.items()),
        "methods": [method.name for method in summary.methods if not method.baseline],
        "means": [_mean(item) for item in summary.classes[:MOST_ROWS]],
        "start": {"colormap": DEFAULT_COLORMAP, "opacity": DEFAULT_OPACITY},
        "fullAt": FULL_AT,
        "luma": LUMA.tolist(),
        "palettes": {name: base64_text(colours(name).tobytes()) for name in COLORMAPS},
    }
    html: str = template(REVIEW, "review.html.j2", (percent, figure, breakable, correlation_text, counted)).render(
        summary=summary,
        warnings=list(summary.warnings()),
        shown=len(pictures),
        leads=_leads(pictures),
        missing=missing,
        fused=fused,
        classes=summary.classes[:MOST_ROWS],
        matrix=Matrix.of(summary),
        data=data,
        dash=DASH,
        colormaps=COLORMAPS,
        policy=policy(style, script),
        style=style,
        script=script,
    )
    return html


def _leads(pictures: list[dict[str, Any]]) -> dict[str, int]:
    """Return how many pictures of the page differ from their label, have a map that is not ok, and have an error."""
    return {
        "differ": sum(picture["right"] is False for picture in pictures),
        "faulty": sum(any(one["verdict"] not in {"ok", None} for one in picture["maps"]) for picture in pictures),
        "failed": sum(picture["error"] is not None for picture in pictures),
    }


def counted(number: int, word: str, plural: str = "") -> str:
    """`1 picture`, `2,000 pictures`."""
    return f"{number:,} {word if number == 1 else plural or word + 's'}"


def _mean(item: ClassSummary) -> dict[str, Any] | None:
    """Return the mean map of a class as bytes, 255 for its peak."""
    import numpy as np

    if item.mean is None:
        return None
    levels = np.round(item.mean / (item.mean.max() or 1) * 255).astype(np.uint8)
    return {"grid": list(levels.shape), "levels": base64_text(levels.tobytes())}


@dataclass(frozen=True)
class Matrix:
    """Which classes are taken for which: names, and counts by label and prediction, with the depth of each colour."""

    names: list[str]
    counts: list[list[int]]
    steps: list[list[int]]
    left_out: int

    @classmethod
    def of(cls, summary: Summary) -> Matrix | None:
        """Return the matrix of the classes with the most mistakes; None if nothing is known to be wrong or right."""
        import numpy as np

        involved: dict[int, int] = {}
        for label, guess in summary.confusion:
            involved.setdefault(label, 0)
            involved.setdefault(guess, 0)
        if len(involved) < 2:  # noqa: PLR2004
            return None
        for label, guess, count in summary.confused:
            involved[label] += count
            involved[guess] += count
        order = sorted(involved, key=lambda index: (-involved[index], index))[:MOST_CLASSES]
        order.sort()
        counts = np.array([[summary.confusion.get((label, guess), 0) for guess in order] for label in order])
        mistakes = counts * (1 - np.eye(len(order), dtype=int))
        steps = np.ceil(10 * np.sqrt(mistakes / max(mistakes.max(), 1))).astype(int)
        names = [summary.names.get(index, str(index)) for index in order]
        return cls(names, counts.tolist(), steps.tolist(), len(involved) - len(order))
