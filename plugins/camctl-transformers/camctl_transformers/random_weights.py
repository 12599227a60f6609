"""Weights drawn at random, with nothing left at zero that would keep a gradient from flowing.

Transformers starts class tokens, position biases and ConvNeXt V2's response norms at zero, and ConvNeXt's layer scales
at 1e-6: maps would be blank, or worthless.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn

SPREAD = 0.02
"""Standard deviation of what replaces zeros: that of a ViT's own initialisation."""

LOUD_ENOUGH = 1e-2
"""Layer scales below this are drawn anew: each of them shrinks the gradient by as much."""


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Torch's random numbers on the CPU follow the seed inside, and go on as before outside."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def enliven(module: nn.Module, seed: int) -> None:
    """Replace, in place, what stops gradients: weights that are all zero, and scales close to zero."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for owner in module.modules():
            for name, parameter in owner.named_parameters(recurse=False):
                if not name.endswith("bias"):
                    _replace(owner, name, parameter, generator)


def _replace(owner: nn.Module, name: str, parameter: Tensor, generator: Generator) -> None:
    import torch

    largest = float(parameter.abs().max())
    noise = torch.randn(parameter.shape, generator=generator)
    # A vector along one dimension scales channels: a norm's weight, or a layer scale.
    scales = parameter.numel() == max(parameter.shape, default=1) and "token" not in name
    if scales and largest < LOUD_ENOUGH:
        parameter.copy_((1 if "norm" in type(owner).__name__.lower() else 0.5) + SPREAD * noise)
    elif largest == 0:
        parameter.copy_(SPREAD * noise)


def settle(module: nn.Module, forward: Callable[[Tensor], Tensor], size: tuple[int, int], seed: int) -> None:
    """Let batch norms learn their statistics from noise of `size`, so that a deep net neither explodes nor fades."""
    import torch
    from torch.nn.modules.batchnorm import _BatchNorm

    norms = [each for each in module.modules() if isinstance(each, _BatchNorm)]
    if not norms:
        return
    momenta = [each.momentum for each in norms]
    noise = _noise(size, torch.Generator().manual_seed(seed))
    try:
        for each in norms:
            each.momentum = None  # the plain mean, so that one batch counts in full
            each.train()
        with seeded(seed), torch.no_grad():
            forward(noise)
    finally:
        for each, momentum in zip(norms, momenta, strict=True):
            each.eval()
            each.momentum = momentum


def _noise(size: tuple[int, int], generator: Generator) -> Tensor:
    """Noise at all scales, as pictures have it: fine noise alone averages out before the last stage sees it."""
    import torch
    from torch.nn.functional import interpolate

    noise = torch.randn((2, 3, *size), generator=generator)
    scales = (2, 4, 8, 16)
    for cells in scales:
        noise += interpolate(torch.randn((2, 3, cells, cells), generator=generator), size, mode="nearest")
    scaled: Tensor = noise / len(scales) ** 0.5
    return scaled
