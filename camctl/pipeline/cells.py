"""From the runs of every model and picture to a comparison: axes with labels, and a cell for every combination."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from camctl.errors import CamctlError, InputError
from camctl.pipeline.run import Run
from camctl.pipeline.scene import SEE_LAYERS, LayerGroup
from camctl.values.axis import AXES, Axis, places
from camctl.values.comparison import Cell, Comparison, Measure, Sanity
from camctl.values.picture import Picture

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from camctl.pipeline.layer_selection import Groups
    from camctl.pipeline.manner import Key
    from camctl.pipeline.request import Request
    from camctl.pipeline.sanity import Randomised
    from camctl.plugin import Method
    from camctl.values.axis import Place
    from camctl.values.cam import Cam, Smoothing
    from camctl.values.comparison import Spent

SMOOTHING_LABELS: dict[Smoothing, str] = {
    "none": "no smoothing",
    "eigen": "eigen-smooth",
    "aug": "aug-smooth",
    "both": "eigen + aug",
}


@dataclass(kw_only=True, eq=False)
class Runs:
    """The runs of every model and picture, filled one after the other."""

    request: Request
    paths: Sequence[str]
    """Paths of the pictures."""
    names: list[str] = field(default_factory=list)
    """Names of the models."""
    runs: dict[tuple[int, int], Run | CamctlError] = field(default_factory=dict)
    """(picture, model) -> its run, or the error that stands for it."""
    groups: dict[int, list[Groups]] = field(default_factory=dict)
    """Model -> its layers for each text of `request.layers`."""
    pictures: dict[int, Picture] = field(default_factory=dict)
    spent: list[Spent] = field(default_factory=list)
    randomised: dict[int, Randomised | CamctlError] = field(default_factory=dict)
    """Model -> what redrawn weights leave of its maps."""

    def comparison(self) -> Comparison:
        """Lay the runs out. Raises the first error if nothing was drawn, or if no model has a class or layer."""
        failed = [run for run in self.runs.values() if isinstance(run, CamctlError)]
        failed += [part for part in self.randomised.values() if isinstance(part, CamctlError)]
        if not self.done:
            raise failed[0]
        self._raise_common_errors()
        pictures = tuple(self.pictures.get(i) or _no_picture(path) for i, path in enumerate(self.paths))
        axes = self._axes(pictures)
        cells = tuple(self._cell(at) for at in places(axes))
        errors = [cam for run in self.done.values() for cam in run.maps.values() if isinstance(cam, CamctlError)]
        if not any(cell.cam for cell in cells):
            raise [*errors, *failed][0]
        methods = list(zip(axes[AXES.index("method")].labels, self.request.manner.methods, strict=True))
        classless = tuple(label for label, method in methods if not method.discriminative)
        faults = [fault for run in self.done.values() for fault in run.faults]
        return Comparison(
            axes=axes,
            cells=cells,
            explanations={key: run.explanation for key, run in sorted(self.done.items())},
            pictures=pictures,
            metrics=tuple(
                Measure(name=found.name, title=plugin.name, better=plugin.better, rewards=plugin.rewards)
                for found, plugin in ((metric.found, metric.plugin) for metric in self.request.measuring.metrics)
            ),
            baselines=tuple(label for label, method in methods if method.baseline),
            spent=tuple(self.spent),
            # One error per wording.
            faults=tuple({(type(fault), fault.message): fault for fault in (*failed, *errors, *faults)}.values()),
            failed=bool(failed),
            sanity=self._sanity(cells, classless),
        )

    @cached_property
    def done(self) -> dict[tuple[int, int], Run]:
        """The runs that did not fail; read when all runs are there."""
        return {key: run for key, run in self.runs.items() if isinstance(run, Run)}

    @cached_property
    def layers(self) -> list[tuple[int, int]]:
        """The layer axis: (index of the text, index of its layer), as many as the model with the most layers has."""
        widths = [max(map(len, groups)) for groups in zip(*self.groups.values(), strict=True)]
        return [(text, index) for text, width in enumerate(widths) for index in range(width)]

    def _sanity(self, cells: Sequence[Cell], classless: tuple[str, ...]) -> tuple[Sanity, ...]:
        """Return the maps of redrawn weights, each with its cell."""
        at = {(cell.at["model"], cell.at["image"], self._key(cell.at)): cell.at for cell in cells if cell.cam}
        return tuple(
            Sanity(
                model=m,
                stages=randomised.stages,
                redrawn=tuple(replace(redrawn, at=at[m, image, key]) for image, key, redrawn in randomised.maps),
                classless=classless,
            )
            for m, randomised in self.randomised.items()
            if not isinstance(randomised, CamctlError)
        )

    def _raise_common_errors(self) -> None:
        """Raise the error of a class or layer that no model has: it is the user's mistake."""
        for t in range(self.request.targets):
            errors = [target for run in self.done.values() if isinstance(target := run.targets[t], CamctlError)]
            classes = self.request.classes
            if (classes.names or classes.versus) and len(errors) == len(self.done):
                raise errors[0]
        for text in range(len(self.request.layers)):
            first = [groups[text][0] for groups in self.groups.values()]
            faults = [group for group in first if isinstance(group, CamctlError)]
            if faults and len(faults) == len(first):
                raise faults[0]

    def _axes(self, pictures: Sequence[Picture]) -> tuple[Axis, ...]:
        smoothings = self.request.manner.smoothings
        labels = {
            "image": _file_labels([picture.path for picture in pictures]),
            "model": _model_labels(self.names, self.done),
            "layer": [self._layer_label(*layer) for layer in self.layers],
            "class": [self._class_label(t) for t in range(self.request.targets)],
            # No smoothing needs no words if it is the only one.
            "smoothing": [""] if tuple(smoothings) == ("none",) else [SMOOTHING_LABELS[name] for name in smoothings],
            "method": _numbered([method.name for method in self.request.manner.methods]),
        }
        return tuple(Axis(name=name, labels=tuple(labels[name])) for name in AXES)

    def _layer_label(self, text: int, index: int) -> str:
        labels = {
            _layers_label(group, self.request.manner.methods)
            for groups in self.groups.values()
            if index < len(groups[text]) and isinstance(group := groups[text][index], LayerGroup)
        }
        if len(labels) == 1:
            return labels.pop()
        if not self.request.layers:
            return ""
        count = max(len(groups[text]) for groups in self.groups.values())
        return f"layer {index + 1} of {count}" if count > 1 else self.request.layers[text]

    def _class_label(self, t: int) -> str:
        labels = {target.title for run in self.done.values() if not isinstance(target := run.targets[t], CamctlError)}
        return labels.pop() if len(labels) == 1 else self.request.title(t)

    def _cell(self, at: Place) -> Cell:
        run = self.runs[at["image"], at["model"]]
        cam = run if isinstance(run, CamctlError) else self._cam(run, at)
        if isinstance(cam, CamctlError):
            return Cell(at=at, cam=None, reason=cam.message, hint=cam.hint)
        assert isinstance(run, Run)  # noqa: S101 - an error has been returned
        return Cell(at=at, cam=cam, figures=run.figures.get(self._key(at), {}))

    def _cam(self, run: Run, at: Place) -> Cam | CamctlError:
        text, index = self.layers[at["layer"]]
        groups = self.groups[at["model"]][text]
        if index >= len(groups):
            message = f"'{self.request.layers[text]}' matches {len(groups)} layers of this model."
            return InputError(message, hint=SEE_LAYERS)
        return run.maps[self._key(at)]

    def _key(self, at: Place) -> Key:
        """Return the key of a cell's map among those of its run."""
        text, index = self.layers[at["layer"]]
        before = sum(len(groups) for groups in self.groups[at["model"]][:text])
        return at["class"], before + index, at["smoothing"], at["method"]


