"""From what came of every model and picture to a comparison: axes with labels, and a cell for every place."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from camctl.errors import CamctlError, InputError
from camctl.pipeline.scene import LayerGroup
from camctl.values.comparison import AXES, Axis, Cell, Comparison, Measure, Redrawn, Sanity, places
from camctl.values.picture import Picture

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from camctl.pipeline.layer_selection import Groups
    from camctl.pipeline.passes import Key
    from camctl.pipeline.request import Asked
    from camctl.pipeline.sanity import Undone
    from camctl.plugin import Method
    from camctl.values.comparison import Place, Spent
    from camctl.values.cam import Cam, Smoothing
    from camctl.values.explanation import Explanation
    from camctl.values.target import Target

SMOOTHING_LABELS: dict[Smoothing, str] = {
    "none": "no smoothing",
    "eigen": "eigen-smooth",
    "aug": "aug-smooth",
    "both": "eigen + aug",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """One model before one picture: what came of every combination, by target, layer, smoothing and method."""

    explanation: Explanation
    targets: Sequence[Target | CamctlError]
    maps: Mapping[Key, Cam | CamctlError]
    figures: Mapping[Key, Mapping[str, float]]
    faults: Sequence[CamctlError] = ()
    """Why a metric has no figures."""


@dataclass(kw_only=True, eq=False)
class Ran:
    """What came of every model and picture, filled while they run."""

    asked: Asked
    paths: Sequence[str]
    """Of the pictures."""
    names: list[str] = field(default_factory=list)
    """Of the models."""
    runs: dict[tuple[int, int], Run | CamctlError] = field(default_factory=dict)
    """(picture, model) -> what came of them; an error where both failed as a whole."""
    groups: dict[int, list[Groups]] = field(default_factory=dict)
    """Model -> for each text that was asked for, its layers."""
    pictures: dict[int, Picture] = field(default_factory=dict)
    spent: list[Spent] = field(default_factory=list)
    undone: dict[int, Undone | CamctlError] = field(default_factory=dict)
    """Model -> what is left of its maps once weights are drawn anew."""


def lay_out(ran: Ran) -> Comparison:
    """The comparison. Raises the first error where nothing could be drawn, or where no model has what was asked for."""
    return _Layout(ran).laid_out()


class _Layout:
    """Where everything goes."""

    def __init__(self, ran: Ran) -> None:
        self.ran, self.asked = ran, ran.asked
        self.runs = {place: run for place, run in ran.runs.items() if isinstance(run, Run)}
        self.layers: list[tuple[int, int]] = []
        """The layer axis: (which text was asked for, which of its layers), as many as the model with the most has."""

    def laid_out(self) -> Comparison:
        """All cells, and what took maps away."""
        failed = [run for run in self.ran.runs.values() if isinstance(run, CamctlError)]
        failed += [one for one in self.ran.undone.values() if isinstance(one, CamctlError)]
        if not self.runs:
            raise failed[0]
        self._raise_what_nobody_has()
        widths = [max(map(len, groups)) for groups in zip(*self.ran.groups.values(), strict=True)]
        self.layers = [(request, place) for request, width in enumerate(widths) for place in range(width)]
        pictures = tuple(self.ran.pictures.get(i) or _no_picture(path) for i, path in enumerate(self.ran.paths))
        axes = self._axes(pictures)
        cells = tuple(self._cell(at) for at in places(axes))
        errors = [one for run in self.runs.values() for one in run.maps.values() if isinstance(one, CamctlError)]
        if not any(cell.cam for cell in cells):
            raise [*errors, *failed][0]
        metrics = [
            Measure(name=one.found.name, title=one.plugin.name, better=one.plugin.better, rewards=one.plugin.rewards)
            for one in self.asked.measuring.metrics
        ]
        methods = axes[AXES.index("method")].labels
        return Comparison(
            axes=axes,
            cells=cells,
            explanations={place: run.explanation for place, run in sorted(self.runs.items())},
            pictures=pictures,
            metrics=tuple(metrics),
            baselines=tuple(
                label for label, method in zip(methods, self.asked.methods, strict=True) if method.baseline
            ),
            spent=tuple(self.ran.spent),
            faults=_each_once([*failed, *errors, *(one for run in self.runs.values() for one in run.faults)]),
            failed=bool(failed),
            sanity=self._sanity(cells, methods),
        )

    def _sanity(self, cells: Sequence[Cell], methods: Sequence[str]) -> tuple[Sanity, ...]:
        """What was compared with each cell's map, at the cell's place."""
        at = {(cell.at["model"], cell.at["image"], self._key(cell.at)): cell.at for cell in cells if cell.cam}
        blind = [name for name, one in zip(methods, self.asked.methods, strict=True) if not one.discriminative]
        return tuple(
            Sanity(
                model=m,
                stages=undone.stages,
                redrawn=tuple(
                    Redrawn(
                        at=at[m, one.image, one.key],
                        stage=one.stage,
                        seed=one.seed,
                        verdict=one.verdict,
                        correlation=one.correlation,
                        ssim=one.ssim,
                        values=one.values,
                    )
                    for one in undone.maps
                ),
                classless=tuple(blind),
            )
            for m, undone in self.ran.undone.items()
            if not isinstance(undone, CamctlError)
        )

    def _raise_what_nobody_has(self) -> None:
        """A class or layer that is wrong for every model is the user's mistake."""
        for t in range(self.asked.classes):
            errors = [one for run in self.runs.values() if isinstance(one := run.targets[t], CamctlError)]
            if (self.asked.wanted or self.asked.versus) and len(errors) == len(self.runs):
                raise errors[0]
        for request in range(len(self.asked.layers)):
            first = [groups[request][0] for groups in self.ran.groups.values()]
            errors = [one for one in first if isinstance(one, CamctlError)]
            if errors and len(errors) == len(first):
                raise errors[0]

    def _axes(self, pictures: Sequence[Picture]) -> tuple[Axis, ...]:
        labels = {
            "image": _file_labels([picture.path for picture in pictures]),
            "model": _model_labels(self.ran.names, self.runs),
            "layer": [self._layer_label(place) for place in self.layers],
            "class": [self._class_label(t) for t in range(self.asked.classes)],
            "smoothing": self._smoothing_labels(),
            "method": _told_apart([method.name for method in self.asked.methods]),
        }
        return tuple(Axis(name=name, labels=tuple(labels[name])) for name in AXES)

    def _smoothing_labels(self) -> list[str]:
        # No smoothing needs no words where nothing else stands beside it.
        plain = tuple(self.asked.smoothings) == ("none",)
        return [""] if plain else [SMOOTHING_LABELS[smoothing] for smoothing in self.asked.smoothings]

    def _layer_label(self, place: tuple[int, int]) -> str:
        request, which = place
        found = {
            _layers_of(group, self.asked.methods)
            for groups in self.ran.groups.values()
            if which < len(groups[request]) and isinstance(group := groups[request][which], LayerGroup)
        }
        if len(found) == 1:
            return found.pop()
        if not self.asked.layers:
            return ""
        count = max(len(groups[request]) for groups in self.ran.groups.values())
        return f"layer {which + 1} of {count}" if count > 1 else self.asked.layers[request]

    def _class_label(self, t: int) -> str:
        labels = {target.title for run in self.runs.values() if not isinstance(target := run.targets[t], CamctlError)}
        return labels.pop() if len(labels) == 1 else self.asked.called(t)

    def _cell(self, at: Place) -> Cell:
        run = self.ran.runs[at["image"], at["model"]]
        if isinstance(run, CamctlError):
            return Cell(at=at, cam=None, reason=run.message, hint=run.hint)
        one = self._one(run, at)
        if isinstance(one, CamctlError):
            return Cell(at=at, cam=None, reason=one.message, hint=one.hint)
        return Cell(at=at, cam=one, figures=run.figures.get(self._key(at), {}))

    def _one(self, run: Run, at: Place) -> Cam | CamctlError:
        request, which = self.layers[at["layer"]]
        groups = self.ran.groups[at["model"]][request]
        if which >= len(groups):
            message = f"'{self.asked.layers[request]}' matches {len(groups)} layers of this model."
            return InputError(message, hint="See their names with: camctl layers MODEL")
        return run.maps[self._key(at)]

    def _key(self, at: Place) -> Key:
        """Where a cell's map stands among those of its run."""
        request, which = self.layers[at["layer"]]
        before = sum(len(groups) for groups in self.ran.groups[at["model"]][:request])
        return at["class"], before + which, at["smoothing"], at["method"]


