"""What is asked of a model's output: a class, a class in contrast with others, or a value."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch import Tensor

ScoreKind = Literal["softmax", "sigmoid", "value", "cosine"]
"""How answers become the scores (0..1) that people see; a `value`, which has a unit, and a `cosine` are shown as is."""


class Question(ABC):
    """What is asked of a model's output. Methods, metrics and replay see nothing but its answers."""

    column: int
    """Column of the answers that is explained."""
    score: ScoreKind
    """How the answers become scores."""

    @abstractmethod
    def answers(self, output: Any) -> Tensor:
        """Turn a model's output, logits (N, classes) of a classifier, into answers (N, K)."""

    def mirrored(self, width: int) -> Question:  # noqa: ARG002 - for questions about a place
        """Return the question about the mirrored picture; `width` is the model input's in pixels."""
        return self


@dataclass(frozen=True)
class ClassQuestion(Question):
    """Which evidence there is for a class: the answers are the logits, unchanged."""

    column: int
    score: ScoreKind = "softmax"

    def answers(self, output: Tensor) -> Tensor:
        """Return the logits (N, classes)."""
        return output


@dataclass(frozen=True)
class ContrastQuestion(Question):
    """Which evidence there is for a class that does not also support other classes (Finer-CAM).

    The answers (N, 2) are the lead `y - strength * mean(y_k)` over the others' logits (Zhang et al., 2025,
    arXiv:2501.11309) and zero: any method that works on logits works on them, and their softmax is the probability of
    the class if there were only it and the other.

    Examples
    --------
    >>> import torch
    >>> ContrastQuestion(2, (0, 1)).answers(torch.tensor([[1.0, 5.0, 4.0]]))
    tensor([[1., 0.]])
    """

    target: int
    others: tuple[int, ...]
    strength: float = 1.0
    column: int = 0
    score: ScoreKind = "softmax"

    def answers(self, output: Tensor) -> Tensor:
        """Turn logits (N, classes) into the lead and zero (N, 2)."""
        import torch

        lead = output[:, self.target] - self.strength * output[:, list(self.others)].mean(1)
        return torch.stack([lead, torch.zeros_like(lead)], 1)


@dataclass(frozen=True)
class ValueQuestion(Question):
    """Which evidence there is for a higher value of a regression, or with `down` for a lower one.

    The answers are the values, or the values negated.
    """

    column: int
    down: bool = False
    score: ScoreKind = "value"

    def answers(self, output: Tensor) -> Tensor:
        """Return the values (N, K), negated for a lower one."""
        return -output if self.down else output
