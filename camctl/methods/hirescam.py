"""HiResCAM."""

from camctl.plugin import Capture, Evidence, method


@method(
    name="HiResCAM",
    summary="Activations times gradients, place by place; faithful where one linear layer follows.",
    paper="Draelos and Carin, 2020, arXiv:2011.08891",
    formula="ReLU( sum_c G_c A_c )",
    needs={"activations", "gradients"},
    signed=False,
)
def hirescam(capture: Capture) -> Evidence:
    """Evidence (N, C, H, W): activations times gradients, at every position."""
    return capture.gradients * capture.activations
