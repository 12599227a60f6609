"""Which map to believe: rank correlation of maps, agreement between them, and how methods stand by their figures."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from math import isnan, nan
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from camctl.comparison import AxisName, Cell, Comparison, Measure
    from camctl.results import Cam

SIDE = 56
"""Longest side at which maps are correlated: finer than any grid that methods work on, and quick to sort."""

COMPARED: tuple[AxisName, ...] = ("method", "smoothing", "class", "layer", "model")
"""Axes whose maps are set against each other, the first that varies."""


# ------------------------------------------------------------------------------------- correlation


def rank_correlation(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Spearman's rank correlation of two maps of one shape, -1..1; ties share their mean rank; NaN for a flat map."""
    return _correlation(_ranks(one), _ranks(other))


def map_correlation(one: Cam | NDArray[Any], other: Cam | NDArray[Any]) -> float:
    """The same for maps (h, w) of any size, seen at one of at most `SIDE` cells a side; NaN for a worthless map."""
    first, second = (np.asarray(getattr(each, "values", each)) for each in (one, other))
    size = _size(first.shape)
    return rank_correlation(resized(first, size), resized(second, size))


def _size(shape: tuple[int, ...]) -> tuple[int, int]:
    height, width = shape
    scale = min(1.0, SIDE / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def resized(values: NDArray[Any], size: tuple[int, ...]) -> NDArray[np.float32]:
    """A map (h, w) at another size (height, width), bilinear."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(values, np.float32))
    return np.asarray(image.resize((size[1], size[0]), Image.Resampling.BILINEAR))


def _ranks(values: NDArray[Any]) -> NDArray[np.float64]:
    """Ranks, centred, of norm 1; of norm 0 where all values are one."""
    _, inverse, counts = np.unique(np.asarray(values).ravel(), return_inverse=True, return_counts=True)
    ends = counts.cumsum()
    ranks = (ends - (counts - 1) / 2)[inverse.ravel()]
    ranks -= ranks.mean()
    norm = np.sqrt(ranks @ ranks)
    return ranks / norm if norm else ranks


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    if not one.any() or not other.any():
        return nan
    return float(np.clip(one @ other, -1, 1))


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How much the maps along one axis are alike: mean rank correlation over all else that varies."""

    axis: AxisName
    model: str
    """Label of the model; empty where models themselves are compared, or there is one."""
    labels: tuple[str, ...]
    matrix: tuple[tuple[float, ...], ...]
    """(labels, labels), -1..1, symmetric; NaN where two never both have a map."""

    def to_dict(self) -> dict[str, Any]:
        """As it stands in `--json`."""
        return {
            "axis": self.axis,
            "model": self.model,
            "labels": list(self.labels),
            "matrix": [list(row) for row in self.matrix],
        }


def agreement(comparison: Comparison) -> tuple[Agreement, ...]:
    """One matrix a model (or one of the models), along the first axis that varies; none where nothing varies."""
    axis = next((name for name in COMPARED if name in comparison.varying), None)
    if axis is None:
        return ()
    per_model = axis != "model" and len(comparison.axis("model")) > 1
    labels = comparison.axis(axis).labels
    found = []
    for model, cells in _by_model(comparison.cells, apart=per_model):
        sums, counts = np.zeros((len(labels),) * 2), np.zeros((len(labels),) * 2)
        for together in _alike_but_for(axis, cells):
            size = _size(next(iter(together.values())).values.shape)
            places = list(together)
            ranks = np.stack([_ranks(resized(cam.values, size)) for cam in together.values()])
            sound = (ranks != 0).any(axis=1)
            pairs = np.ix_(places, places)
            counts[pairs] += sound[:, None] & sound
            sums[pairs] += ranks @ ranks.T
        with np.errstate(invalid="ignore"):
            matrix = np.clip(np.where(counts > 0, sums / counts, np.nan), -1, 1)
        label = comparison.axis("model").labels[model] if per_model else ""
        rows = tuple(tuple(map(float, row)) for row in matrix)
        found.append(Agreement(axis=axis, model=label, labels=labels, matrix=rows))
    return tuple(found)


def _alike_but_for(axis: AxisName, cells: Iterable[Cell]) -> list[dict[int, Cam]]:
    """Cells that differ along `axis` alone: place on it -> map."""
    groups: dict[tuple[int, ...], dict[int, Cam]] = {}
    for cell in cells:
        if cell.cam is not None:
            rest = tuple(place for name, place in cell.at.items() if name != axis)
            groups.setdefault(rest, {})[cell.at[axis]] = cell.cam
    return list(groups.values())


def _by_model(cells: Sequence[Cell], *, apart: bool) -> list[tuple[int, list[Cell]]]:
    if not apart:
        return [(0, list(cells))]
    ordered = sorted(cells, key=lambda cell: cell.at["model"])
    return [(model, list(group)) for model, group in groupby(ordered, key=lambda cell: cell.at["model"])]


# --------------------------------------------------------------------------------------- standings


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A method's mean figures with one model, over images, classes, layers and smoothings."""

    model: str
    """Label of the model; empty where there is one."""
    method: str
    baseline: bool
    figures: Mapping[str, float]
    """Metric -> mean over the maps that are worth something; missing where none is, or none was measured."""
    ranks: Mapping[str, float]
    """Metric -> place among the methods, 1 the best, ties sharing; baselines are not counted among them."""
    mean_rank: float
    """NaN where nothing ranks."""
    beaten_by: Mapping[str, str]
    """Metric -> the best baseline, where this method's figure is no better."""
    maps: int
    worthless: int
    """How many of its maps have a verdict other than `ok`, or are missing."""

    def to_dict(self) -> dict[str, Any]:
        """As it stands in `--json`."""
        return {
            "model": self.model,
            "method": self.method,
            "baseline": self.baseline,
            "figures": dict(self.figures),
            "ranks": dict(self.ranks),
            "mean_rank": self.mean_rank,
            "beaten_by": dict(self.beaten_by),
            "maps": self.maps,
            "worthless": self.worthless,
        }


def standings(comparison: Comparison) -> tuple[Standing, ...]:
    """Every method with every model, the best mean rank first, baselines last; empty without metrics."""
    if not comparison.metrics:
        return ()
    several = len(comparison.axis("model")) > 1
    found: list[Standing] = []
    for model, cells in _by_model(comparison.cells, apart=several):
        label = comparison.axis("model").labels[model] if several else ""
        found.extend(_stand(comparison, cells, label))
    return tuple(found)


def _stand(comparison: Comparison, cells: Sequence[Cell], model: str) -> list[Standing]:
    labels = comparison.axis("method").labels
    of_method = {label: [cell for cell in cells if cell.at["method"] == i] for i, label in enumerate(labels)}
    means = {label: _means(own, comparison.metrics) for label, own in of_method.items()}
    methods = [label for label in labels if label not in comparison.baselines]
    ranks: dict[str, dict[str, float]] = {label: {} for label in labels}
    beaten: dict[str, dict[str, str]] = {label: {} for label in labels}
    for measure in comparison.metrics:
        if measure.better == "neither":
            continue
        key = _key(measure, means)
        measured = [label for label in methods if measure.name in means[label]]
        for label in measured:
            ahead = sum(key(other) > key(label) for other in measured)
            level = sum(key(other) == key(label) for other in measured)
            ranks[label][measure.name] = ahead + (level + 1) / 2
        rivals = [label for label in comparison.baselines if measure.name in means[label]]
        best = max(rivals, key=key, default=None)
        if best is not None:
            beaten |= {label: {**beaten[label], measure.name: best} for label in measured if key(label) <= key(best)}
    found = [
        Standing(
            model=model,
            method=label,
            baseline=label in comparison.baselines,
            figures=means[label],
            ranks=ranks[label],
            mean_rank=float(np.mean(list(ranks[label].values()))) if ranks[label] else nan,
            beaten_by=beaten[label],
            maps=len(own),
            worthless=sum(cell.cam is None or cell.cam.verdict != "ok" for cell in own),
        )
        for label, own in of_method.items()
    ]
    return sorted(found, key=lambda one: (one.baseline, isnan(one.mean_rank), one.mean_rank))


def _means(cells: Sequence[Cell], metrics: Sequence[Measure]) -> dict[str, float]:
    found = {}
    for measure in metrics:
        figures = [cell.figures[measure.name] for cell in cells if measure.name in cell.figures]
        sound = [figure for figure in figures if not isnan(figure)]
        if sound:
            found[measure.name] = float(np.mean(sound))
    return found


def _key(measure: Measure, means: Mapping[str, Mapping[str, float]]) -> Any:
    sign = 1 if measure.better == "higher" else -1
    return lambda label: sign * means[label][measure.name]


# ------------------------------------------------------------------------------------------- drift


class Kept(Protocol):
    """A map of before, as `camctl.render.files.load_raw` opens it."""

    @property
    def values(self) -> NDArray[np.float32]:
        """(h, w), 0..1."""
        ...

    @property
    def about(self) -> Mapping[str, Any]:
        """Its entry in the manifest, as `Cam.to_dict` wrote it."""
        ...


@dataclass(frozen=True, kw_only=True)
class Drift:
    """How like a map is to its predecessor."""

    cam: Cam
    correlation: float | None
    """Rank correlation, -1..1; NaN where either is worthless, None where it has no predecessor."""
    before: str
    """The predecessor's verdict; empty where there is none."""

    def under(self, least: float) -> bool:
        """Whether it is less alike than `least`; a map that nobody can vouch for is."""
        if self.cam.verdict != "ok" and self.before == self.cam.verdict:
            return False  # worthless then and now, for the same reason
        return self.correlation is None or isnan(self.correlation) or self.correlation < least


def drift(maps: Sequence[Cam], before: Sequence[Kept]) -> tuple[tuple[Drift, ...], int]:
    """Each map against its predecessor, and how many of those before have no successor.

    One is the other's predecessor where method, class, layers and smoothing are the same, picture (its file's name)
    and model too; the model's or picture's name does not count where there is only one on both sides.
    """
    old = [one.about for one in before]
    new = [cam.to_dict() for cam in maps]
    alone = {
        key: len({_named(one, key) for one in new}) == 1 == len({_named(one, key) for one in old}) for key in NAMED
    }
    predecessors = {_identity(about, alone): one for about, one in zip(old, before, strict=True)}
    found, met = [], set()
    for cam, about in zip(maps, new, strict=True):
        key = _identity(about, alone)
        one = predecessors.get(key)
        met.add(key)
        found.append(
            Drift(
                cam=cam,
                correlation=None if one is None else map_correlation(cam.values, one.values),
                before="" if one is None else str(one.about["verdict"]),
            )
        )
    return tuple(found), len(predecessors.keys() - met)


NAMED = ("image", "model")


def _named(about: Mapping[str, Any], key: str) -> str:
    return PurePath(str(about.get(key, ""))).name


def _identity(about: Mapping[str, Any], alone: Mapping[str, bool]) -> tuple[object, ...]:
    names = [None if alone[key] else _named(about, key) for key in NAMED]
    layers = tuple(about["layers"])
    return (*names, about["method"], about["target"]["label"], layers, about.get("smoothing", "none"))
