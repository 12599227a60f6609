"""Weights drawn at random, for trying the plumbing of a model without a checkpoint.

Several layers start at zero on purpose (the head of a ViT, layer scales, the last norm of a residual block). Nothing
behind them would receive a gradient, so every map would be blank: those are drawn at random as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn

SPREAD = 0.02
"""Standard deviation of what replaces zeros: that of a ViT's own initialisation."""

LOUD_ENOUGH = 1e-2
"""Layer scales begin at 1e-6 to 1e-4; each shrinks the gradient by that. Scales below this are drawn anew."""

LIKE_PICTURES = (2, 4, 8, 16)
"""Cells a side of the coarser noises that `settle` may add: fine noise alone averages out before a deep net's last
stage sees it, and pictures have all scales."""


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Torch's random numbers on the CPU follow the seed inside, and go on as before outside."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def randomise(module: nn.Module, seed: int) -> None:
    """Draw every weight anew, in place and on the CPU; the same seed gives the same weights.

    First as the layers themselves do it (`reset_parameters`), then as the model does (`init_weights`, as in mmengine),
    then what would keep a gradient from flowing (`enliven`). Weights that a model draws while it is built, and neither
    of the two touches, follow the seed when the model is built inside `seeded(seed)`.
    """
    import torch

    with seeded(seed), torch.no_grad():
        for each in module.modules():
            reset = getattr(each, "reset_parameters", None)
            if callable(reset):
                reset()
        initialise = getattr(module, "init_weights", None)
        if callable(initialise):
            initialise()
    enliven(module, seed)


def redraw(part: nn.Module, like: nn.Module, generator: Generator) -> None:
    """Draw a module's own weights anew, in place and on the CPU; those of its children stay.

    As the module does it itself (`reset_parameters`), where it has no children whose weights that might draw as well.
    Else from a normal distribution of each tensor's own mean and deviation, those of `like`, the module of before.
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
    """Replace, in place and on the CPU, what stops gradients: weights all zero, not finite, or scales close to zero.

    For a model that was built inside `seeded(seed)` by a library that draws its own weights; the rest stays.
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
    """Let batch norms learn their statistics from noise, so that a deep net neither explodes nor fades.

    `size` is one model input's (C, h, w); `scales` are the cells a side of coarser noises that are added. In eval mode
    untrained statistics scale nothing: the logits of a ResNet-50 reach 10,000, the gradients of a ConvMixer 1e-16.
    Where the noise cannot be run, the statistics stay as they are.
    """
    import torch
    from torch.nn.modules.batchnorm import _BatchNorm

    norms = [each for each in module.modules() if isinstance(each, _BatchNorm) and each.track_running_stats]
    if not norms:
        return
    before = [(each.training, each.momentum, {k: v.clone() for k, v in each.named_buffers()}) for each in norms]
    noise = _noise(size, scales, torch.Generator().manual_seed(seed))
    failed = False
    try:
        for each in norms:
            each.reset_running_stats()
            each.momentum = None  # the plain mean, so that one batch counts in full
            each.train()
        with seeded(seed), torch.no_grad():
            forward(noise)
    except Exception:  # noqa: BLE001 - whatever keeps it from running is told when the picture is run
        failed = True
    finally:
        for each, (training, momentum, buffers) in zip(norms, before, strict=True):
            each.train(training)
            each.momentum = momentum
            if failed or not all(torch.isfinite(value).all() for value in each.buffers()):
                for name, value in buffers.items():
                    each.get_buffer(name).copy_(value)


def _noise(size: tuple[int, ...], scales: Sequence[int], generator: Generator) -> Tensor:
    """Two inputs (2, C, h, w)."""
    import torch
    from torch.nn.functional import interpolate

    noise = torch.randn((2, *size), generator=generator)
    for cells in scales:
        coarse = torch.randn((2, size[0], cells, cells), generator=generator)
        noise += interpolate(coarse, size[1:], mode="nearest")
    return noise / len(scales) ** 0.5 if scales else noise


def _enliven(owner: nn.Module, name: str, parameter: Tensor, generator: Generator) -> None:
    """Replace a parameter that stops gradients: all zero, not finite, or a scale close to zero."""
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
    # A vector along one dimension scales channels: a norm's weight, or a layer scale under one of many names.
    scales = parameter.numel() == max(parameter.shape, default=1) and "token" not in name
    if scales and (not finite or largest < LOUD_ENOUGH):
        parameter.copy_(1 + SPREAD * noise if "norm" in type(owner).__name__.lower() else 0.5 + SPREAD * noise)
    elif largest == 0 or not finite:
        parameter.copy_(SPREAD * noise)
