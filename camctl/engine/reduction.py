"""Reduce evidence (N, C, H, W) to maps (N, H, W): the sum, or the first principal component."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from camctl.plugin.methods import Reduction


def reduce(evidence: Tensor, reduction: Reduction, *, of_class: bool = True) -> Tensor:
    """Reduce evidence to signed maps (N, H, W), float32; `of_class`: the evidence depends on the class."""
    if reduction == "none":
        return evidence
    return evidence.sum(1) if reduction == "sum" else principal(evidence, of_class=of_class)


def principal(evidence: Tensor, *, of_class: bool = True) -> Tensor:
    """Project every cell's channels on their first principal component, (N, C, H, W) -> (N, H, W).

    The cells are centred first. `eigh` of the smaller Gram matrix, cells x cells or channels x channels, in float64
    gives the same values as an SVD at a fraction of its cost.

    A principal component has no sign of its own. Evidence for a class determines it: the map correlates positively with
    the evidence's sum over channels. For activations that know no class, and evidence whose sum does not correlate
    (|r| < 1e-6), the largest absolute value becomes positive, since what stands out is rare (Seg-Eigen-CAM, equation
    13, doi 10.3390/app15137562). Neither rule depends on random numbers or on a library's choice, so that a map never
    flips between machines.
    """
    n, _, height, width = evidence.shape
    finite = torch.isfinite(evidence).all(3).all(2).all(1)
    maps = []
    for sample, sound in zip(evidence, finite, strict=True):
        if not sound:  # eigh would raise; the verdict names the fault
            maps.append(sample.new_full((height * width,), float("nan")))
            continue
        cells = sample.flatten(1).T.double()
        centred = cells - cells.mean(0)
        if centred.shape[0] <= centred.shape[1]:
            values, vectors = torch.linalg.eigh(centred @ centred.T)
            projection = vectors[:, -1] * values[-1].clamp_min(0).sqrt()
        else:
            _, vectors = torch.linalg.eigh(centred.T @ centred)
            projection = centred @ vectors[:, -1]
        total = centred.sum(1)
        norm = projection.norm() * total.norm()
        sign = projection @ total / norm if of_class and norm > 0 else projection.new_zeros(())
        if sign.abs() < 1e-6:  # noqa: PLR2004
            sign = projection[projection.abs().argmax()]
        maps.append((-projection if sign < 0 else projection).float())
    return torch.stack(maps).reshape(n, height, width)
