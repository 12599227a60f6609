"""XGrad-CAM."""

from camctl.methods.remarks import weak_on_class_tokens
from camctl.plugin import Capture, Evidence, method

EPSILON = 1e-7

CANCELLED = 1e-6
"""Share of a channel's absolute activations below which their sum is what rounding has left of it."""


@method(
    name="XGradCAM",
    summary="Weights each channel by its gradients, averaged with its activations as weights.",
    paper="Fu et al., 2020, arXiv:2008.02312",
    formula="ReLU( sum_c w_c A_c ),  w_c = sum_ij G_c A_c / sum_ij A_c",
    needs={"activations", "gradients"},
    signed=False,
    remarks=(weak_on_class_tokens(vit=".40", t2t=".25"),),
)
def xgradcam(capture: Capture) -> Evidence:
    """Evidence (N, C, H, W), by sums in double precision.

    The paper sums activations after ReLU. Signed ones (tokens) can cancel: then float32 loses digits, and a channel
    whose sum is rounding alone has no weight.
    """
    import torch

    from camctl.methods.gradients import precise

    activations = precise(capture.activations)
    totals = activations.sum((2, 3), keepdim=True)
    weights = (precise(capture.gradients) * activations).sum((2, 3), keepdim=True) / (totals + EPSILON)
    cancelled = totals.abs() <= CANCELLED * activations.abs().sum((2, 3), keepdim=True)
    return torch.where(cancelled, 0.0, weights).float() * capture.activations
