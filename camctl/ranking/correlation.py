"""Similarity of two maps: Spearman's rank correlation, over the part of the picture that both show."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from camctl.values.cam import Cam

    Box = tuple[float, float, float, float]

SIDE = 56
"""Longest side at which maps are correlated: finer than the grids that methods work on, and quick to sort."""

THINNEST = 1e-3
"""Minimum width and height, in pixels of each map, of a part that is compared."""


def rank_correlation(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Spearman's rank correlation of two maps of one shape, -1..1; ties share their mean rank; NaN for a flat map."""
    a, b = ranks(first), ranks(second)
    if not a.any() or not b.any():
        return nan
    return float(np.clip(a @ b, -1, 1))


def map_correlation(first: Cam, second: Cam) -> float:
    """Rank correlation of two maps of a picture, over what both models saw; NaN if nothing, or if one is flat."""
    overlap = together([first, second])
    return nan if overlap is None else rank_correlation(*overlap)


def ssim(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Structural similarity of two maps (h, w) of one shape, 0..1 (Wang et al. 2004): -1..1, 1 for equal maps.

    With the paper's window, a Gaussian of 1.5 over 11 x 11, if the map is that large; the mean over all positions where
    the whole window fits.
    """
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    mean_a, mean_b = _blurred(a), _blurred(b)
    variance_a, variance_b = _blurred(a**2) - mean_a**2, _blurred(b**2) - mean_b**2
    covariance = _blurred(a * b) - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    similarity = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    return float((similarity / ((mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2))).mean())


def _blurred(values: NDArray[np.float64]) -> NDArray[np.float64]:
    for axis in (0, 1):
        reach = min(5, (values.shape[axis] - 1) // 2)
        weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / 1.5) ** 2)
        windows = np.lib.stride_tricks.sliding_window_view(values, 2 * reach + 1, axis)
        values = windows @ (weights / weights.sum())
    return values


def together(maps: Sequence[Cam]) -> list[NDArray[np.float32]] | None:
    """Maps of one picture over the part that all models saw, at one size; None if there is no such part.

    So a model that crops the middle and one that sees the whole are compared position by position.
    """
    boxes = np.array([cam.view.box for cam in maps])
    x0, y0 = boxes[:, :2].max(0)
    x1, y1 = boxes[:, 2:].min(0)
    if x1 <= x0 or y1 <= y0:
        return None
    parts = [_within(cam, (x0, y0, x1, y1)) for cam in maps]
    if min(min(right - left, low - top) for left, top, right, low in parts) < THINNEST:
        return None
    # As fine as the finest map there, up to `SIDE`: upsampled positions would only be ties.
    width, height = max(right - left for left, _, right, _ in parts), max(low - top for _, top, _, low in parts)
    scale = min(1.0, SIDE / max(width, height))
    size = max(1, round(height * scale)), max(1, round(width * scale))
    return [resized(cam.values, size, part) for cam, part in zip(maps, parts, strict=True)]


def _within(cam: Cam, box: Box) -> Box:
    """A box in pixels of the picture, in pixels of the map."""
    height, width = cam.values.shape
    x0, y0, x1, y1 = cam.view.box
    across, down = width / (x1 - x0), height / (y1 - y0)
    left, top = max(0.0, (box[0] - x0) * across), max(0.0, (box[1] - y0) * down)
    return left, top, min(float(width), (box[2] - x0) * across), min(float(height), (box[3] - y0) * down)


def resized(values: NDArray[Any], size: tuple[int, ...], box: Box | None = None) -> NDArray[np.float32]:
    """A map (h, w), or its `box` (x0, y0, x1, y1), at another size (height, width), bilinear."""
    image = Image.fromarray(np.ascontiguousarray(values, np.float32))
    return np.asarray(image.resize((size[1], size[0]), Image.Resampling.BILINEAR, box=box))


def ranks(values: NDArray[Any]) -> NDArray[np.float64]:
    """Flattened ranks, centred, unit norm; all zeros if the map is constant."""
    _, inverse, counts = np.unique(np.asarray(values).ravel(), return_inverse=True, return_counts=True)
    ends = counts.cumsum()
    centred = (ends - (counts - 1) / 2)[inverse.ravel()]
    centred -= centred.mean()
    norm = np.sqrt(centred @ centred)
    return centred / norm if norm else centred
