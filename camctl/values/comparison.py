"""What a comparison is: maps side by side along up to six axes, and the figures that say which to believe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any, Literal

from camctl.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Unpack

    import numpy as np
    from numpy.typing import NDArray

    from camctl.errors import CamctlError
    from camctl.values.cam import Cam, VerdictName
    from camctl.values.explanation import Explanation
    from camctl.values.look import Looks
    from camctl.values.picture import Picture

AxisName = Literal["image", "model", "layer", "class", "smoothing", "method"]
Better = Literal["higher", "lower", "neither"]
AXES: tuple[AxisName, ...] = ("image", "model", "layer", "class", "smoothing", "method")
"""Every axis, outermost first: the order of a comparison's cells."""

NAMES: dict[AxisName, tuple[str, str]] = {
    "image": ("picture", "pictures"),
    "model": ("model", "models"),
    "layer": ("target layer", "target layers"),
    "class": ("class", "classes"),
    "smoothing": ("smoothing", "smoothings"),
    "method": ("method", "methods"),
}
"""What an axis is called to people: one of it, several."""

Place = Mapping[AxisName, int]
"""Where a cell stands: on every axis, the place of its value."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """What is varied, or (with a single value) what is held."""

    name: AxisName
    labels: tuple[str, ...]
    """One a value, as people read it; empty where the single value needs no words."""

    def __len__(self) -> int:
        return len(self.labels)

    def place_of(self, value: int | str) -> int:
        """The place of a value, given by place or label. Raises `InputError` where there is none."""
        if isinstance(value, int):
            if not 0 <= value < len(self):
                message = f"There is no {self.name} {value}: there are {len(self)}."
                raise InputError(message, hint=f"Count from 0 to {len(self) - 1}, or give a label.")
            return value
        if value not in self.labels:
            raise UnknownNameError(self.name, value, self.labels)
        return self.labels.index(value)


@dataclass(frozen=True, kw_only=True, eq=False)
class Cell:
    """One place of a comparison: a map, or why there is none."""

    at: Place
    cam: Cam | None
    reason: str = ""
    """Why there is no map, in one line; empty where there is one (whose verdict has a reason of its own)."""
    hint: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)
    """By a metric's entry-point name; empty for a blank map, and where none was asked for."""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A metric that was asked for."""

    name: str
    """Entry-point name: the key of `Cell.figures`."""
    title: str
    better: Better
    rewards: str = ""
    """What else than a good map a good figure may come of."""


@dataclass(frozen=True, kw_only=True)
class Spent:
    """Time that one kind of work took."""

    model: str
    image: str
    """Empty for what is done once a model."""
    what: str
    """`load`, `prepare`, `layers`, `forward`, `backward`, `methods`, `metrics` or `sanity`; ` (aug)` behind one of six
    views."""
    milliseconds: float
    count: int = 1
    """How many passes, or maps."""

    def to_dict(self) -> dict[str, Any]:
        """As it stands in `--json`."""
        return {**asdict(self), "milliseconds": round(self.milliseconds, 3)}


