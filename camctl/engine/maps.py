"""Arithmetic of maps: evidence to signed maps, views and layers to one map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import interpolate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from camctl.plugin import Aggregate
    from camctl.plugin.methods import Reduction

FACTORS = (0.9, 1.0, 1.1)
"""Factors on the normalised input in the six views of `--aug-smooth`, the same as in grad-cam."""

PLAIN = FACTORS.index(1.0)
"""Index of the unchanged view, which determines the class for all six."""


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


def augment(inputs: Tensor) -> Tensor:
    """Make the six views (6, 3, h, w) of an input (1, 3, h, w): three factors upright, three mirrored."""
    upright = torch.cat([inputs * factor for factor in FACTORS])
    return torch.cat([upright, upright.flip(3)])


def restore(maps: Tensor) -> Tensor:
    """Mirror the maps of the six views (6, h, w) back."""
    return torch.cat([maps[: len(FACTORS)], maps[len(FACTORS) :].flip(2)])


def unit(maps: Tensor) -> Tensor:
    """Stretch each map of (N, H, W) to 0..1; a map without contrast becomes zeros."""
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    span = high - low
    return torch.where(span > 0, (maps - low) / torch.where(span > 0, span, 1), 0.0)


def resize(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize (N, h, w) -> (N, *size) bilinearly, pixel centres aligned as in OpenCV."""
    return interpolate(maps[:, None], size=size, mode="bilinear", align_corners=False)[:, 0]


def fuse(raws: Sequence[Tensor], size: tuple[int, int], aggregate: Aggregate) -> Tensor:
    """Fuse signed maps (N, h, w), one per layer, into (N, *size), 0..1.

    Each layer's map loses its negative part and is stretched to 0..1 on its own grid, then resized, so that no layer
    outweighs another by its scale.
    """
    layers = torch.stack([resize(unit(raw.clamp_min(0)), size) for raw in raws])
    if aggregate == "product":
        # Resizing may raise a map's minimum, which changes the shape of a product, unlike that of a mean.
        layers = torch.stack([unit(layer) for layer in layers])
    return unit(_aggregate(layers, aggregate))


def fuse_raw(raws: Sequence[Tensor], aggregate: Aggregate) -> Tensor:
    """Fuse signed maps (N, h, w), one per layer, into one signed map at the finest layer's grid.

    A single map is returned unchanged. Several are first divided by their largest absolute value; their product is
    zero wherever their signs differ.
    """
    if len(raws) == 1:
        return raws[0]
    height, width = max((raw.shape[1:] for raw in raws), key=lambda shape: shape[0] * shape[1])
    scaled = [raw / raw.abs().amax((1, 2), keepdim=True).clamp_min(torch.finfo(raw.dtype).tiny) for raw in raws]
    layers = torch.stack([resize(raw, (height, width)) for raw in scaled])
    if aggregate != "product":
        return _aggregate(layers, aggregate)
    agree = (layers > 0).all(0).float() - (layers < 0).all(0).float()
    return layers.abs().prod(0) * agree


def _aggregate(layers: Tensor, aggregate: Aggregate) -> Tensor:
    if aggregate == "max":
        return layers.amax(0)
    return layers.mean(0) if aggregate == "mean" else layers.prod(0)
