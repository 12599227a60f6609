"""Explanations and comparisons in a notebook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from camctl.errors import InputError
from camctl.files.pictures import base64_text, encoded
from camctl.render.figure.figure import figure_pages
from camctl.render.page.raster import paint
from camctl.render.report.report import report
from camctl.values.axis import AXES, Axis, places
from camctl.values.comparison import Cell, Comparison
from camctl.values.look import Look
from camctl.values.questions import PAIR

if TYPE_CHECKING:
    from camctl.values.explanation import Explanation

TILE = 160
"""Side of a map in pixels: six fit the width of a notebook."""

FRAME_HEIGHT = 720


def png(result: Comparison | Explanation) -> bytes | None:
    """The figure as PNG, its first page if it has several; None if there is nothing to draw, or a row is too large."""
    if not result.maps and not isinstance(result, Comparison):
        return None
    try:
        return encoded(paint(figure_pages(_comparison(result), Look(tile=TILE))[0]), "PNG", compress_level=4)
    except InputError:
        return None


def html(result: Comparison | Explanation) -> str | None:
    """The figure, and the report folded away below it, in a frame that may load nothing; None as for `png`."""
    figure = png(result)
    if figure is None:
        return None
    comparison = _comparison(result)
    maps = "; ".join(f"{cam.method} of {cam.target.title}: {cam.verdict}" for cam in comparison.maps)
    words = f"Class activation maps by {', '.join(comparison.axis('model').labels)}. {maps}"
    return (
        f'<img alt="{escape(words, quote=True)}" style="max-width: 100%"'
        f' src="data:image/png;base64,{base64_text(figure)}">'
        "<details><summary>Look closer</summary>"
        f'<iframe title="Report" sandbox="allow-scripts" style="width: 100%; height: {FRAME_HEIGHT}px; border: 0"'
        f' srcdoc="{escape(report(comparison), quote=True)}"></iframe></details>'
    )


def _comparison(result: Comparison | Explanation) -> Comparison:
    if isinstance(result, Comparison):
        return result
    # The maps run over pictures (both of a pair), classes, and methods within each.
    first, questions = result.maps[0], {(id(cam.picture), cam.target.title) for cam in result.maps}
    pictures, classes = [first.picture], tuple(dict.fromkeys(cam.target.title for cam in result.maps))
    methods = tuple(cam.method for cam in result.maps[: len(result.maps) // len(questions)])
    if len(questions) > len(classes) or any(cam.picture is not first.picture for cam in result.maps):
        # A row for each picture of each pair.
        pictures, classes = [cam.picture for cam in result.maps[:: len(methods)]], (PAIR,)
    smoothing = "" if first.smoothing == "none" else first.smoothing
    images = tuple(picture.path for picture in pictures)
    labels = (images, (result.model,), (" + ".join(first.layers),), classes, (smoothing,), methods)
    axes = tuple(Axis(name=name, labels=values) for name, values in zip(AXES, labels, strict=True))
    cells = tuple(Cell(at=at, cam=cam) for at, cam in zip(places(axes), result.maps, strict=True))
    runs = {(number, 0): result for number in range(len(pictures))}
    return Comparison(axes=axes, cells=cells, explanations=runs, pictures=tuple(pictures))
