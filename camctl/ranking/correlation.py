"""How alike two maps are: Spearman's rank correlation, over the part of the picture that both show."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from camctl.values.explanation import View

    Box = tuple[float, float, float, float]

SIDE = 56
"""Longest side at which maps are correlated: finer than any grid that methods work on, and quick to sort."""


class Placed(Protocol):
    """A map that knows which part of the picture it lies on: a `Cam`, or one of before."""

    @property
    def values(self) -> NDArray[np.float32]:
        """(h, w), 0..1."""
        ...

    @property
    def view(self) -> View:
        """What the model was given of the picture."""
        ...


def rank_correlation(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Spearman's rank correlation of two maps of one shape, -1..1; ties share their mean rank; NaN for a flat map."""
    first, second = ranks(one), ranks(other)
    if not first.any() or not second.any():
        return nan
    return float(np.clip(first @ second, -1, 1))


def map_correlation(one: Placed, other: Placed) -> float:
    """The same for two maps of one picture, over what both models saw; NaN where that is nothing, or one is flat."""
    seen = together([one, other])
    return nan if seen is None else rank_correlation(*seen)


def ssim(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Structural similarity of two maps (h, w) of one shape, 0..1 (Wang et al. 2004): -1..1, 1 for equal maps.

    With the paper's window, a Gaussian of 1.5 places over 11 x 11, where the map is as large; the mean over all places
    where the whole window fits.
    """
    first, second = np.asarray(one, np.float64), np.asarray(other, np.float64)
    mean, mate = _blurred(first), _blurred(second)
    variance, its = _blurred(first**2) - mean**2, _blurred(second**2) - mate**2
    covariance = _blurred(first * second) - mean * mate
    c1, c2 = 0.01**2, 0.03**2
    places = (2 * mean * mate + c1) * (2 * covariance + c2) / ((mean**2 + mate**2 + c1) * (variance + its + c2))
    return float(places.mean())


def _blurred(values: NDArray[np.float64]) -> NDArray[np.float64]:
    for axis in (0, 1):
        reach = min(5, (values.shape[axis] - 1) // 2)
        weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / 1.5) ** 2)
        windows = np.lib.stride_tricks.sliding_window_view(values, 2 * reach + 1, axis)
        values = windows @ (weights / weights.sum())
    return values


def together(maps: Sequence[Placed]) -> list[NDArray[np.float32]] | None:
    """Maps of one picture over the part of it that all models saw, at one size; None where that is none.

    A model that crops the middle and one that sees the whole are set against each other place by place.
    """
    boxes = np.array([one.view.box for one in maps])
    x0, y0 = boxes[:, :2].max(0)
    x1, y1 = boxes[:, 2:].min(0)
    if x1 <= x0 or y1 <= y0:
        return None
    parts = [_within(one, (x0, y0, x1, y1)) for one in maps]
    # As fine as the finest map there, up to `SIDE`: places that nobody drew would only be ties.
    width, height = max(right - left for left, _, right, _ in parts), max(low - top for _, top, _, low in parts)
    scale = min(1.0, SIDE / max(width, height))
    size = max(1, round(height * scale)), max(1, round(width * scale))
    return [resized(one.values, size, part) for one, part in zip(maps, parts, strict=True)]


def _within(one: Placed, box: Box) -> Box:
    """A box in pixels of the picture -> in places of the map."""
    height, width = one.values.shape
    x0, y0, x1, y1 = one.view.box
    across, down = width / (x1 - x0), height / (y1 - y0)
    left, top = max(0.0, (box[0] - x0) * across), max(0.0, (box[1] - y0) * down)
    return left, top, min(float(width), (box[2] - x0) * across), min(float(height), (box[3] - y0) * down)


def resized(values: NDArray[Any], size: tuple[int, ...], box: Box | None = None) -> NDArray[np.float32]:
    """A map (h, w), or the `box` of it (x0, y0, x1, y1), at another size (height, width), bilinear."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(values, np.float32))
    return np.asarray(image.resize((size[1], size[0]), Image.Resampling.BILINEAR, box=box))


def ranks(values: NDArray[Any]) -> NDArray[np.float64]:
    """Ranks, centred, of norm 1, flat; of norm 0 where all values are one."""
    _, inverse, counts = np.unique(np.asarray(values).ravel(), return_inverse=True, return_counts=True)
    ends = counts.cumsum()
    found = (ends - (counts - 1) / 2)[inverse.ravel()]
    found -= found.mean()
    norm = np.sqrt(found @ found)
    return found / norm if norm else found
