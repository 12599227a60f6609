"""Whether a network's weights are as its layers initialised them, seen by their statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

_MANY = 200
"""Number of values from which their spread tells how they were drawn."""
_LEAST, _ROUNDING, _TOLERANCE = 0.95, 1.001, 0.1


def looks_untrained(module: nn.Module) -> bool:
    """Whether all weights look as initialised: norms at one and zero, biases at zero or as torch draws them.

    Without norms, all matrices must be as torch draws them. If nothing tells, the answer is no.
    """
    import torch
    from torch import nn

    norms, even = False, []
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d | nn.LayerNorm | nn.GroupNorm):
                if not _as_built(part):
                    return False
                norms = norms or part.weight is not None
            elif isinstance(part, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d):
                if not _is_floating(part.weight) or not part.weight.numel():
                    return False
                bound = part.weight[0].numel() ** -0.5
                if part.bias is not None and part.bias.abs().max() > bound * _ROUNDING:
                    return False
                if part.weight.numel() >= _MANY:
                    even.append(_is_even(part.weight, bound))
    return norms or (bool(even) and all(even))


def _as_built(norm: nn.Module) -> bool:
    """Whether a norm's weights, biases and statistics are those of a new one; the last of a block may start at zero."""
    weight, bias = getattr(norm, "weight", None), getattr(norm, "bias", None)
    mean, variance = getattr(norm, "running_mean", None), getattr(norm, "running_var", None)
    return (
        (weight is None or bool((weight == 1).all() or (weight == 0).all()))
        and (bias is None or not bias.any())
        and (mean is None or not mean.any())
        and (variance is None or bool((variance == 1).all()))
    )


def _is_floating(value: Tensor) -> bool:
    return bool(getattr(value, "is_floating_point", lambda: False)())


def _is_even(weight: Tensor, bound: float) -> bool:
    """Whether a matrix is spread evenly between plus and minus `bound`, as torch draws it."""
    largest, spread = float(weight.abs().max()), float(weight.float().std())
    expected = bound / 3**0.5
    return _LEAST * bound <= largest <= _ROUNDING * bound and abs(spread - expected) <= _TOLERANCE * expected
