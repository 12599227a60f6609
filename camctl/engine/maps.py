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
    cells = evidence.flatten(2).double()
    means = cells.mean(2, keepdim=True)
    finite = means.isfinite().all(1)
    centred = torch.where(finite[:, None], cells - means, 0.0)  # eigh would raise; the verdict names the fault
    if centred.shape[2] <= centred.shape[1]:
        values, vectors = leading(centred.mT @ centred)
        projection = vectors * values.clamp_min(0).sqrt()[:, None]
    else:
        _, vectors = leading(centred @ centred.mT)
        projection = (vectors[:, None] @ centred)[:, 0]
    total = centred.sum(1)
    norm = projection.norm(dim=1) * total.norm(dim=1)
    sign = (projection * total).sum(1) / norm
    largest = projection.gather(1, projection.abs().argmax(1, keepdim=True))[:, 0]
    sign = torch.where((norm > 0) & (sign.abs() >= 1e-6), sign, largest) if of_class else largest  # noqa: PLR2004
    projection = torch.where((sign < 0)[:, None], -projection, projection)
    projection = torch.where(finite, projection, float("nan"))
    return projection.float().reshape(n, height, width)


SQUARINGS = 12
"""Squarings of a matrix after which its largest column is the leading eigenvector, if the gap is wide enough."""

RESIDUAL = 1e-9
"""Largest |Gv - lv| / l of a leading eigenvector found by squaring, in float64; beyond it `eigh` decides."""


def leading(grams: Tensor) -> tuple[Tensor, Tensor]:
    """Return the largest eigenvalue (N,) of symmetric matrices (N, K, K) without negative eigenvalues, and its vector.

    On a GPU, where `eigh` of a batch takes longer than a network's forward pass, the matrices are squared; those whose
    vector is not exact enough are left to `eigh`.
    """
    if grams.device.type == "cpu":
        values, vectors = torch.linalg.eigh(grams)
        return values[:, -1], vectors[:, :, -1]
    values, vectors, residuals = squared(grams)
    poor = (residuals > RESIDUAL).nonzero()[:, 0]
    if len(poor):
        exact_values, exact = torch.linalg.eigh(grams[poor])
        values[poor], vectors[poor] = exact_values[:, -1], exact[:, :, -1]
    return values, vectors


def squared(grams: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the largest eigenvalues (N,), their vectors (N, K) and the residuals (N,), by repeated squaring."""
    power = grams
    for _ in range(SQUARINGS):
        trace = power.diagonal(dim1=1, dim2=2).sum(1)[:, None, None]
        power = power / torch.where(trace > 0, trace, 1.0)
        power = power @ power
    columns = power.norm(dim=1).argmax(1)
    vectors = power.gather(2, columns[:, None, None].expand(-1, power.shape[1], 1))[:, :, 0]
    norms = vectors.norm(dim=1, keepdim=True)
    vectors = vectors / torch.where(norms > 0, norms, 1.0)
    images = (grams @ vectors[:, :, None])[:, :, 0]
    values = (vectors * images).sum(1)
    off = (images - values[:, None] * vectors).norm(dim=1)
    return values, vectors, torch.where(values > 0, off / torch.where(values > 0, values, 1.0), 0.0)


def augment(inputs: Tensor) -> Tensor:
    """Make the six views of each input, (B, C, h, w) -> (B*6, C, h, w): three factors upright, three mirrored."""
    upright = torch.stack([inputs * factor for factor in FACTORS], 1)
    return torch.cat([upright, upright.flip(4)], 1).flatten(0, 1)


def restore(maps: Tensor) -> Tensor:
    """Mirror the maps of the six views (B, 6, h, w) back; those of one view (B, 1, h, w) stay as they are."""
    if maps.shape[1] == 1:
        return maps
    return torch.cat([maps[:, : len(FACTORS)], maps[:, len(FACTORS) :].flip(3)], 1)


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


def overlap(raws: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
    """Return whether the product of the layers' signed maps (N, h, w) is more than zero somewhere, (N,)."""
    return fuse(raws, size, "product").flatten(1).any(1)


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
