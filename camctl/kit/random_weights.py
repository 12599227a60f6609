"""Random weights, for trying a model without a checkpoint.

Some layers start at zero on purpose (the head of a ViT, layer scales, the last norm of a residual block). Nothing
before them would receive a gradient, so every map would be blank: their weights are drawn at random as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn

SPREAD = 0.02
"""Standard deviation of the values that replace zeros, as in a ViT's initialisation."""

LOUD_ENOUGH = 1e-2
"""Smallest layer scale that is kept. They start at 1e-6 to 1e-4, and each shrinks the gradient as much."""

LIKE_PICTURES = (2, 4, 8, 16)
"""Cells per side of the coarse noise that `settle` may add: fine noise averages out before a deep network's last
stage, and pictures have all scales."""


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's random numbers on the CPU inside the block; afterwards they continue as before."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def randomise(module: nn.Module, seed: int) -> None:
    """Draw all weights again, in place and on the CPU; the same seed gives the same weights.

    First by the layers (`reset_parameters`), then by the model (`init_weights`, as in mmengine), then those that would
    stop gradients (`enliven`). Weights that a model draws only while it is built follow the seed if it is built inside
    `seeded(seed)`.
    """
    import torch

    with seeded(seed), torch.no_grad():
        for part in module.modules():
            reset = getattr(part, "reset_parameters", None)
            if callable(reset):
                reset()
        initialise = getattr(module, "init_weights", None)
        if callable(initialise):
            initialise()
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
    """Replace weights that stop gradients, in place and on the CPU: all zero, not finite, or scales close to zero.

    For a model that was built inside `seeded(seed)` by a library that draws its own weights.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for owner in module.modules():
            for name, parameter in owner.named_parameters(recurse=False):
                _enliven(owner, name, parameter, generator)


def settle(
    module: nn.Module,
    forward: Callable[[Tensor], Tensor],
    size: tuple[int, ...],
    seed: int,
    *,
    scales: Sequence[int] = (),
) -> None:
    """Estimate the statistics of batch norms from noise, so that activations of a deep network stay in range.

    `size` is a model input's (C, h, w); `scales` are the cells per side of coarse noise to add. With untrained
    statistics the logits of a ResNet-50 reach 10,000 and the gradients of a ConvMixer 1e-16. If the noise cannot be
    run, the statistics stay as they are.
    """
    import torch
    from torch.nn.modules.batchnorm import _BatchNorm

    norms = [part for part in module.modules() if isinstance(part, _BatchNorm) and part.track_running_stats]
    if not norms:
        return
    before = [(norm.training, norm.momentum, {k: v.clone() for k, v in norm.named_buffers()}) for norm in norms]
    noise = _noise(size, scales, torch.Generator().manual_seed(seed))
    failed = False
    try:
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the plain mean, so that one batch counts in full
            norm.train()
        with seeded(seed), torch.no_grad():
            forward(noise)
    except Exception:  # noqa: BLE001 - any failure is reported when the picture is run
        failed = True
    finally:
        for norm, (training, momentum, buffers) in zip(norms, before, strict=True):
            norm.train(training)
            norm.momentum = momentum
            if failed or not all(torch.isfinite(value).all() for value in norm.buffers()):
                for name, value in buffers.items():
                    norm.get_buffer(name).copy_(value)


def _noise(size: tuple[int, ...], scales: Sequence[int], generator: Generator) -> Tensor:
    """Two random inputs (2, C, h, w)."""
    import torch
    from torch.nn.functional import interpolate

    noise = torch.randn((2, *size), generator=generator)
    for cells in scales:
        coarse = torch.randn((2, size[0], cells, cells), generator=generator)
        noise += interpolate(coarse, size[1:], mode="nearest")
    return noise / len(scales) ** 0.5 if scales else noise


def _enliven(owner: nn.Module, name: str, parameter: Tensor, generator: Generator) -> None:
    """Replace a parameter if it is all zero, not finite, or a scale close to zero."""
    import torch

    if not parameter.is_floating_point() or not parameter.numel():
        return
    largest = float(parameter.detach().abs().max())
    finite = math.isfinite(largest)
    noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float32).to(parameter)
    if name.endswith("bias"):
        if not finite:
            parameter.zero_()
        return
    # A vector along one dimension scales channels: a norm's weight, or a layer scale of any name.
    scales = parameter.numel() == max(parameter.shape, default=1) and "token" not in name
    if scales and (not finite or largest < LOUD_ENOUGH):
        parameter.copy_(1 + SPREAD * noise if "norm" in type(owner).__name__.lower() else 0.5 + SPREAD * noise)
    elif largest == 0 or not finite:
        parameter.copy_(SPREAD * noise)
