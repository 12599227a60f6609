"""The contract of adapters: knowledge of a model family."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn


class Adapter(ABC):
    """Knowledge of a model family. Its claims are compared with what the forward pass shows."""

    summary: str = ""

    @abstractmethod
    def matches(self, model: nn.Module) -> bool:
        """Whether this adapter knows the model. Must be cheap: looks at classes and attributes only."""

    @abstractmethod
    def target_layers(self, model: nn.Module) -> Sequence[str]:
        """Names of the default target layers, as in `model.named_modules()`."""

    def extra_tokens(self, model: nn.Module) -> int:  # noqa: ARG002 - for subclasses
        """Number of class, distillation and register tokens before the patch tokens."""
        return 0

    def to_grid(self, output: Tensor, input_size: tuple[int, int]) -> Tensor | None:  # noqa: ARG002 - for subclasses
        """Rearrange a layer's output as (N, C, H, W); None lets the engine find the grid.

        Only rearranges and drops values (views, permutations, slices): the engine learns the way back from it.
        `input_size` is the model input's (height, width) in pixels.
        """
        return None

    def __str__(self) -> str:
        """Name in messages."""
        return type(self).__name__
