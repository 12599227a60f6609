"""Eigen-CAM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camctl.plugin import Capture, method

if TYPE_CHECKING:
    from torch import Tensor


@method(
    name="EigenCAM",
    summary="First principal component of the activations; knows no class.",
    paper="Muhammad and Yeasin, 2020, arXiv:2008.00299",
    formula="ReLU( A v ),  v the first principal direction of A's channels over places",
    needs={"activations"},
    reduction="principal",
    signed=False,
)
def eigencam(capture: Capture) -> Tensor:
    """Evidence (N, C, H, W): the activations."""
    return capture.activations
