"""LayerCAM."""

from camctl.methods.remarks import blind_on_lite0
from camctl.plugin import Capture, Evidence, method


@method(
    name="LayerCAM",
    summary="Weights each place by its own positive gradient; sharp at early layers too.",
    paper="Jiang et al., 2021, IEEE 9462463",
    formula="ReLU( sum_c ReLU(G_c) A_c )",
    needs={"activations", "gradients"},
    signed=False,
    remarks=(blind_on_lite0(".97"),),
)
def layercam(capture: Capture) -> Evidence:
    """Evidence (N, C, H, W): activations times positive gradients, at every position."""
    return capture.gradients.clamp_min(0) * capture.activations
