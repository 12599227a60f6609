"""What the package grad-cam is given instead of the user's model.

grad-cam wipes gradients, swaps layers, keeps aliases and swallows errors of the model that it works
on. So it works on a `Stage`, which calls the model and does not hold it, and whose one layer puts
out a plain float32 (N, C, H, W), whatever the family: no reshape transform is needed anywhere.

Imported only when such a method is computed, since grad-cam takes seconds to import.
"""

from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytorch_grad_cam
import torch
from pytorch_grad_cam import score_cam
from torch import Tensor, nn

from camctl.errors import InputError
from camctl.methods.again import hooked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from camctl.plugin import Capture


class Stage(nn.Module):
    """What grad-cam takes for the model: one layer, `spot`, and a forward pass that sends the target layer through it.

    The user's model is no child of it: `eval`, `zero_grad` and a swapped layer end here. Where
    gradients are wanted, the graph starts at the spot.
    """

    def __init__(self, capture: Capture) -> None:
        super().__init__()
        self.spot = nn.Identity()
        # grad-cam asks the first parameter for the device.
        self.anchor = nn.Parameter(torch.empty(0, device=capture.activations.device), requires_grad=False)
        self.capture = capture
        self._calls = 0
        self._left = 0

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs (M, 3, h, w) -> logits (M, classes), float32."""
        capture = self.capture
        if not self._calls:
            self._calls = count_calls(capture)
        self._left = self._calls
        with hooked(capture, self._through):
            return capture.forward(inputs.to(capture.inputs.dtype)).float()

    def _through(self, output: Any) -> Any:
        self._left -= 1
        if self._left:  # a shared layer is seen at its last call, as in our capture
            return None
        grid = self.capture.grid_of(output).float()
        if torch.is_grad_enabled():
            grid = grid.detach().requires_grad_()
        # What follows may write over its input: grad-cam keeps the original.
        return self.capture.output_of(self.spot(grid).clone(), output)


def count_calls(capture: Capture) -> int:
    """How often one forward pass calls the target layer."""
    calls: list[None] = []
    with torch.no_grad(), hooked(capture, lambda _output: calls.append(None)):
        capture.forward(capture.inputs[:1])
    return len(calls)


@contextmanager
def borrowed(kind: str, capture: Capture, **knobs: Any) -> Iterator[Any]:
    """An object of grad-cam's class `kind` on a fresh stage; released, and silent, whatever happens."""
    stage = Stage(capture)
    layers = (
        [] if kind == "FullGrad" else [stage.spot]
    )  # it would look for layers of its own, and prints when given any
    try:
        cam = getattr(pytorch_grad_cam, kind)(stage, layers, **knobs)
    except ValueError as error:
        raise InputError(
            f"{kind} cannot work with these options: {error}", hint=f"See: camctl methods {kind}"
        ) from error
    # Its progress bars would be drawn into any program that uses us; `range` in, `range` out.
    bars = score_cam.tqdm
    try:
        score_cam.tqdm = SimpleNamespace(tqdm=lambda steps: steps)
        with np.errstate(all="ignore"):  # what divides by zero is told by the verdict
            yield cam
    finally:
        score_cam.tqdm = bars
        getattr(cam, "base_cam", cam).activations_and_grads.release()
