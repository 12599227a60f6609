"""Insertion and deletion: the score's curve while pixels are added or removed in the map's order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camctl.errors import InputError
from camctl.plugin import Case, Cost, metric

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

PAPER = "Petsiuk et al., 2018, arXiv:1806.07421"
COST = Cost(text="31 forwards (steps + 1)")

CHUNK = 8
"""Inputs in memory at once."""

KERNEL, SIGMA = 11, 5.0
"""Side and standard deviation in pixels of the blur that insertion starts from."""


@metric(
    name="Insertion",
    summary="Mean score while the blurred picture gets its pixels back, highest values of the map first.",
    paper=PAPER,
    formula="area under score(share of pixels added), from the blurred picture to the whole",
    better="higher",
    needs={"scores"},
    cost=COST,
    rewards="Sharp edges of any kind, and first pixels that support any class.",
)
def insertion(case: Case, *, steps: int = 30) -> float:
    """Area, 0..1. The paper's code adds a row's worth of pixels at a time, 224 times; here in `steps` parts.

    A network that recognises the class in the blurred picture gives every map a high figure: compare maps of the same
    picture and class. Equal values are added in the order of `order`. NaN if a score is NaN.
    """
    return _area(case, blurred(case.inputs), case.inputs, steps)


@metric(
    name="Deletion",
    summary="Mean score while the picture loses its pixels, highest values of the map first.",
    paper=PAPER,
    formula="area under score(share of pixels removed), from the picture to its mean colour",
    better="lower",
    needs={"scores"},
    cost=COST,
    rewards="Scattered pixels of a noisy map: such holes lower a score faster than removing the object.",
)
def deletion(case: Case, *, steps: int = 30) -> float:
    """Area, 0..1. The paper's code removes a row's worth of pixels at a time, 224 times; here in `steps` parts.

    A removed pixel gets the mean colour: zero in the normalised input. Equal values are removed in the order of
    `order`. NaN if a score is NaN.
    """
    return _area(case, case.inputs, case.inputs.new_zeros(()), steps)


def _area(case: Case, before: Tensor, after: Tensor, steps: int) -> float:
    """Area under the score while pixels of `before` become those of `after`, over the share of pixels (trapezoids)."""
    import torch

    if steps < 1:
        raise InputError(f"steps must be 1 or more, not {steps}.", hint="Omit steps for its default.")
    total = case.values.numel()
    counts = torch.arange(min(steps, total) + 1) * total // min(steps, total)
    scores = torch.cat([case.score_of(inputs).float().cpu() for inputs in _between(case, before, after, counts)])
    return float(torch.trapezoid(scores.double(), counts.double() / total))


def _between(case: Case, before: Tensor, after: Tensor, counts: Tensor) -> Iterator[Tensor]:
    """Yield inputs (at most CHUNK, 3, h, w) whose first `counts` pixels are those of `after`."""
    import torch

    rank = order(case).argsort().reshape(case.values.shape).to(case.inputs.device)
    for part in counts.to(case.inputs.device).split(CHUNK):
        yield torch.where(rank < part[:, None, None, None], after, before)


def order(case: Case) -> Tensor:
    """Indices (h * w,) of a map's pixels, the highest value first; on the CPU, so that all devices agree.

    Equal values, such as the zeros that ReLU leaves, are ordered by the signed raw map. If these are equal too, by a
    fixed shuffle, the same for every map of that size: reading order would favour a corner.
    """
    import numpy as np
    import torch

    # numpy promises never to change the stream of this generator only.
    indices = torch.from_numpy(np.random.RandomState(0).permutation(case.values.numel()))
    for values in (case.raw, case.values):
        indices = indices[values.cpu().flatten()[indices].argsort(descending=True, stable=True)]
    return indices


def blurred(inputs: Tensor) -> Tensor:
    """Blur inputs (N, C, h, w) with the Gaussian of the paper's code; outside the border is the mean colour.

    That code blurs a dot in an 11 x 11 picture that reflects at its border, so the Gaussian's tails, up to four sigmas,
    are folded back: here they are wrapped around, which is the same. Computed on the CPU, which does not round to lower
    precision.
    """
    import torch
    from torch.nn.functional import conv2d

    reach = torch.arange(-4 * int(SIGMA), 4 * int(SIGMA) + 1)
    weights = torch.exp(-(reach.double() ** 2) / (2 * SIGMA**2))
    wrapped = torch.zeros(KERNEL, dtype=weights.dtype).index_add_(0, (reach + KERNEL // 2) % KERNEL, weights)
    line = (wrapped / wrapped.sum()).float()
    planes = inputs.cpu().float().reshape(-1, 1, *inputs.shape[2:])
    planes = conv2d(planes, line.reshape(1, 1, -1, 1), padding=(KERNEL // 2, 0))
    planes = conv2d(planes, line.reshape(1, 1, 1, -1), padding=(0, KERNEL // 2))
    return planes.reshape(inputs.shape).to(inputs)
