"""A class told from others, as Finer-CAM does: by its lead over them instead of its logit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from camctl.values.explanation import Target


@dataclass(frozen=True)
class Versus:
    """The classes that one is told from (none: it is explained by itself), and how strongly they count against it.

    The lead is `y - strength * mean(y_k)` over their logits (Zhang et al., 2025, arXiv:2501.11309). Methods are given
    the logits (N, 2) of a question with two answers, the lead and zero. So every method works on it that works on
    logits, and the softmax of the two is the probability of the class if there were only it and the other.
    """

    others: tuple[int, ...] = ()
    strength: float = 1.0

    @classmethod
    def of(cls, target: Target) -> Versus:
        """What a target is told from."""
        return cls(tuple(other.index for other in target.versus), target.strength)

    def logits(self, logits: Tensor, target: int) -> Tensor:
        """The model's logits (N, classes) -> (N, 2); as they are where there are no others."""
        if not self.others:
            return logits
        lead = logits[:, target] - self.strength * logits[:, list(self.others)].mean(1)
        return torch.stack([lead, torch.zeros_like(lead)], 1)

    def column(self, target: int) -> int:
        """Where the target stands in `logits`."""
        return 0 if self.others else target


ALONE = Versus()
"""A class by itself."""
