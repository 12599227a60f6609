"""Attention rollout."""

from camctl.methods.attention import as_grid, attention, why_no_attention
from camctl.plugin import Capture, Cost, Evidence, method


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
def attention_rollout(capture: Capture) -> Evidence:
    """Non-negative maps (N, H, W); the same for every target layer over the same tokens.

    If the head reads the mean of all tokens instead of a class token, the mean of their rows.
    """
    from torch import eye

    blocks = attention(capture)
    length = blocks.read.shape[1]
    self_attention = eye(length, device=blocks.read.device)
    rollout = self_attention.expand(len(blocks.read), -1, -1)
    for weights in blocks.weights:
        rollout = (weights.mean(1) + self_attention) / 2 @ rollout
    return as_grid(capture, (blocks.read[:, None] @ rollout)[:, 0])
