"""How the class's score rises and falls while pixels are put in and taken out by the map: insertion and deletion."""

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
"""Inputs that lie in memory at a time."""

KERNEL, SIGMA = 11, 5.0
"""Side and spread, in pixels, of the blur that insertion starts from."""


@metric(
    name="Insertion",
    summary="Mean score while the blurred picture gets its pixels back, those the map values most first.",
    paper=PAPER,
    formula="area under score(share of pixels put in), from the blurred picture to the whole",
    better="higher",
    needs={"scores"},
    cost=COST,
    rewards="Sharp edges as such, and early pixels that any class would like.",
)
def insertion(case: Case, *, steps: int = 30) -> float:
    """0..1. The paper's own code puts in a row's worth of pixels at a time, 224 times; here it is `steps` parts.

    A network that knows its class by a blur gives every map a high figure. Compare maps of one picture and class, not
    of two. Equal values go in as `order` says. NaN where a score is.
    """
    return _area(case, blurred(case.inputs), case.inputs, steps)


@metric(
    name="Deletion",
    summary="Mean score while the picture loses its pixels, those the map values most first.",
    paper=PAPER,
    formula="area under score(share of pixels taken out), from the picture to its mean colour",
    better="lower",
    needs={"scores"},
    cost=COST,
    rewards="Scattered pixels, as of a noisy map: such holes wreck a score faster than the object's going.",
)
def deletion(case: Case, *, steps: int = 30) -> float:
    """0..1. The paper's own code takes out a row's worth of pixels at a time, 224 times; here it is `steps` parts.

    A pixel taken out gets the mean colour: zero of the normalised input. Equal values go out as `order` says. NaN where
    a score is.
    """
    return _area(case, case.inputs, case.inputs.new_zeros(()), steps)


def _area(case: Case, before: Tensor, after: Tensor, steps: int) -> float:
    """Area under the score while pixels of `before` become those of `after`, over the share of pixels (trapezoids)."""
    import torch

    if steps < 1:
        raise InputError(f"steps must be 1 or more, not {steps}.", hint="Leave out steps for its default.")
    total = case.values.numel()
    counts = torch.arange(min(steps, total) + 1) * total // min(steps, total)
    scores = torch.cat([case.score_of(inputs).float().cpu() for inputs in _between(case, before, after, counts)])
    return float(torch.trapezoid(scores.double(), counts.double() / total))


def _between(case: Case, before: Tensor, after: Tensor, counts: Tensor) -> Iterator[Tensor]:
    """Inputs (at most CHUNK, 3, h, w) whose first pixels, as many as `counts` says, are those of `after`."""
    import torch

    turn = order(case).argsort().reshape(case.values.shape).to(case.inputs.device)
    for some in counts.to(case.inputs.device).split(CHUNK):
        yield torch.where(turn < some[:, None, None, None], after, before)


def order(case: Case) -> Tensor:
    """Places (h * w,) of a map, the highest value first; on the CPU, so that every device has one order.

    Places of one value, such as the wide zeros that ReLU leaves, come by the signed raw map. Those that are level there
    too come in one fixed shuffled order, the same for every map of that size: in reading order they would bring in the
    picture from a corner, which is a map of its own.
    """
    import numpy as np
    import torch

    # The only generator of numpy's whose stream is promised never to change.
    places = torch.from_numpy(np.random.RandomState(0).permutation(case.values.numel()))
    for values in (case.raw, case.values):
        places = places[values.cpu().flatten()[places].argsort(descending=True, stable=True)]
    return places


def blurred(inputs: Tensor) -> Tensor:
    """Inputs (N, C, h, w) under the Gaussian of the paper's own code; beyond the border lies the mean colour.

    That code blurs a dot in the middle of an 11 x 11 picture that reflects at its border, so the tails of the
    Gaussian, up to four sigmas, come back in: they are wrapped around here, which is the same. Blurred on the CPU,
    whose convolution no device rounds.
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
