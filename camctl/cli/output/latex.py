"""A figure's LaTeX: the `figure` environment, and the papers of its methods for BibTeX."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from camctl.cli.output.papers import Paper, papers_in
from camctl.errors import Hint, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from camctl.cli.output.inputs import Inputs
    from camctl.values.comparison import Comparison

TEX, BIB = ".tex", ".bib"

INCLUDED = (".pdf", ".png", ".jpg", ".jpeg")
"""Endings of what LaTeX includes, the best first."""

UNREADABLE = frozenset('%#{}~^\\$&"')
"""Signs in a file's name that LaTeX takes for its own."""

ONE_COLUMN = 4.0
"""Inches that no column of a paper in two columns is wider than: a wider figure goes over both."""

SIGNS = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "\N{MIDDLE DOT}": r"\textperiodcentered{}",
} | {sign: f"\\{sign}" for sign in "&%$#_{}"}
"""Sign -> how LaTeX prints it."""


def latex_files(files: Sequence[Path], inputs: Inputs) -> tuple[Path, ...]:
    """Return the `.tex` file beside the first figure that LaTeX includes. Raises `InputError`."""
    from camctl.files.atomic import check_writable
    from camctl.files.mark import check_replaceable

    figures = _included(files)
    if not figures:
        raise InputError("--latex needs a figure that LaTeX can include.", hint=Hint("Save one", save_path="fig.pdf"))
    if UNREADABLE & {*figures[0].name}:
        message = f"LaTeX cannot include a file named '{figures[0].name}'."
        raise InputError(message, hint="Give it a name of letters, digits and dashes.")
    pair = [check_writable(figures[0].with_suffix(ending), (TEX, BIB)) for ending in (TEX, BIB)]
    for path in pair:
        inputs.check(path, "--latex")
    check_replaceable(pair)
    return (pair[0],)


def save_latex(comparison: Comparison, path: Path, figures: Sequence[str], look: dict[str, Any]) -> list[Path]:
    """Write both files for the figures written; returns their paths. Raises `CamctlError`."""
    from camctl.files.atomic import write_atomically
    from camctl.files.mark import MARK
    from camctl.render.layout.naming import renamed

    papers = {cam.method: papers_in(cam.method) for cam in comparison.maps}
    own = re.compile(rf"{re.escape(path.stem)}(-\d+)?")
    pages = [page for page in _included([Path(text) for text in figures]) if own.fullmatch(page.stem)]
    pages = [page for page in pages if page.suffix == pages[0].suffix]
    mark = f"% {MARK}\n"
    note = mark
    if look["command"] and not look["no_metadata"]:
        note += f"% {' '.join(look['command'].split())}\n"
    text = note + environment(renamed(comparison, look["name"]), pages, look, path.stem, papers)
    bibliography = {paper.key: paper for found in papers.values() for paper in found}
    entries = "\n".join(paper.bibtex() for paper in bibliography.values())
    return [
        write_atomically(path, text.encode()),
        write_atomically(path.with_suffix(BIB), f"{mark}{entries}".encode()),
    ]


def environment(
    comparison: Comparison,
    pages: Sequence[Path],
    look: dict[str, Any],
    name: str,
    papers: dict[str, tuple[Paper, ...]],
) -> str:
    """Return the `figure` environment of pages of a figure, as wide as asked for, else as the text is."""
    from camctl.render.layout.captions import DOT
    from camctl.render.layout.layout import lay_out
    from camctl.values.look import Look

    choices = Look(**{key: value for key, value in look.items() if key != "name"})
    layout = lay_out(comparison, choices)
    inches = choices.inches
    kind = "figure*" if inches and inches > ONE_COLUMN else "figure"
    width = f"{inches:.4g}in" if inches else r"\linewidth"
    shared = [text.replace(DOT, "; ") for text in layout.caption]
    scale = [f"Colours: {layout.scale}"] if layout.has_heat else []
    sentences = [f"Class activation maps of {_methods(comparison, papers)}."]
    sentences += [f"{escaped(text)}." for text in (*shared, *scale)]
    label = re.sub(r"[^\w-]+", "-", name)
    return "\n".join(
        [
            rf"\begin{{{kind}}}[t]",
            r"  \centering",
            *(rf"  \includegraphics[width={width}]{{{page.name}}}" for page in pages),
            rf"  \caption{{{' '.join(sentences)}}}",
            rf"  \label{{fig:{label}}}",
            rf"\end{{{kind}}}",
            "",
        ]
    )


def escaped(text: str) -> str:
    """Return a text as LaTeX prints it."""
    return "".join(SIGNS.get(letter, letter) for letter in " ".join(text.split()))


def _methods(comparison: Comparison, papers: dict[str, tuple[Paper, ...]]) -> str:
    """Return the names of the methods, each with its citation."""
    from camctl.values.target import listed

    names = {}
    for cell in comparison.cells:
        if cell.cam is not None:
            keys = ",".join(paper.key for paper in papers[cell.cam.method])
            names[escaped(comparison.label("method", cell.at))] = rf"~\cite{{{keys}}}" if keys else ""
    return listed([name + cite for name, cite in names.items()])


def _included(files: Sequence[Path]) -> list[Path]:
    """Return the files that LaTeX includes, the best first."""
    files = [file for file in files if file.suffix.lower() in INCLUDED]
    return sorted(files, key=lambda file: INCLUDED.index(file.suffix.lower()))
