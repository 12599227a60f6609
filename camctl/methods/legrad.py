"""LeGrad."""

from camctl.methods.attention import as_grid, own_gradients, why_no_attention
from camctl.plugin import Capture, Cost, Evidence, method


@method(
    name="LeGrad",
    summary="How much more attention, in every block, would raise the class's score there.",
    paper="Bousselham et al., 2024, arXiv:2404.03214",
    formula="mean over blocks, heads and queries of ReLU( dy_l / dA_l ),  y_l the head's score of block l's tokens",
    needs={"rescoring"},
    cost=Cost(text="2 forwards, 1 backward"),
    reduction="none",
    cannot=why_no_attention,
)
def legrad(capture: Capture) -> Evidence:
    """Non-negative maps (N, H, W); the same for every target layer over the same tokens."""
    from torch import stack

    layers = [gradients.clamp_min(0).mean((1, 2)) for gradients in own_gradients(capture)]
    return as_grid(capture, stack(layers).mean(0))
