"""Random: noise, the first thing that a method must beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camctl.errors import InputError
from camctl.plugin import Capture, method

if TYPE_CHECKING:
    from torch import Tensor


@method(
    name="Random",
    summary="Baseline that others must beat: noise on the layer's grid, blind to picture, class and network.",
    paper="no paper; the guess that every evaluation is held against",
    formula="M_ij uniform in 0..1",
    needs={"activations"},
    reduction="none",
    discriminative=False,
)
def random(capture: Capture, *, seed: int = 0) -> Tensor:
    """Maps (N, H, W), the same for the same `seed` and grid, whatever the picture and class.

    Every view has noise of its own, so that `--aug-smooth` averages noise as it does for a method that guesses.
    Only the grid's size is read of the activations.
    """
    import numpy as np
    import torch

    if not 0 <= seed < 2**32:
        raise InputError(f"seed must be 0 or more and below 2**32, not {seed}.", hint="Leave out seed for its default.")
    views, _, height, width = capture.activations.shape
    # The only generator of numpy's whose stream is promised never to change.
    noise = np.random.RandomState(seed).random_sample((views, height, width))
    return torch.from_numpy(noise.astype(np.float32)).to(capture.activations.device)
