"""The comparisons whose reports are opened."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from camctl.values.axis import places
from camctl.values.comparison import Measure
from camctl.values.picture import Picture
from camctl.values.segments import Cut
from camctl.values.view import View
from tests.comparisons import comparison, drawn_scene, without_map, worthless_map

HOSTILE = "</script><script>alert(1)</script>\"><img src=x onerror=alert(2)>{{7*7}}'"

FIGURES = {"GradCAM": 0.8, "LayerCAM": 0.6, "EigenCAM": 0.7}
"""Insertion of the first class's maps; the second's are a tenth lower."""


def measured(whole):
    """Figures for every map that is worth something."""
    metrics = (
        Measure(name="insertion", title="Insertion", better="higher"),
        Measure(name="deletion", title="Deletion", better="lower"),
    )
    cells = []
    for cell in whole.cells:
        value = FIGURES[whole.label("method", cell.at)] - 0.1 * cell.at["class"]
        sound = cell.cam is not None and cell.cam.verdict == "ok"
        cells.append(replace(cell, figures={"insertion": value, "deletion": value / 2} if sound else {}))
    return replace(whole, cells=tuple(cells), metrics=metrics, baselines=("EigenCAM",))


@cache
def plain():
    """Two classes, three methods."""
    return comparison()


@cache
def figures():
    """The same, measured, with a baseline; one map is worthless and one is missing."""
    whole = without_map(plain(), {"class": 1, "method": 2}, "The method failed: no memory.", "Try --device cpu.")
    return measured(worthless_map(whole, {"class": 1, "method": 1}))


@cache
def families():
    """Four families of networks, two classes, three methods."""
    return measured(comparison(models=("resnet", "vit", "swin", "t2t")))


@cache
def crowded():
    """Ten methods (three, under other names) by two classes."""
    whole = families()
    names = tuple(f"{method}{number or ''}" for number in range(4) for method in FIGURES)[:10]
    axes = tuple(replace(axis, labels=names) if axis.name == "method" else axis for axis in whole.axes)
    cells = []
    for at in places(axes):
        like = whole.cell({**at, "method": at["method"] % len(FIGURES)})
        cells.append(replace(like, at=at))
    return replace(whole, axes=axes, cells=tuple(cells))


@cache
def hostile():
    """Markup wherever a text comes from somebody else."""
    names = {"image": [HOSTILE], "model": [HOSTILE], "class": [HOSTILE, "dog"], "method": [HOSTILE, "b", "c"]}
    whole = comparison(labels=names)
    run = whole.explanations[0, 0]
    predictions = tuple(replace(one, label=HOSTILE) for one in run.predictions)
    run = replace(run, predictions=predictions, notes=(HOSTILE,), checkpoint=HOSTILE, versions={HOSTILE: HOSTILE})
    cells = []
    for cell in whole.cells:
        target = replace(cell.cam.target, label=HOSTILE)
        cam = replace(cell.cam, target=target, layers=(HOSTILE,), model=HOSTILE, reason=HOSTILE)
        cells.append(replace(cell, cam=cam, figures={HOSTILE: 0.5}))
    return replace(
        whole,
        cells=tuple(cells),
        explanations={(0, 0): run},
        pictures=(Picture(HOSTILE, whole.pictures[0].pixels),),
        metrics=(Measure(name=HOSTILE, title=HOSTILE, better="higher"),),
    )


SHELL = ("demo:resnet", "--device", "cpu", "--labels", "a cat; & $HOME `id`,it's a dog")
"""What a shell asked for, with signs that mean something to it."""


@cache
def shell():
    """The plain one, asked for at a shell."""
    return replace(plain(), commands=(SHELL,))


@cache
def one():
    """One picture, class and method."""
    return comparison(targets=("cat",), methods=("GradCAM",))


@cache
def many():
    """Six hundred maps: twelve methods (three, under other names) by fifty classes (two)."""
    whole = plain()
    labels = {"method": [f"method {i}" for i in range(12)], "class": [f"class {i}" for i in range(50)]}
    axes = tuple(replace(axis, labels=tuple(labels.get(axis.name, axis.labels))) for axis in whole.axes)
    cells = [
        replace(whole.cell({**at, "method": at["method"] % 3, "class": at["class"] % 2}), at=at) for at in places(axes)
    ]
    return replace(whole, axes=axes, cells=tuple(cells))


@cache
def outlines():
    """A box and a mask that are asked about, and a likeness; the network saw a part of the picture."""
    whole, cells = plain(), []
    rows, columns = np.mgrid[:112, :112]
    disc = (rows - 40) ** 2 + (columns - 61) ** 2 < 900
    for cell in whole.cells:
        first = cell.at["class"] == 0
        mark = (40.5, 51.0, 110.25, 160.0) if first else disc
        target = replace(
            cell.cam.target, mark=mark, other=None if first else Picture("b.png", 255 - drawn_scene(6_700_024).pixels)
        )
        view = View(size=cell.cam.view.size, box=(20.0, 33.0, 180.0, 193.0))
        cells.append(replace(cell, cam=replace(cell.cam, target=target, view=view)))
    return replace(whole, cells=tuple(cells))


def outlines_whole():
    """The same on the whole picture."""
    return outlines()


CUT = Cut("0.5", masks=True)

LOOKS = {"outlines": {"cut": CUT}, "outlines_whole": {"cut": CUT, "canvas": "original"}}
"""How some reports are made."""

REPORTS = {
    report.__name__: report
    for report in (plain, figures, families, crowded, hostile, shell, one, many, outlines, outlines_whole)
}