def _layers_of(group: LayerGroup, methods: Sequence[Method]) -> str:
    """Target layers as a label; those before the activation beside the methods that are given them."""
    layers = {method.name: " + ".join(group.of(method)) for method in methods}
    first = " + ".join(group.names)
    usual = first if first in layers.values() else next(iter(layers.values()), first)
    others = [name for name, own in layers.items() if own != usual]
    return f"{usual} ({layers[others[0]]} for {', '.join(others)})" if others else usual


def path_of(image: object) -> str:
    """What a picture is called: its path, or `<image>`."""
    if isinstance(image, (str, Path)):
        return str(image)
    return str(getattr(image, "path", "")) or str(getattr(image, "filename", "")) or "<image>"


def _each_once(errors: Sequence[CamctlError]) -> tuple[CamctlError, ...]:
    """Errors of different words."""
    return tuple({(type(error), error.message): error for error in errors}.values())


def _file_labels(paths: Sequence[str]) -> list[str]:
    names = [Path(path).name or path for path in paths]
    return _told_apart(names if len(set(names)) == len(names) else list(paths))


def _model_labels(names: Sequence[str], runs: Mapping[tuple[int, int], Run]) -> list[str]:
    """Names, of a config file its own; one model with several checkpoints is told apart by theirs."""
    short = [Path(name).stem if name.endswith(".py") else name for name in names]
    names = short if len(set(short)) == len(set(names)) else names
    if len(set(names)) == len(names):
        return list(names)
    paths = {m: Path(path) for (_, m), run in runs.items() if (path := run.explanation.checkpoint)}
    parts = 1 if len({path.name for path in paths.values()}) == len(paths) else 2  # two runs' `best.pth`
    files = {m: "/".join(path.parts[-parts:]) for m, path in paths.items()}
    return _told_apart([f"{name} ({files[m]})" if m in files else name for m, name in enumerate(names)])


def _told_apart(labels: Sequence[str]) -> list[str]:
    """The same labels, numbered where one stands twice."""
    seen: dict[str, int] = {}
    told = []
    for label in labels:
        seen[label] = seen.get(label, 0) + 1
        told.append(label if seen[label] == 1 else f"{label} ({seen[label]})")
    return told


def _no_picture(path: str) -> Picture:
    """What stands for a picture that could not be read."""
    import numpy as np

    return Picture(path, np.full((64, 64, 3), 128, np.uint8))
