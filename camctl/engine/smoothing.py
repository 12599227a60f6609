"""The six views of `--aug-smooth`: flips times brightness, as one batch."""

from __future__ import annotations

import torch
from torch import Tensor

FACTORS = (0.9, 1.0, 1.1)
"""Factors on the normalised input, as the old tool had them."""

PLAIN = FACTORS.index(1.0)
"""Place of the untouched view, from which the class is taken for all six."""


def augment(inputs: Tensor) -> Tensor:
    """One input (1, 3, h, w) -> its six views (6, 3, h, w): three factors upright, three mirrored."""
    upright = torch.cat([inputs * factor for factor in FACTORS])
    return torch.cat([upright, upright.flip(3)])


def restore(maps: Tensor) -> Tensor:
    """Maps of the six views (6, h, w) -> upright (6, h, w)."""
    return torch.cat([maps[: len(FACTORS)], maps[len(FACTORS) :].flip(2)])
