"""Gradient-weighted attention: the generic explainability of transformers, for self-attention."""

from camctl.methods.attention import as_grid, attention, why_no_attention
from camctl.plugin import Capture, Cost, Evidence, method


@method(
    name="GradientAttention",
    summary="Follows attention through all blocks, each weight times its positive influence on the class.",
    paper="Chefer et al., 2021, arXiv:2103.15679",
    formula="R = I;  R <- R + mean over heads of ReLU(G A) R, block by block;  M = R's row of the class token",
    needs={"rescoring"},
    cost=Cost(text="2 forwards, 1 backward"),
    reduction="none",
    cannot=why_no_attention,
)
def gradient_attention(capture: Capture) -> Evidence:
    """Non-negative maps (N, H, W); the same for every target layer over the same tokens.

    If the head reads the mean of all tokens instead of a class token, the mean of their rows.
    """
    from torch import eye

    blocks = attention(capture, lambda logits: logits.gather(1, capture.targets[:, None]).sum())
    length = blocks.read.shape[1]
    relevance = eye(length, device=blocks.read.device).expand(len(blocks.read), -1, -1)
    for weights, gradients in zip(blocks.weights, blocks.gradients, strict=True):
        relevance = relevance + (weights * gradients).clamp_min(0).mean(1) @ relevance
    return as_grid(capture, (blocks.read[:, None] @ relevance)[:, 0])
