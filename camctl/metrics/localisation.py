"""Whether a map shows the object: the pointing game by peak and by energy, and intersection over union.

All use the object's region as the truth: a correct map of a network that relies on the background scores low.
"""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING

from camctl.errors import InputError
from camctl.plugin import Case, metric

if TYPE_CHECKING:
    from torch import Tensor


@metric(
    name="Pointing game",
    summary="Whether the map peaks on the object.",
    paper="Zhang et al., 2016, arXiv:1608.00507",
    formula="1 if the distance of argmax_ij M from the region <= tolerance else 0",
    better="higher",
    needs={"region"},
    rewards="Pointing at the middle, where photographers put objects.",
)
def pointing(case: Case, *, tolerance: int = 0) -> float:
    """1.0 or 0.0; the paper's figure is the share of pictures. The first of equal peaks in reading order counts.

    `tolerance`: largest distance of the peak from the region, in pixels of the input; 15 in the paper, which decides
    most of the figure for small objects.
    """
    if tolerance < 0:
        raise InputError(f"tolerance must be 0 or more, not {tolerance}.", hint="Omit tolerance for its default.")
    region = _region(case)
    row, column = divmod(int(case.values.cpu().argmax()), case.values.shape[1])
    rows, columns = region.nonzero().unbind(1)
    nearest = ((rows - row) ** 2 + (columns - column) ** 2).amin()
    return float(nearest <= tolerance**2)


@metric(
    name="Energy inside",
    summary="Share of the map's sum that lies on the object.",
    paper="the energy-based pointing game of Wang et al., 2019, arXiv:1910.01279",
    formula="sum_{ij in region} M / sum_ij M",
    better="higher",
    needs={"region"},
    rewards="Large objects, which contain much of any map, and maps of a small part of the object.",
)
def energy(case: Case) -> float:
    """Share, 0..1; a constant map has the region's share of the picture. NaN if the map is all zeros."""
    values = case.values.cpu().double()
    return float(values[_region(case)].sum() / values.sum())


@metric(
    name="IoU",
    summary="Intersection over union of the object and the map above a share of its maximum.",
    paper="Zhou et al., 2016, arXiv:1512.04150; of masks Choe et al., 2020, arXiv:2001.07437",
    formula="|S and R| / |S or R|,  R the region,  S = {ij: M_ij >= threshold max M};  of a box R, S is the box around "
    "its largest part",
    better="higher",
    needs={"region"},
    rewards="Objects about as large as the blobs of the layer's grid; another threshold ranks maps differently.",
)
def iou(case: Case, *, threshold: float = 0.2) -> float:
    """IoU, 0..1. NaN if the map is all zeros.

    A rectangular region is compared with the smallest box around the largest connected part above the threshold
    (connected by sides, not by corners), as in the first paper; any other region with the pixels above the threshold.
    `threshold`: share of the map's maximum, 0.2 in the first paper.
    """
    if not 0 < threshold <= 1:
        message = f"threshold must be above 0 and at most 1, not {threshold:g}."
        raise InputError(message, hint="Omit threshold for its default.")
    region, values = _region(case), case.values.cpu()
    if not bool(values.any()):
        return nan
    shown = values >= threshold * values.max()
    if bool((_box_around(region) == region).all()):
        shown = _box_around(_largest(shown))
    return float((shown & region).sum() / (shown | region).sum())


def _box_around(region: Tensor) -> Tensor:
    """Smallest rectangle of pixels around a region (h, w)."""
    return _between_ends(region.any(1))[:, None] & _between_ends(region.any(0))[None, :]


def _between_ends(line: Tensor) -> Tensor:
    """Mask that is true from the first to the last true value of a line."""
    return (line.cumsum(0) > 0) & (line.flip(0).cumsum(0) > 0).flip(0)


def _largest(region: Tensor) -> Tensor:
    """Largest connected part (h, w) of a region; the first in reading order of equal ones."""
    import cv2
    import numpy as np
    import torch

    _, labels = cv2.connectedComponents(region.numpy().astype(np.uint8), connectivity=4)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return torch.from_numpy(labels == sizes.argmax())


def _region(case: Case) -> Tensor:
    if case.region is None:
        raise InputError("The object's position is not known.", hint="Give its box or mask, or omit this metric.")
    return case.region.cpu()
