"""Recipro-CAM and ViT-Recipro-CAM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camctl.errors import InputError
from camctl.plugin import Capture, Cost, method

if TYPE_CHECKING:
    from torch import Tensor

PLACES = 64
"""Grids in one batch, over all pictures; all of an early layer's would fill the memory."""

SPOT = ((1, 2, 1), (2, 4, 2), (1, 2, 1))
"""Weights of the 3 x 3 spot of `gaussian=true`, in sixteenths, as in the second paper."""


LEVELS = 256
"""Number of distinct values that a map must be able to have, as in a grey picture."""


@method(
    name="ReciproCAM",
    summary="Scores the class with one place of the layer kept at a time; no gradients.",
    paper="Byun and Lee, 2022, arXiv:2209.14074; for tokens, 2023, arXiv:2310.02588",
    formula="M_ij = softmax(y of A kept at place ij, zero elsewhere)_class",
    needs={"activations", "replay"},
    cost=Cost(text="2 forwards, and what follows the layer once a place"),
    reduction="none",
)
def reciprocam(capture: Capture, *, gaussian: bool = False, score: str = "auto") -> Tensor:
    """Non-negative maps (N, H, W). Class and other extra tokens are kept in every grid.

    `gaussian`: keep a spot of 3 x 3 positions with a weight of a quarter in the middle, as in the paper on tokens.
    `score`: softmax, the class's probability, as in the paper; logit, minus the map's lowest; auto, softmax unless
    saturated: a class that is certain at every position has 1 everywhere, and only its logits differ.
    """
    import torch

    if score not in {"auto", "softmax", "logit"}:
        raise InputError(f"ReciproCAM has no score '{score}'.", hint="Choose from: auto, softmax, logit.")
    activations = capture.activations
    views, _, height, width = activations.shape
    spots = torch.eye(height * width, device=activations.device).unflatten(1, (height, width))
    if gaussian:
        kernel = spots.new_tensor(SPOT)[None, None] / 16
        spots = torch.nn.functional.conv2d(spots[:, None], kernel, padding=1)[:, 0]
    logits, shares = [], []
    for part in spots.split(max(1, PLACES * capture.views // views)):
        grids = activations[:, None] * part[None, :, None]
        classes = capture.replay(grids.flatten(0, 1)).unflatten(0, (views, -1))
        column = capture.targets[:, None, None].expand(-1, len(part), 1)
        logits.append(classes.gather(2, column)[:, :, 0])
        shares.append(classes.softmax(2).gather(2, column)[:, :, 0])
    by_logit, by_share = (torch.cat(parts, 1) for parts in (logits, shares))
    saturated = _level(by_share) & ~_level(by_logit)
    by_logit = by_logit - by_logit.amin(1, keepdim=True)
    scores = {"logit": by_logit, "softmax": by_share, "auto": torch.where(saturated, by_logit, by_share)}
    maps: Tensor = scores[score].unflatten(1, (height, width))
    return maps


def _level(scores: Tensor) -> Tensor:
    """Whether scores (N, positions) are too close for their precision, (N, 1)."""
    import torch

    contrast = scores.amax(1, keepdim=True) - scores.amin(1, keepdim=True)
    noise: Tensor = LEVELS * torch.finfo(scores.dtype).eps * scores.abs().amax(1, keepdim=True)
    return contrast <= noise
