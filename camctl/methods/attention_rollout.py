"""Attention rollout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camctl.methods.attention import as_grid, attention, why_no_attention
from camctl.plugin import Capture, Cost, method

if TYPE_CHECKING:
    from torch import Tensor


@method(
    name="AttentionRollout",
    summary="Follows attention through all blocks of a transformer; knows no class.",
    paper="Abnar and Zuidema, 2020, arXiv:2005.00928",
    formula="R = product over blocks, last first, of (mean over heads of A + I) / 2;  M = R's row of the class token",
    needs={"rescoring"},
    cost=Cost(text="2 forwards"),
    reduction="none",
    discriminative=False,
    cannot=why_no_attention,
)
def attention_rollout(capture: Capture) -> Tensor:
    """Maps (N, H, W), never negative; the same for every target layer over the same tokens.

    Where the head reads no class token but the mean of all, the mean of their rows.
    """
    from torch import eye

    found = attention(capture)
    length = found.read.shape[1]
    self_attention = eye(length, device=found.read.device)
    rollout = self_attention.expand(len(found.read), -1, -1)
    for weights in found.weights:
        rollout = (weights.mean(1) + self_attention) / 2 @ rollout
    return as_grid(capture, (found.read[:, None] @ rollout)[:, 0])
