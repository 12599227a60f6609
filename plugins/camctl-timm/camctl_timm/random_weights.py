"""Weights drawn at random, so that every layer passes a gradient on.

timm draws its own when a model is built; what it leaves at zero on purpose (last norms of residual blocks, layer
scales, gains, some heads) would blank every map, and untrained statistics of batch norms would let it fade or explode.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

_SPREAD = 0.02
_LOUD_ENOUGH = 1e-2
"""Layer scales begin at 1e-6 to 1e-4; each shrinks the gradient by that. Scales below this are drawn anew."""


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Torch's random numbers on the CPU follow the seed inside, and go on as before outside."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def enliven(module: nn.Module, seed: int) -> None:
    """Draw anew, in place and on the CPU, what keeps a gradient from flowing; biases stay."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for owner in module.modules():
            for name, parameter in owner.named_parameters(recurse=False):
                if not parameter.is_floating_point() or not parameter.numel() or name.endswith("bias"):
                    continue
                noise = _SPREAD * torch.randn(parameter.shape, generator=generator)
                largest = float(parameter.abs().max())
                # A vector along one dimension scales channels: a norm's weight, or a layer scale under many names.
                scales = parameter.numel() == max(parameter.shape, default=1) and "token" not in name
                if scales and largest < _LOUD_ENOUGH:
                    middle = 1.0 if "norm" in type(owner).__name__.lower() else 0.5
                    parameter.copy_(middle + noise)
                elif largest == 0:
                    parameter.copy_(noise)


def settle(module: nn.Module, forward: Callable[[Tensor], Tensor], size: tuple[int, int], seed: int) -> None:
    """Let batch norms learn their statistics from one batch of noise of the input's size (h, w)."""
    import torch
    from torch.nn.modules.batchnorm import _BatchNorm

    norms = [each for each in module.modules() if isinstance(each, _BatchNorm) and each.track_running_stats]
    if not norms:
        return
    noise = torch.randn((2, 3, *size), generator=torch.Generator().manual_seed(seed))
    momenta = [each.momentum for each in norms]
    try:
        for each in norms:
            each.reset_running_stats()
            each.momentum = None  # the plain mean, so that one batch counts in full
            each.train()
        with seeded(seed), torch.no_grad():
            forward(noise)
    finally:
        for each, momentum in zip(norms, momenta, strict=True):
            each.momentum = momentum
            each.eval()
