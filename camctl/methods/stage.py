"""The model that the package grad-cam is given, in place of the user's.

grad-cam clears gradients, swaps layers, keeps aliases and swallows errors of its model. So it works on a `Stage`, which
calls the user's model without holding it, and whose only layer outputs a plain float32 (N, C, H, W) for every family:
no reshape transform is needed.

Imported only when such a method is used, since grad-cam takes seconds to import.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytorch_grad_cam
import torch
from pytorch_grad_cam import score_cam
from torch import Tensor, nn

from camctl.errors import Hint, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from camctl.plugin import Capture


class Stage(nn.Module):
    """A model with one layer, `spot`, that the target layer's output of the user's model passes through.

    The user's model is no child of it: `eval`, `zero_grad` and a swapped layer have no effect on it. If gradients are
    needed, the graph starts at the spot.
    """

    def __init__(self, capture: Capture) -> None:
        super().__init__()
        self.spot = nn.Identity()
        # grad-cam reads the device from the first parameter.
        self.anchor = nn.Parameter(torch.empty(0, device=capture.activations.device), requires_grad=False)
        self.capture = capture
        self._calls_left = 0

    @cached_property
    def calls(self) -> int:
        """Number of times that one forward pass calls the target layer."""
        calls: list[None] = []
        with torch.no_grad(), self.capture.hooked(lambda _output: calls.append(None)):
            self.capture.forward(self.capture.inputs[:1])
        return len(calls)

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs (M, 3, h, w) -> logits (M, classes), float32."""
        self._calls_left = self.calls
        with self.capture.hooked(self._through):
            return self.capture.forward(inputs.to(self.capture.inputs.dtype)).float()

    def _through(self, output: Any) -> Any:
        self._calls_left -= 1
        if self._calls_left:  # a shared layer is captured at its last call
            return None
        grid = self.capture.grid_of(output).float()
        if torch.is_grad_enabled():
            grid = grid.detach().requires_grad_()
        # The next layers may write over their input, and grad-cam keeps the original.
        return self.capture.output_of(self.spot(grid).clone(), output)


@contextmanager
def borrowed(kind: str, capture: Capture, **options: Any) -> Iterator[Any]:
    """An object of grad-cam's class `kind` on a new stage; silent, and its hooks are always released."""
    stage = Stage(capture)
    # FullGrad looks for layers of its own, and prints if it is given any.
    layers = [] if kind == "FullGrad" else [stage.spot]
    try:
        cam = getattr(pytorch_grad_cam, kind)(stage, layers, **options)
    except ValueError as error:
        raise wrong_options(kind, error) from error
    bars = score_cam.tqdm
    try:
        score_cam.tqdm = SimpleNamespace(tqdm=lambda steps: steps)  # no progress bars
        with np.errstate(all="ignore"):  # divisions by zero are left to the verdict
            yield cam
    finally:
        score_cam.tqdm = bars
        getattr(cam, "base_cam", cam).activations_and_grads.release()


def wrong_options(kind: str, error: ValueError) -> InputError:
    """The error for options that grad-cam refuses."""
    return InputError(f"{kind} cannot work with these options: {error}", hint=Hint("See", f"methods {kind}"))
