"""Grad-CAM++."""

from camctl.methods.remarks import blind_on_lite0, weak_on_class_tokens
from camctl.plugin import Capture, Evidence, method

EPSILON = 1e-6


@method(
    name="GradCAM++",
    summary="Weights each channel by its positive gradients, each place by its second-order share.",
    paper="Chattopadhay et al., 2018, arXiv:1710.11063",
    formula="ReLU( sum_c w_c A_c ),  w_c = sum_ij a_c ReLU(G_c),  a_c = G_c^2 / (2 G_c^2 + sum_ij(A_c) G_c^3)",
    needs={"activations", "gradients"},
    signed=False,
    remarks=(
        blind_on_lite0(".96"),
        weak_on_class_tokens(vit=".48", t2t=".33"),
    ),
)
def gradcam_plusplus(capture: Capture) -> Evidence:
    """Evidence (N, C, H, W), by equation 19 of the paper (the exponential of the score cancels)."""
    from camctl.methods.gradients import precise

    gradients = precise(capture.gradients)  # 2 G^2 and sum(A) G^3 may cancel
    square = gradients**2
    totals = precise(capture.activations).sum((2, 3), keepdim=True)
    share = square / (2 * square + totals * square * gradients + EPSILON)
    weights = (share * gradients.clamp_min(0)).sum((2, 3), keepdim=True)
    return weights.float() * capture.activations
