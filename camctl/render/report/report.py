"""The report of a comparison: one HTML file that loads nothing from outside; its maps are coloured in the browser.

How it looks and moves is in `templates/`. Maps are embedded as small arrays, so that colour map, gain and opacity can
change while one looks.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from camctl.files.mark import MARK
from camctl.files.pictures import base64_text
from camctl.ranking import agreement, sanity, standings
from camctl.ranking.words import beaten_texts, likeness_text, stage_headings, too_few
from camctl.render.colormaps import COLORMAPS, DIVERGING_COLORMAPS, colours, fitting, known_colormap
from camctl.render.figure.sanity import sanity_pages
from camctl.render.layout.captions import scale_text
from camctl.render.layout.layout import lay_out
from camctl.render.layout.naming import renamed
from camctl.render.layout.tiles import Tiles
from camctl.render.overlay import FULL_AT, LUMA
from camctl.render.page.raster import paint
from camctl.render.report import words
from camctl.render.report.assets import policy, template, text_of
from camctl.render.report.commands import map_command
from camctl.render.report.maps import PICTURE_SIDE, Scenes, cells_data, thumbnail, webp
from camctl.render.report.outlines import Outlines
from camctl.values.axis import NAMES
from camctl.values.comparison import ANOTHER
from camctl.values.look import DEFAULT_COLORMAP, DEFAULT_OPACITY, Look

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Unpack

    from camctl.render.layout.layout import Layout
    from camctl.values.comparison import Comparison, Sanity
    from camctl.values.look import Looks, Scale

FOLDER = "camctl.render.report"

STYLES = ("page.css", "maps.css", "media.css")
SCRIPTS = ("paint.js", "outlines.js", "maps.js", "reading.js", "controls.js", "enlarge.js", "pins.js", "start.js")
"""Files of the page's style and script, in order."""

SCALES: tuple[Scale, ...] = ("each", "shared")


def report(comparison: Comparison, **look: Unpack[Looks]) -> str:
    """The HTML of a comparison's report; keywords are the fields of `Look`.

    Colours, opacity and scale are where its controls start; theme and tile are the reader's choice. Raises `InputError`
    if an axis is named twice or the opacity is outside 0..1, `UnknownNameError` if the colour map does not exist.
    """
    choices = replace(Look(**look), tile=PICTURE_SIDE)
    # Commands are for the tool, which knows no other names.
    commands = [map_command(comparison, cell, signed=choices.signed) for cell in comparison.cells]
    comparison = renamed(comparison, choices.name)
    layout = lay_out(comparison, choices)
    scenes = Scenes(comparison, Tiles(comparison, choices))
    style = text_of(FOLDER, STYLES) + ":root {{ --columns: {0}; --across: {0}; }}\n".format(len(layout.columns) + 1)
    script = text_of(FOLDER, SCRIPTS)
    data = _data(layout, scenes, commands)
    page: str = template(FOLDER, "report.html.j2", words.FILTERS).render(
        _facts(layout),
        title=choices.title or words.title_of(comparison),
        comparison=comparison,
        layout=layout,
        indices={cell: index for index, cell in enumerate(comparison.cells)},
        scenes=scenes,
        start=data["start"],
        data=data,
        policy=policy(style, script),
        style=style,
        script=script,
    )
    size = words.size_text(len(page.encode(errors="replace")))
    # Markup in any text is escaped, so that no other text is this one.
    return page.replace('<span id="size"></span>', f'<span id="size">{size} in this file.</span>', 1)


def _facts(layout: Layout) -> dict[str, Any]:
    """What the template says besides the grid, and the functions that it words it with."""

    def sanity_pictures(sanity: Sanity) -> list[str]:
        return [webp(paint(page)) for page in sanity_pages(replace(comparison, sanity=(sanity,)), look)]

    comparison, look = layout.comparison, layout.look
    runs, ladders = comparison.explanations, standings.ladders(comparison)
    return {
        "names": NAMES,
        "varying": comparison.varying[::-1],
        "dimensions": words.dimensions(comparison),
        "models": words.model_names(comparison),
        # An embedding is no prediction.
        "predicting": {at: run for at, run in runs.items() if not (run.predictions and run.predictions[0].plain)},
        "runs": {model: run for (_, model), run in reversed(list(runs.items()))},
        "verdicts": words.verdicts(comparison),
        "targets": dict.fromkeys((cam.target.title, cam.target.index) for cam in comparison.maps),
        "remarks": words.remarks(comparison),
        "versions": {name: text for run in runs.values() for name, text in run.versions.items()},
        "ladders": ladders,
        "best_methods": words.best_methods(ladders.get("method", ()), comparison.metrics),
        "beaten_texts": beaten_texts,
        "too_few": too_few,
        "matrices": agreement.agreement(comparison),
        "sanity_rows": sanity.sanity_rows(comparison),
        "stage_headings": stage_headings,
        "likeness_text": likeness_text,
        "sanity_pictures": sanity_pictures,
        "another": ANOTHER,
        "colormaps": _offered(layout),
        "thumbnail": thumbnail,
        "made_by": MARK,
    }


def _offered(layout: Layout) -> dict[str, str]:
    """The colour maps to choose from, with words for each: those that fit, and the one that was asked for."""
    name = known_colormap(layout.colormap)
    offered = DIVERGING_COLORMAPS if layout.look.signed else COLORMAPS
    return offered if name in offered else {name: "", **offered}


def _data(layout: Layout, scenes: Scenes, commands: Sequence[str]) -> dict[str, Any]:
    """What the script needs."""
    comparison, look = layout.comparison, layout.look
    start = {"colormap": known_colormap(layout.colormap), "opacity": look.opacity, "gain": 1, "scale": look.scale}
    start["figure"] = comparison.metrics[0].name if comparison.metrics else ""
    outlines = Outlines(look.cut)
    cells = cells_data(comparison, scenes, outlines, commands, signed=look.signed)
    # Every picture of the page is embedded before the list of pictures is written.
    across = map(comparison.cell, layout.columns)
    for cell in across if layout.pictures_across else (row.pictured for row in layout.rows):
        scenes.of(cell)
    return {
        "start": start,
        "signed": look.signed,
        "usual": {"colormap": fitting(DEFAULT_COLORMAP, signed=look.signed), "opacity": DEFAULT_OPACITY},
        "metrics": [{"name": m.name, "title": m.title, "better": m.better} for m in comparison.metrics],
        "facts": [*words.map_facts(comparison, comparison.cells[0]), "parts"],
        "units": {scale: scale_text(comparison, scale, signed=look.signed) for scale in SCALES},
        "fullAt": FULL_AT,
        "luma": LUMA.tolist(),
        "palettes": {name: base64_text(colours(name).tobytes()) for name in _offered(layout)},
        "scenes": [scene.data for scene in scenes.all],
        "cells": cells,
        "outlines": outlines.all,
        "labels": {axis.name: axis.labels for axis in comparison.axes},
        "columns": layout.columns,
        "rows": [row.at for row in layout.rows],
    }
