"""Recipro-CAM and ViT-Recipro-CAM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camctl.errors import InputError
from camctl.plugin import Capture, Cost, method

if TYPE_CHECKING:
    from torch import Tensor

PLACES = 64
"""Grids made at a time; all of an early layer's would fill the memory."""

SPOT = ((1, 2, 1), (2, 4, 2), (1, 2, 1))
"""The spot of `gaussian=true`, in sixteenths, as in the second paper."""


@method(
    name="ReciproCAM",
    summary="Scores the class with one place of the layer kept at a time; no gradients.",
    paper="Byun and Lee, 2022, arXiv:2209.14074; for tokens, 2023, arXiv:2310.02588",
    formula="M_ij = softmax(y of A kept at place ij, zero elsewhere)_class",
    needs={"activations", "replay"},
    cost=Cost(text="2 forwards, and what follows the layer once a place", passes=lambda _c, _h, _w: 2),
    reduction="none",
)
def reciprocam(capture: Capture, *, gaussian: bool = False, score: str = "softmax") -> Tensor:
    """Maps (N, H, W), never negative. Class and other extra tokens are kept in every grid.

    `gaussian`: keep a spot of 3 x 3 places, its middle by a quarter, as the paper on tokens does. `score`: softmax, the
    class's share of the score, or logit, less the lowest of the map's.
    """
    import torch

    if score not in {"softmax", "logit"}:
        raise InputError(f"ReciproCAM knows no score '{score}'.", hint="Choose from: softmax, logit.")
    activations = capture.activations
    views, _, height, width = activations.shape
    spots = torch.eye(height * width, device=activations.device).unflatten(1, (height, width))
    if gaussian:
        kernel = spots.new_tensor(SPOT)[None, None] / 16
        spots = torch.nn.functional.conv2d(spots[:, None], kernel, padding=1)[:, 0]
    scores = []
    for part in spots.split(PLACES):
        grids = activations[:, None] * part[None, :, None]
        logits = capture.replay(grids.flatten(0, 1)).unflatten(0, (views, -1))
        values = logits.softmax(2) if score == "softmax" else logits
        scores.append(values.gather(2, capture.targets[:, None, None].expand(-1, len(part), 1))[:, :, 0])
    maps: Tensor = torch.cat(scores, 1).unflatten(1, (height, width))
    return maps - maps.amin((1, 2), keepdim=True) if score == "logit" else maps
