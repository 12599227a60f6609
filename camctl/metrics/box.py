"""Whether a map shows the object in the box: the pointing game, by the map's peak and by its energy.

A pixel lies where its centre does, half a pixel from its edges; the box's own border is inside. Both take the box
for the truth: a network that goes by the background is rightly shown to look outside of it, and loses.
"""

from __future__ import annotations

from math import hypot
from typing import TYPE_CHECKING

from camctl.errors import InputError
from camctl.plugin import Case, metric

if TYPE_CHECKING:
    from torch import Tensor


@metric(
    name="Pointing game",
    summary="Whether the map peaks inside the object's box.",
    paper="Zhang et al., 2016, arXiv:1608.00507",
    formula="1 if the distance of argmax_ij M from the box <= tolerance else 0",
    better="higher",
    needs={"box"},
)
def pointing(case: Case, *, tolerance: int = 0) -> float:
    """1.0 or 0.0; the paper's figure is the share of pictures. Of equal peaks the first in reading order counts.

    `tolerance`: pixels of the input that the peak may lie beside the box, as the crow flies; 15 in the paper, which
    for small objects is most of the figure. It looks at one pixel of the map, and rewards pointing at the middle,
    where photographers put things.
    """
    if tolerance < 0:
        raise InputError(f"tolerance must be 0 or more, not {tolerance}.", hint="Leave out tolerance for its default.")
    x0, y0, x1, y1 = _box(case)
    row, column = divmod(int(case.values.cpu().argmax()), case.values.shape[1])
    x, y = column + 0.5, row + 0.5
    return float(hypot(max(x0 - x, x - x1, 0.0), max(y0 - y, y - y1, 0.0)) <= tolerance)


@metric(
    name="Energy in the box",
    summary="Share of the map's sum that lies inside the object's box.",
    paper="the energy-based pointing game of Wang et al., 2019, arXiv:1910.01279",
    formula="sum_{ij in box} M / sum_ij M",
    better="higher",
    needs={"box"},
)
def energy(case: Case) -> float:
    """0..1; an even map has the box's share of the picture. NaN where the map is all zeros.

    It rewards big boxes, which hold much of any map, and a map that shows but a speck of the object.
    """
    x0, y0, x1, y1 = _box(case)
    values = case.values.cpu().double()
    rows, columns = (_centres(values, axis) for axis in (0, 1))
    inside = values[(rows >= y0) & (rows <= y1)][:, (columns >= x0) & (columns <= x1)]
    return float(inside.sum() / values.sum())


def _centres(values: Tensor, axis: int) -> Tensor:
    """Where the rows (0) or columns (1) of a map lie, in pixels."""
    import torch

    return torch.arange(values.shape[axis]) + 0.5


def _box(case: Case) -> tuple[float, float, float, float]:
    if case.box is None:
        raise InputError("Where the object is was not said.", hint="Give its box, or leave out this metric.")
    return case.box
