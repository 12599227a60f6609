"""The report of a comparison: one HTML file that asks for nothing from outside, its maps coloured in the browser.

What it says is put together in the neighbours `report_*`; how it looks and moves is in `templates/`. Maps are
embedded as small arrays, so that colour map, gain and opacity can change while one looks.
"""

from __future__ import annotations

import re
from dataclasses import replace
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from camctl.files.atomic import check_writable, write_atomically
from camctl.render.colormaps import colours
from camctl.render.figure.arrangement import arrange
from camctl.render.figure.captions import Told
from camctl.render.figure.tiles import Tiles
from camctl.render.overlay import FULL_AT, LUMA
from camctl.render.report.cells import cells
from camctl.render.report.facts import counts, default_title, facts, predictions
from camctl.render.report.grid import grid
from camctl.render.report.maps import PICTURE_SIDE, Scenes, as_text
from camctl.render.report.sanity import sanities
from camctl.render.report.tables import ladders, matrices
from camctl.render.report.words import between, figure, percent
from camctl.values.comparison import NAMES
from camctl.values.look import COLORMAPS, DEFAULT_COLORMAP, DEFAULT_OPACITY, Look

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from camctl.values.comparison import AxisName, Comparison
    from camctl.values.look import Canvas, Scale

REPORTS = (".html", ".htm")
"""Endings of a report."""

STYLES = ("page.css", "maps.css", "media.css")
SCRIPTS = ("paint.js", "maps.js", "reading.js", "controls.js")
"""In the order in which they make up the page's one style and one script."""

SCALES: tuple[Scale, ...] = ("each", "shared")

LONG_NAME = 10
"""A name of more letters may be broken, where a word of it ends."""

WORD_ENDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[._/:@-])(?=\w)")


def report(
    comparison: Comparison,
    *,
    columns: Sequence[AxisName] = (),
    rows: Sequence[AxisName] = (),
    title: str = "",
    colormap: str = DEFAULT_COLORMAP,
    opacity: float = DEFAULT_OPACITY,
    scale: Scale = "each",
    canvas: Canvas | None = None,
) -> str:
    """The HTML of a comparison's report, whole in itself.

    Colours, opacity and scale are where its controls start. `canvas` None shows what the model was given, or, where
    models were given different parts of one picture, the whole of it. Raises `InputError` for an axis named twice or
    an opacity outside 0..1, `UnknownNameError` for an unknown colormap.
    """
    look = Look(tile=PICTURE_SIDE, canvas=canvas, colormap=colormap, opacity=opacity)
    arranged = arrange(comparison, columns, rows)
    told = Told(comparison=comparison, arrangement=arranged, look=look)
    scenes = Scenes(comparison, Tiles(comparison, look))
    shown = cells(comparison, arranged, scenes)
    laid_out = grid(told, shown, scenes)
    chosen = "grey" if colormap.casefold() == "gray" else colormap.casefold()
    start = {"colormap": chosen, "opacity": opacity, "gain": 1, "scale": scale, "sort": ""}
    data = {
        "start": start,
        "units": {name: replace(told, look=replace(look, scale=name)).scale_label() for name in SCALES},
        "fullAt": FULL_AT,
        "luma": LUMA.tolist(),
        "palettes": {name: as_text(colours(name).tobytes()) for name in COLORMAPS},
        "scenes": [scene.data for scene in scenes.found],
        "cells": [one.data for one in shown],
        "columns": laid_out.columns,
        "rows": [row.at for row in laid_out.rows],
    }
    wide = len(laid_out.columns) + 1
    style = _text(STYLES) + f":root {{ --columns: {wide}; --across: {wide}; }}\n"
    script = _text(SCRIPTS)
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(script)}';"
        " base-uri 'none'; form-action 'none'"
    )
    page: str = _template().render(
        title=title or default_title(comparison),
        counts=counts(comparison),
        warning=told.warning(),
        facts=facts(comparison),
        runs=predictions(comparison),
        grid=laid_out,
        axes=[(name, NAMES[name][1], comparison.axis(name).labels) for name in reversed(comparison.varying)],
        metrics=comparison.metrics,
        ladders=ladders(comparison),
        matrices=matrices(comparison),
        sanities=sanities(comparison, look),
        colormaps=COLORMAPS,
        start=start,
        data=data,
        policy=policy,
        style=style,
        script=script,
    )
    return page


class How(TypedDict, total=False):
    """What `report` may be told beside the comparison."""

    columns: Sequence[AxisName]
    rows: Sequence[AxisName]
    title: str
    colormap: str
    opacity: float
    scale: Scale
    canvas: Canvas | None


def save_report(comparison: Comparison, path: str | Path, **how: Unpack[How]) -> Path:
    """Write the report to an HTML file. Raises as `report`, `check_writable` and `write_atomically` do."""
    path = check_writable(path, REPORTS)
    # A file name may hold bytes that are no text: they are shown as question marks.
    return write_atomically(path, report(comparison, **how).encode("utf-8", "replace"))


# -------------------------------------------------------------------------------------- the template


def _template() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("camctl.render.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {"percent": percent, "figure": figure, "between": between, "breakable": _breakable}
    return environment.get_template("report.html.j2")


def _text(names: Sequence[str]) -> str:
    folder = files("camctl.render.report").joinpath("templates")
    return "\n".join(folder.joinpath(name).read_text(encoding="utf-8") for name in names)


def _hash(text: str) -> str:
    return f"sha256-{as_text(sha256(text.encode()).digest())}"


def _breakable(name: str) -> str:
    """A name, escaped, with a place to break it behind each of its words."""
    from markupsafe import Markup

    return Markup("<wbr>").join(WORD_ENDS.split(name) if len(name) > LONG_NAME else [name])
