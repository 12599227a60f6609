"""Random: noise, which every method must beat."""

from camctl.errors import InputError
from camctl.plugin import Capture, Evidence, method


@method(
    name="Random",
    summary="Baseline that others must beat: noise on the layer's grid, blind to class and network.",
    paper="no paper; the guess that every evaluation is held against",
    formula="M_ij uniform in 0..1",
    needs={"activations"},
    reduction="none",
    discriminative=False,
    signed=False,  # it reads the grid alone
    baseline=True,
)
def random(capture: Capture, *, seed: int = 0) -> Evidence:
    """Maps (N, H, W): other noise for every picture, view and `seed`; the same for every class and network.

    The noise depends on the input's bytes and the grid's size: one draw for all pictures would favour the same position
    in all of them.
    """
    from zlib import crc32

    import numpy as np
    import torch

    if not 0 <= seed < 2**32:
        raise InputError(f"seed must be 0 or more and below 2**32, not {seed}.", hint="Omit seed for its default.")
    _, _, height, width = capture.activations.shape
    views = capture.inputs.detach().float().cpu().numpy()
    # numpy promises never to change the stream of this generator only.
    draws = [np.random.RandomState([seed, crc32(view.tobytes())]).random_sample((height, width)) for view in views]
    return torch.from_numpy(np.stack(draws).astype(np.float32)).to(capture.activations.device)
