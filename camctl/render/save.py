"""A comparison in a file of whatever kind its ending tells: a figure or a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from camctl.files.atomic import check_writable
from camctl.render.figure.figure import FIGURES, save_figure, write_pages
from camctl.values.look import Look

if TYPE_CHECKING:
    from typing import Unpack

    from camctl.render.report.report import How
    from camctl.values.comparison import Comparison
    from camctl.values.look import Looks

REPORT = ".html"

ENDINGS = (*FIGURES, REPORT)
"""Endings of what can be written."""

IN_A_REPORT = frozenset({"columns", "rows", "title", "colormap", "opacity", "scale", "canvas"})
"""Of the choices for a figure, those that a report takes: it has both themes, and each reader's size."""


def beside_of(path: Path) -> Path:
    """Where the figure of the sanity goes, beside that of the maps."""
    return path.with_name(f"{path.stem}-sanity{path.suffix}")


def save_comparison(comparison: Comparison, path: str | Path, **look: Unpack[Looks]) -> list[Path]:
    """Write a figure or a report; returns the files, of which a figure of several pages has several.

    A comparison with sanity has a figure of that beside its own, `grid-sanity.png`. Keywords are the fields of
    `camctl.values.look.Look`. Raises as `save_figure` and `save_report` do.
    """
    path = Path(path)
    if path.suffix.lower() != REPORT:
        paths = save_figure(comparison, path, **look)
        if comparison.sanity:
            from camctl.render.figure.sanity import sanity_pages

            beside = check_writable(beside_of(path), FIGURES)
            paths += write_pages(sanity_pages(comparison, Look(**look)), beside)
        return paths
    from camctl.render.report.report import save_report

    return [save_report(comparison, path, **cast("How", {k: v for k, v in look.items() if k in IN_A_REPORT}))]
