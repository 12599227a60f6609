"""Grad-CAM, element by element."""

from camctl.methods.remarks import blind_on_lite0
from camctl.plugin import Capture, Evidence, method


@method(
    name="GradCAMElementWise",
    summary="Keeps only the places and channels that speak for the class.",
    paper="no paper; from the package grad-cam",
    formula="sum_c ReLU(G_c A_c)",
    needs={"activations", "gradients"},
    signed=False,
    remarks=(blind_on_lite0(".97"),),
)
def gradcam_elementwise(capture: Capture) -> Evidence:
    """Evidence (N, C, H, W): the positive part of activations times gradients, at every position."""
    return (capture.gradients * capture.activations).clamp_min(0)
