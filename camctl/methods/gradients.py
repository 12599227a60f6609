"""Gradients at the target layer that a capture does not have, by further passes; and sums in double precision."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from camctl.plugin import Capture

    Score = Callable[[Tensor], Tensor]


def precise(tensor: Tensor) -> Tensor:
    """Return a tensor in double precision, if its device has that: for sums that decide a sign or a quotient."""
    return tensor if tensor.device.type == "mps" else tensor.double()


def layer_gradients(
    capture: Capture, score: Score, *, inputs: Tensor | None = None, whole: bool = False, twice: bool = False
) -> tuple[Tensor, Tensor, Callable[[Tensor], Tensor]]:
    """Differentiate a score, logits (N, classes) -> (), with respect to the target layer's output.

    Returns that output, which is the leaf of a new graph; the gradient there; and a function from either to a grid.
    `inputs` (N, 3, h, w) are the capture's by default. `whole` uses the layer's whole output, including extra tokens,
    if it is a single tensor; `twice` keeps the gradient differentiable.
    """
    import torch

    leaves: list[tuple[Tensor, Callable[[Tensor], Tensor]]] = []

    def start(output: Any) -> Any:
        raw = whole and isinstance(output, torch.Tensor)
        leaf = (output if raw else capture.grid_of(output)).detach().float().requires_grad_()
        leaves.append((leaf, capture.grid_of if raw else lambda grid: grid))
        return leaf.clone().to(output.dtype) if raw else capture.output_of(leaf.clone(), output)

    # The fused kernels of attention have no second derivative.
    kernels = torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH) if twice else nullcontext()
    with torch.enable_grad(), kernels:
        with capture.hooked(start):
            total = score(capture.forward(capture.inputs if inputs is None else inputs).float())
        leaf, to_grid = leaves[-1]
        gradient = None
        if total.requires_grad:
            (gradient,) = torch.autograd.grad(total, leaf, create_graph=twice, allow_unused=True)
    return leaf, torch.zeros_like(leaf) if gradient is None else gradient, to_grid
