"""Other names for what a comparison compares: a paper's own, not those of the command line."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING

from camctl.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from camctl.values.axis import Axis
    from camctl.values.cam import Cam
    from camctl.values.comparison import Cell, Comparison
    from camctl.values.explanation import Explanation
    from camctl.values.target import Target

ADDED = re.compile(r"(.+?)( \(.*\))")
"""A label, and what was put behind it to tell it from another: a number, a checkpoint, the methods of a layer."""

MOST_LISTED = 30
"""Words that an error lists; of more, only the nearest."""

FOR_METHODS = re.compile(r"(.+) \((.+) for (.+)\)")
"""A layer, and another one with the methods that are given it."""

FUSED = " + "
"""Stands between the layers of one map."""


class Names:
    """Old names and new ones.

    An old name is written as the figure shows it, in any case and without its `-` and `_`; of a class any of the
    words between the commas of its label will do.

    Examples
    --------
    >>> names = Names({"Tabby": "cat", "grad-cam": "Ours"})
    >>> names("tabby, tabby cat"), names("GradCAM"), names("GradCAM (2)"), names("lynx")
    ('cat', 'Ours', 'Ours (2)', 'lynx')
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        self._loose = {_loose(old): old for old in reversed([*names])}
        self.used: set[str] = set()
        """Old names of what was seen so far."""

    def __call__(self, label: str, *others: str) -> str:
        """Return what a label is called now: itself unless it has a new name. `others` is how else it is written."""
        old = self._old(label, *others)
        if old is not None:
            return self._names[old]
        added = ADDED.fullmatch(label)
        return self(added[1]) + added[2] if added else label

    def _old(self, *labels: str) -> str | None:
        """Return the old name of a label, one that is written exactly like it before others."""
        loose = [_loose(label) for label in labels] + [_loose(part) for label in labels for part in label.split(",")]
        exact = [label for label in labels if label in self._names]
        known = [*exact, *(self._loose[text] for text in loose if text in self._loose)]
        self.used.update(known)
        return next(iter(known), None)

    def layers(self, label: str) -> str:
        """Return what the label of one layer, or of several that one map fuses, is called now, and so its methods.

        Examples
        --------
        >>> Names({"GradCAM": "Grad-CAM"}).layers("relu (bn for GradCAM, XGradCAM)")
        'relu (bn for Grad-CAM, XGradCAM)'
        """
        others = FOR_METHODS.fullmatch(label)
        if others and self._old(label) is None:
            layer, other, methods = others.groups()
            return f"{self.layers(layer)} ({self.layers(other)} for {', '.join(map(self, methods.split(', ')))})"
        whole = self(label)
        return FUSED.join(map(self, label.split(FUSED))) if whole == label else whole

    def model(self, label: str, name: str = "") -> str:
        """Return what a model is called now, by its label or its name: of a config its file's."""
        names = (label, name) if name else (label,)
        return self(*names, *(PurePath(text).stem for text in names if text.endswith(".py")))

    def picture(self, label: str, path: str = "") -> str:
        """Return what a picture is called now, by its label or its path."""
        paths = (label, path) if path else (label,)
        return self(*paths, *(PurePath(text).name for text in paths))

    def target(self, target: Target) -> Target:
        """Return a target by its new name, and those that it is contrasted with by theirs."""
        number = () if target.label.isdecimal() else (str(target.index),)
        versus = tuple(map(self.target, target.versus))
        named = replace(target, label=self(target.label, *number), versus=versus)
        whole = self(target.title) if target.special else target.title
        return named if whole == target.title else replace(named, name=whole)


def _loose(text: str) -> str:
    """Return a text without what does not matter in a name."""
    return re.sub(r"[-_\s]", "", text.casefold())


def renamed(comparison: Comparison, names: Mapping[str, str]) -> Comparison:
    """Return the comparison in the words of its figures. Raises `UnknownNameError` for a name that nothing has.

    Whatever draws a comparison, or words its caption, begins with this.
    """
    if not names:
        return comparison
    own = Names(names)
    result = _renamed(comparison, own)
    for name in names:
        if name not in own.used:
            raise unnamed(name, words_of(comparison))
    return result


def unnamed(name: str, words: Collection[str]) -> UnknownNameError:
    """Return the error that none of these words is `name`."""
    hint = "Write it as the figure shows it." if len(words) > MOST_LISTED else ""
    return UnknownNameError("method, model, class, layer or picture", name, words, hint=hint)


def unknown(comparison: Comparison, names: Mapping[str, str]) -> list[str]:
    """Return the old names that nothing in a comparison has."""
    own = Names(names)
    _renamed(comparison, own)
    return [name for name in names if name not in own.used]


def words_of(comparison: Comparison) -> list[str]:
    """Return the words of a comparison that can have a new name, each once."""
    labels = [label for axis in comparison.axes for label in axis.labels if label]
    titles = [cam.target.title for cam in comparison.maps]
    parts = [part.strip() for title in titles for part in title.split(",")]
    layers = [layer for cam in comparison.maps for layer in cam.layers]
    return list(dict.fromkeys([*labels, *titles, *parts, *layers]))


def _renamed(comparison: Comparison, names: Names) -> Comparison:
    cells = tuple(_cell(cell, names) for cell in comparison.cells)
    titles = {
        cell.cam.target.title: new.cam.target.title
        for cell, new in zip(comparison.cells, cells, strict=True)
        if cell.cam and new.cam
    }
    return replace(
        comparison,
        axes=tuple(_axis(axis, comparison, titles, names) for axis in comparison.axes),
        cells=cells,
        explanations={key: _run(run, names) for key, run in comparison.explanations.items()},
        pictures=tuple(replace(picture, path=names.picture(picture.path)) for picture in comparison.pictures),
        baselines=tuple(map(names, comparison.baselines)),
        sanity=tuple(replace(one, classless=tuple(map(names, one.classless))) for one in comparison.sanity),
    )


def _axis(axis: Axis, comparison: Comparison, titles: Mapping[str, str], names: Names) -> Axis:
    labels: Iterable[str] = axis.labels
    if axis.name == "image":
        paths = [picture.path for picture in comparison.pictures]
        labels = map(names.picture, labels, paths)
    elif axis.name == "model":
        runs = {model: run.model for (_, model), run in comparison.explanations.items()}
        labels = (names.model(label, runs.get(index, label)) for index, label in enumerate(labels))
    elif axis.name == "class":
        labels = (titles.get(label) or names(label) for label in labels)
    elif axis.name == "layer":
        labels = map(names.layers, labels)
    else:
        labels = map(names, labels)
    return replace(axis, labels=tuple(labels))


def _cell(cell: Cell, names: Names) -> Cell:
    cam = cell.cam
    return cell if cam is None else replace(cell, cam=_cam(cam, names))


def _cam(cam: Cam, names: Names) -> Cam:
    """Return a map by other names; `method` stays: papers are looked up by it."""
    layers, reason = tuple(map(names, cam.layers)), cam.reason
    for old, new in zip(cam.layers, layers, strict=True):
        reason = reason.replace(f"'{old}'", f"'{new}'")
    target, model = names.target(cam.target), names.model(cam.model)
    return replace(cam, model=model, target=target, layers=layers, reason=reason)


def _run(run: Explanation, names: Names) -> Explanation:
    predictions = tuple(map(names.target, run.predictions))
    return replace(run, image=names.picture(run.image), model=names.model(run.model), predictions=predictions)