def _layers_label(group: LayerGroup, methods: Sequence[Method]) -> str:
    """Return target layers as a label; layers before the activation with the methods that are given them."""
    layers = {method.name: " + ".join(group.of(method)) for method in methods}
    first = " + ".join(group.names)
    usual = first if first in layers.values() else next(iter(layers.values()), first)
    others = [name for name, own in layers.items() if own != usual]
    return f"{usual} ({layers[others[0]]} for {', '.join(others)})" if others else usual


def path_of(image: object) -> str:
    """Return the path of a picture, or `<image>`."""
    if isinstance(image, (str, Path)):
        return str(image)
    return str(getattr(image, "path", "")) or str(getattr(image, "filename", "")) or "<image>"


def _file_labels(paths: Sequence[str]) -> list[str]:
    names = [Path(path).name or path for path in paths]
    return _numbered(names if len(set(names)) == len(names) else list(paths))


def _model_labels(names: Sequence[str], runs: Mapping[tuple[int, int], Run]) -> list[str]:
    """Return models' names, of a config file its stem; one model with several checkpoints is named with theirs."""
    short = [Path(name).stem if name.endswith(".py") else name for name in names]
    names = short if len(set(short)) == len(set(names)) else names
    if len(set(names)) == len(names):
        return list(names)
    paths = {m: Path(path) for (_, m), run in runs.items() if (path := run.explanation.checkpoint)}
    parts = 1 if len({path.name for path in paths.values()}) == len(paths) else 2  # two runs' `best.pth`
    files = {m: "/".join(path.parts[-parts:]) for m, path in paths.items()}
    return _numbered([f"{name} ({files[m]})" if m in files else name for m, name in enumerate(names)])


def _numbered(labels: Sequence[str]) -> list[str]:
    """Return the same labels, repeated ones with a number."""
    counts: dict[str, int] = {}
    numbered = []
    for label in labels:
        counts[label] = counts.get(label, 0) + 1
        numbered.append(label if counts[label] == 1 else f"{label} ({counts[label]})")
    return numbered


def _no_picture(path: str) -> Picture:
    """Return a grey picture that stands for one that could not be read."""
    import numpy as np

    return Picture(path, np.full((64, 64, 3), 128, np.uint8))
