"""Grad-CAM."""

from camctl.plugin import Capture, Evidence, method


@method(
    name="GradCAM",
    summary="Weights each channel by its mean gradient.",
    paper="Selvaraju et al., 2017, arXiv:1610.02391",
    formula="ReLU( sum_c mean_ij(G_c) A_c )",
    needs={"activations", "gradients"},
    remarks=(
        (
            "Spreads its light where a class token alone is read: .29 of it lies on the asked object of "
            "demo:vit (GradCAMElementWise .65, LayerCAM .76; a blob in the middle .19)."
        ),
    ),
)
def gradcam(capture: Capture) -> Evidence:
    """Evidence (N, C, H, W): activations times the gradient's mean over the grid."""
    return capture.gradients.mean((2, 3), keepdim=True) * capture.activations
