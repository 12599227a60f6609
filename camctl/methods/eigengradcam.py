"""EigenGrad-CAM."""

from camctl.plugin import Capture, Evidence, method


@method(
    name="EigenGradCAM",
    summary="First principal component of activations times gradients.",
    paper="no paper; Eigen-CAM (arXiv:2008.00299) with the class's gradients, from the package grad-cam",
    formula="ReLU( (G A) v ),  v the first principal direction of (G A)'s channels over places",
    needs={"activations", "gradients"},
    reduction="principal",
    signed=False,
)
def eigengradcam(capture: Capture) -> Evidence:
    """Evidence (N, C, H, W): activations times gradients, at every position."""
    return capture.gradients * capture.activations
