"""The six views of `--aug-smooth`: flips times brightness, as one batch."""

from __future__ import annotations

import torch
from torch import Tensor

FACTORS = (0.9, 1.0, 1.1)
"""Factors on the normalised input, the same as in grad-cam."""

PLAIN = FACTORS.index(1.0)
"""Index of the unchanged view, which determines the class for all six."""


def augment(inputs: Tensor) -> Tensor:
    """Make the six views (6, 3, h, w) of an input (1, 3, h, w): three factors upright, three mirrored."""
    upright = torch.cat([inputs * factor for factor in FACTORS])
    return torch.cat([upright, upright.flip(3)])


def restore(maps: Tensor) -> Tensor:
    """Mirror the maps of the six views (6, h, w) back."""
    return torch.cat([maps[: len(FACTORS)], maps[len(FACTORS) :].flip(2)])
