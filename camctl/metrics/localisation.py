"""Whether a map shows the object: the pointing game, by the map's peak and by its energy, and intersection over union.

All take the object's region for the truth: a network that goes by the background is rightly shown to look outside of
it, and loses.
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
    rewards="Pointing at the middle, where photographers put things.",
)
def pointing(case: Case, *, tolerance: int = 0) -> float:
    """1.0 or 0.0; the paper's figure is the share of pictures. Of equal peaks the first in reading order counts.

    `tolerance`: pixels of the input that the peak may lie beside the region, as the crow flies; 15 in the paper, which
    for small objects is most of the figure.
    """
    if tolerance < 0:
        raise InputError(f"tolerance must be 0 or more, not {tolerance}.", hint="Leave out tolerance for its default.")
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
    rewards="Large objects, which hold much of any map, and a map that shows a speck of the object.",
)
def energy(case: Case) -> float:
    """0..1; an even map has the region's share of the picture. NaN where the map is all zeros."""
    values = case.values.cpu().double()
    return float(values[_region(case)].sum() / values.sum())


@metric(
    name="IoU",
    summary="Intersection over union of the object and what the map shows above a share of its maximum.",
    paper="Zhou et al., 2016, arXiv:1512.04150; of masks Choe et al., 2020, arXiv:2001.07437",
    formula="|S and R| / |S or R|,  R the region,  S = {ij: M_ij >= threshold max M};  of a box R, S is the box around "
    "its largest part",
    better="higher",
    needs={"region"},
    rewards="Objects about as large as the blob that the layer's grid draws; another threshold ranks maps differently.",
)
def iou(case: Case, *, threshold: float = 0.2) -> float:
    """0..1. NaN where the map is all zeros.

    A region that is a rectangle is compared with the smallest box around the largest connected part of what is above
    the threshold (sides touch, corners do not), as in the first paper; any other with those pixels themselves.
    `threshold`: share of the map's maximum, 0.2 in the first paper.
    """
    if not 0 < threshold <= 1:
        message = f"threshold must be above 0 and at most 1, not {threshold:g}."
        raise InputError(message, hint="Leave out threshold for its default.")
    region, values = _region(case), case.values.cpu()
    if not bool(values.any()):
        return nan
    shown = values >= threshold * values.max()
    if bool((_box_around(region) == region).all()):
        shown = _box_around(_largest(shown))
    return float((shown & region).sum() / (shown | region).sum())


def _box_around(region: Tensor) -> Tensor:
    """The smallest rectangle of pixels that holds a region (h, w)."""
    return _between_ends(region.any(1))[:, None] & _between_ends(region.any(0))[None, :]


def _between_ends(line: Tensor) -> Tensor:
    """True from the first to the last true value of a line."""
    return (line.cumsum(0) > 0) & (line.flip(0).cumsum(0) > 0).flip(0)


def _largest(region: Tensor) -> Tensor:
    """The largest of the parts (h, w) that a region falls into; of equal ones the first in reading order."""
    import cv2
    import numpy as np
    import torch

    _, labels = cv2.connectedComponents(region.numpy().astype(np.uint8), connectivity=4)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return torch.from_numpy(labels == sizes.argmax())


def _region(case: Case) -> Tensor:
    if case.region is None:
        raise InputError("Where the object is was not said.", hint="Give its box or mask, or leave out this metric.")
    return case.region.cpu()
