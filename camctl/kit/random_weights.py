"""Random weights, for trying a model without a checkpoint.

Some layers start at zero on purpose (the head of a ViT, layer scales, the last norm of a residual block). Nothing
before them would receive a gradient, so every map would be blank: their weights are drawn at random as well.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn

_SPREAD = 0.02
"""Standard deviation of the values that replace zeros, as in a ViT's initialisation."""
_SMALLEST_SCALE = 1e-2
"""Smallest layer scale that is kept. They start at 1e-6 to 1e-4, and each shrinks the gradient as much."""
LIKE_PICTURES = (2, 4, 8, 16)
"""Scales for `settle`: fine noise averages out before a deep network's last stage, and pictures have all scales."""


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's random numbers on the CPU inside the block; afterwards they continue as before."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def randomise(module: nn.Module, seed: int) -> None:
    """Draw all weights again, in place and on the CPU; the same seed gives the same weights.

    First by the layers (`reset_parameters`), then by the model (`init_weights`, as in mmengine), then `enliven`.
    Weights that a model draws only while it is built follow the seed if it is built inside `seeded(seed)`.
    """
    import torch

    with seeded(seed), torch.no_grad():
        for part, name in (*((part, "reset_parameters") for part in module.modules()), (module, "init_weights")):
            draw = getattr(part, name, None)
            if callable(draw):
                draw()
    enliven(module, seed)


def redraw(part: nn.Module, like: nn.Module, generator: Generator) -> None:
    """Draw a module's own weights again, in place and on the CPU; its children's stay.

    Uses `reset_parameters` if the module has no children with weights, which that might draw as well. Else draws from a
    normal distribution with the mean and deviation of each tensor in `like`, the module before.
    """
    import torch

    reset = getattr(part, "reset_parameters", None)
    if callable(reset) and not any(True for child in part.children() for _ in child.parameters()):
        with seeded(int(torch.randint(2**31, (), generator=generator))), torch.no_grad():
            reset()
        return
    with torch.no_grad():
        for name, parameter in part.named_parameters(recurse=False):
            before = like.get_parameter(name).detach().to("cpu", torch.float32)
            if parameter.is_floating_point() and parameter.numel():
                noise = torch.randn(parameter.shape, generator=generator)
                parameter.copy_(before.mean() + before.std(correction=0) * noise)


def enliven(module: nn.Module, seed: int) -> None:
    """Replace weights that stop gradients, in place and on the CPU: all zero, not finite, or scales close to zero."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for owner in module.modules():
            for name, parameter in owner.named_parameters(recurse=False):
                if parameter.is_floating_point() and parameter.numel():
                    noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float32).to(parameter)
                    _enliven(owner, name, parameter, _SPREAD * noise)


def settle(
    module: nn.Module, forward: Callable[[Tensor], Tensor], size: Sequence[int], seed: int, scales: Sequence[int] = ()
) -> None:
    """Estimate the statistics of batch norms from noise, so that activations of a deep network stay in range.

    `size` is a model input's (C, h, w); `scales` are the cells per side of coarse noise to add. With untrained
    statistics the logits of a ResNet-50 reach 10,000 and the gradients of a ConvMixer 1e-16. If the noise cannot be
    run, the statistics stay as they are.
    """
    import torch
    from torch.nn.functional import interpolate
    from torch.nn.modules.batchnorm import _BatchNorm

    norms = [part for part in module.modules() if isinstance(part, _BatchNorm) and part.track_running_stats]
    if not norms:
        return
    before = [(norm, norm.training, norm.momentum, copy.deepcopy(norm.state_dict())) for norm in norms]
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn((2, *size), generator=generator)
    for cells in scales:
        coarse = torch.randn((2, size[0], cells, cells), generator=generator)
        noise += interpolate(coarse, tuple(size[1:]), mode="nearest")
    noise /= len(scales) ** 0.5 or 1
    settled = False
    try:
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the plain mean, so that one batch counts in full
            norm.train()
        with suppress(Exception), seeded(seed), torch.no_grad():  # a failure is reported when the picture is run
            forward(noise)
            settled = True
    finally:
        for norm, training, momentum, state in before:
            norm.train(training)
            norm.momentum = momentum
            if not settled or not all(torch.isfinite(value).all() for value in norm.buffers()):
                norm.load_state_dict(state)


def _enliven(owner: nn.Module, name: str, parameter: Tensor, noise: Tensor) -> None:
    largest = float(parameter.detach().abs().max())
    finite = math.isfinite(largest)
    if name.endswith("bias"):
        if not finite:
            parameter.zero_()
        return
    # A vector along one dimension scales channels: a norm's weight, or a layer scale of any name.
    scales = parameter.numel() == max(parameter.shape, default=1) and "token" not in name
    if scales and (not finite or largest < _SMALLEST_SCALE):
        parameter.copy_(noise + (1 if "norm" in type(owner).__name__.lower() else 0.5))
    elif largest == 0 or not finite:
        parameter.copy_(noise)
