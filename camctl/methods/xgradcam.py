"""XGrad-CAM."""

from camctl.methods.remarks import weak_on_class_tokens
from camctl.plugin import Capture, Evidence, method

EPSILON = 1e-7


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
    """Evidence (N, C, H, W). The paper sums activations after ReLU; signed ones (tokens) can nearly cancel."""
    activations = capture.activations
    weights = (capture.gradients * activations).sum((2, 3), keepdim=True)
    return weights / (activations.sum((2, 3), keepdim=True) + EPSILON) * activations
