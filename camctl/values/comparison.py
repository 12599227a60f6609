"""Maps side by side along up to six axes, and the figures that say which to trust."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from camctl.errors import UnknownNameError
from camctl.values.axis import AXES, NAMES, Axis, AxisName, Place

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
    from camctl.values.segments import Cut

Better = Literal["higher", "lower", "neither"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Cell:
    """One cell of a comparison: a map, or why there is none."""

    at: Place
    cam: Cam | None
    reason: str = ""
    """Why there is no map, in one line; empty if there is one (whose verdict has a reason of its own)."""
    hint: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)
    """Metric's entry-point name -> figure; empty for a blank map, or without metrics."""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A metric that was asked for."""

    name: str
    """Entry-point name: the key of `Cell.figures`."""
    title: str
    better: Better
    rewards: str = ""
    """What else than a good map may cause a good figure."""


@dataclass(frozen=True, kw_only=True)
class Spent:
    """Time that one kind of work took."""

    model: str
    image: str
    """Empty for work that is done once per model."""
    what: str
    """`load`, `prepare`, `layers`, `forward`, `backward`, `methods`, `metrics` or `sanity`; with ` (aug)` appended for
    six views."""
    milliseconds: float
    count: int = 1
    """Number of passes, or of maps."""

    def to_dict(self) -> dict[str, Any]:
        """Return the time as `--json` prints it."""
        return {**asdict(self), "milliseconds": round(self.milliseconds, 3)}


ANOTHER = "another picture"
"""Pseudo-stage of a `Sanity`: how alike two maps of the unchanged network are that show different things."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Redrawn:
    """A map of a network with partly redrawn weights, or of another picture, compared with a cell's map."""

    at: Place = field(default_factory=dict)
    """The cell."""
    stage: str
    """The weights are random from the head down to this stage; or `ANOTHER`."""
    seed: int
    verdict: VerdictName
    correlation: float
    """Spearman's, -1..1; 0 if the map shows nothing."""
    ssim: float
    """Structural similarity, -1..1; 0 if the map shows nothing."""
    values: NDArray[np.float32] | None = field(default=None, repr=False)
    """The map (h, w), 0..1; for the first picture, class and seed only."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Sanity:
    """What redrawn weights leave of a model's maps, from the head down (Adebayo et al. 2018)."""

    model: int
    """Index on the model axis."""
    stages: tuple[str, ...]
    """From the head to the first layers; at each stage all stages before it are random as well."""
    redrawn: tuple[Redrawn, ...]
    classless: tuple[str, ...]
    """Labels on the method axis of methods that declare that they know no class."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Comparison:
    """Maps side by side, from one forward pass (and one of six views) per model and picture."""

    axes: tuple[Axis, ...]
    """All six, in the order of `AXES`."""
    cells: tuple[Cell, ...]
    """One per combination, the last axis running fastest."""
    explanations: Mapping[tuple[int, int], Explanation]
    """(index on the image axis, on the model axis) -> what all its maps have in common; missing for a failed model."""
    pictures: tuple[Picture, ...]
    """One per value of the image axis."""
    metrics: tuple[Measure, ...] = ()
    baselines: tuple[str, ...] = ()
    """Labels on the method axis of methods that look at no class and no network, which the others have to beat."""
    spent: tuple[Spent, ...] = ()
    faults: tuple[CamctlError, ...] = ()
    """Errors that cost maps, once each: of a model or picture that failed, a method that cannot work on a model, ..."""
    failed: bool = False
    """Whether a model or a picture as a whole failed."""
    sanity: tuple[Sanity, ...] = ()
    """One per model, if asked for."""
    commands: tuple[tuple[str, ...], ...] = ()
    """Per value of the model axis, words of `camctl run` after the picture: model, checkpoint and the options that all
    maps share; empty if no command line asked for the comparison."""

    def __repr__(self) -> str:
        across = " x ".join(f"{len(axis)} {NAMES[axis.name][1]}" for axis in self.axes if len(axis) > 1)
        return f"<Comparison of {across or 'one map'}, {len(self.maps)} of {len(self.cells)} drawn>"

    def axis(self, name: AxisName) -> Axis:
        """Return the axis of this name."""
        return self.axes[AXES.index(name)]

    @cached_property
    def varying(self) -> tuple[AxisName, ...]:
        """Axes with more than one value."""
        return tuple(axis.name for axis in self.axes if len(axis) > 1)

    def cell(self, at: Mapping[AxisName, int | str]) -> Cell:
        """Return a cell by the index or label on each axis; an axis left out is at its first value.

        Raises
        ------
        InputError
            There is no such axis or value.

        Examples
        --------
        >>> import camctl
        >>> from camctl.demo.scenes import render, scene
        >>> comparison = camctl.compare("demo:resnet", render(scene(11, classes=["cat"]), 128), targets=["cat", "dog"])
        >>> comparison.cell({"class": "dog"}).cam.target.label
        'dog'
        """
        if unknown := [name for name in at if name not in AXES]:
            raise UnknownNameError("axis", str(unknown[0]), AXES)
        index = 0
        for axis in self.axes:
            index = index * len(axis) + axis.index_of(at.get(axis.name, 0))
        return self.cells[index]

    def label(self, name: AxisName, at: Place) -> str:
        """Return the label of a cell's value on an axis."""
        return self.axis(name).labels[at[name]]

    @cached_property
    def maps(self) -> tuple[Cam, ...]:
        """All maps that were drawn, in the order of the cells."""
        return tuple(cell.cam for cell in self.cells if cell.cam is not None)

    def save(self, path: str | Path, **look: Unpack[Looks]) -> list[Path]:
        """Write a figure (.png, .jpg, .webp, .svg, .pdf) or a report (.html).

        Parameters
        ----------
        path
            The file; its ending decides on the format.
        look
            Keywords of `camctl.values.look.Look`.

        Returns
        -------
        list[Path]
            The files written.

        Raises
        ------
        InputError
            The ending is unknown.
        CamctlError
            The file cannot be written.
        """
        from camctl.render.save import save_comparison

        return save_comparison(self, path, **look)

    def _repr_png_(self) -> bytes | None:
        from camctl.render.notebook import png

        return png(self)

    def _repr_html_(self) -> str | None:
        from camctl.render.notebook import html

        return html(self)

    def to_dict(self, paths: Sequence[str] = (), cut: Cut | None = None) -> dict[str, Any]:
        """Return everything as `camctl compare --json` prints it.

        `paths`: files that were written. `cut`: how parts are cut out of each map.
        """
        from camctl.files.manifest import comparison_manifest

        return comparison_manifest(self, paths, cut)