ANOTHER = "another picture"
"""Stands beside the stages of a `Sanity`: how alike two maps of the whole network are that show different things."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Redrawn:
    """A map of a network some of whose weights were drawn anew, or of another picture, against a cell's map."""

    at: Place
    """The cell."""
    stage: str
    """From the head down to here the weights are random; or `ANOTHER`."""
    seed: int
    verdict: VerdictName
    correlation: float
    """Spearman's, -1..1; 0 where the verdict is not `ok`: nothing is left of the map."""
    ssim: float
    """Structural similarity, -1..1; likewise."""
    values: NDArray[np.float32] | None = field(default=None, repr=False)
    """The map (h, w), 0..1, of the first picture, class and seed alone."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Sanity:
    """What is left of a model's maps when its weights are drawn anew, from the head down (Adebayo et al. 2018)."""

    model: int
    """Place on the model axis."""
    stages: tuple[str, ...]
    """From the head to the first layers; at each, all before it are random as well."""
    redrawn: tuple[Redrawn, ...]
    classless: tuple[str, ...]
    """Labels on the method axis of methods that say themselves that they know no class."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Comparison:
    """Maps side by side, out of one forward pass (and one of six views) a model and image."""

    axes: tuple[Axis, ...]
    """All six, in the order of `AXES`."""
    cells: tuple[Cell, ...]
    """One for every combination, the last axis running fastest."""
    explanations: Mapping[tuple[int, int], Explanation]
    """(place on the image axis, on the model axis) -> what is true of all its maps; missing for a failed model."""
    pictures: tuple[Picture, ...]
    """One a value of the image axis."""
    metrics: tuple[Measure, ...] = ()
    baselines: tuple[str, ...] = ()
    """Labels on the method axis of methods that look at no class and no network: what the others have to beat."""
    spent: tuple[Spent, ...] = ()
    faults: tuple[CamctlError, ...] = ()
    """What took maps away, once each: a model or picture that failed, a method that cannot work on a model, ..."""
    failed: bool = False
    """Whether a model or a picture as a whole failed."""
    sanity: tuple[Sanity, ...] = ()
    """One a model, where it was asked for."""

    def __repr__(self) -> str:
        across = " x ".join(f"{len(axis)} {NAMES[axis.name][1]}" for axis in self.axes if len(axis) > 1)
        return f"<Comparison of {across or 'one map'}, {len(self.maps)} of {len(self.cells)} drawn>"

    def axis(self, name: AxisName) -> Axis:
        """The axis of this name."""
        return self.axes[AXES.index(name)]

    @cached_property
    def varying(self) -> tuple[AxisName, ...]:
        """Axes with more than one value."""
        return tuple(axis.name for axis in self.axes if len(axis) > 1)

    def cell(self, at: Mapping[AxisName, int | str]) -> Cell:
        """The cell at a place, by number or label on each axis; an axis left out stands at its first value.

        Raises `InputError` for an axis or a value that is not there.
        """
        if unknown := [name for name in at if name not in AXES]:
            raise UnknownNameError("axis", str(unknown[0]), AXES)
        place = 0
        for axis in self.axes:
            place = place * len(axis) + axis.place_of(at.get(axis.name, 0))
        return self.cells[place]

    def label(self, name: AxisName, at: Place) -> str:
        """What the value on an axis is called where a cell stands."""
        return self.axis(name).labels[at[name]]

    @cached_property
    def maps(self) -> tuple[Cam, ...]:
        """All maps that were drawn, in the order of the cells."""
        return tuple(cell.cam for cell in self.cells if cell.cam is not None)

    def save(self, path: str | Path, **look: Unpack[Looks]) -> list[Path]:
        """Write a figure (.png, .jpg, .webp, .svg, .pdf) or a report (.html); keywords as of `camctl.values.look.Look`.

        Returns the files written. Raises `InputError` for another ending, and `CamctlError` where it cannot be written.
        """
        from camctl.render.save import save_comparison

        return save_comparison(self, path, **look)

    def _repr_png_(self) -> bytes | None:
        from camctl.render.notebook import png

        return png(self)

    def _repr_html_(self) -> str | None:
        from camctl.render.notebook import html

        return html(self)

    def to_dict(self, paths: Sequence[str] = ()) -> dict[str, Any]:
        """As `camctl compare --json` prints it; `paths`: the files that were written. Maps come as in `maps`."""
        from camctl.files.manifest import comparison_manifest

        return comparison_manifest(self, paths)


def places(axes: Sequence[Axis]) -> list[dict[AxisName, int]]:
    """Every combination of the axes' values, the last axis running fastest."""
    return [
        dict(zip((axis.name for axis in axes), at, strict=True)) for at in product(*(range(len(axis)) for axis in axes))
    ]
