"""Eigen-CAM."""

from camctl.plugin import Capture, Evidence, method


@method(
    name="EigenCAM",
    summary="First principal component of the activations; knows no class.",
    paper="Muhammad and Yeasin, 2020, arXiv:2008.00299",
    formula="ReLU( A v ),  v the first principal direction of A's channels over places",
    needs={"activations"},
    reduction="principal",
    signed=False,
)
def eigencam(capture: Capture) -> Evidence:
    """Evidence (N, C, H, W): the activations."""
    return capture.activations
