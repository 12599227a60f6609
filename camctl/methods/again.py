"""For methods that run the model again with a hand on the target layer."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    from camctl.plugin import Capture

    Score = Callable[[Tensor], Tensor]


@contextmanager
def hooked(capture: Capture, change: Callable[[Any], Any]) -> Iterator[None]:
    """Send the target layer's output, as the module gives it, through `change` (None leaves it)."""
    layer = capture.module.get_submodule(capture.layer)
    handle = layer.register_forward_hook(lambda _module, _args, output: change(output))
    try:
        yield
    finally:
        handle.remove()


def other_gradients(
    capture: Capture, score: Score, *, inputs: Tensor | None = None, whole: bool = False, twice: bool = False
) -> tuple[Tensor, Tensor, Callable[[Tensor], Tensor]]:
    """The layer's output as the leaf of a new graph, the gradient there of `score`, and the way from both to grids.

    Parameters
    ----------
    score: logits (N, classes) -> ().
    inputs: what the model is given, (N, 3, h, w); the capture's own when None.
    whole: start at the layer's whole output, extra tokens included (where it is one tensor).
    twice: keep the gradient differentiable.
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
        with hooked(capture, start):
            total = score(capture.forward(capture.inputs if inputs is None else inputs).float())
        leaf, to_grid = leaves[-1]
        (gradient,) = (
            torch.autograd.grad(total, leaf, create_graph=twice, allow_unused=True) if total.requires_grad else (None,)
        )
    return leaf, torch.zeros_like(leaf) if gradient is None else gradient, to_grid
