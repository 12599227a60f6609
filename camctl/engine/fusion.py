"""Fuse signed maps on their layers' grids into one map, 0..1, over the view."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import interpolate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from camctl.plugin import Aggregate


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
