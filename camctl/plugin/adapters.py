"""What an adapter is: it knows a model family."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from torch import Tensor, nn


@runtime_checkable
class Adapter(Protocol):
    """What is known of a model family. Its claims are checked against what the forward pass shows."""

    summary: str

    def matches(self, model: nn.Module) -> bool:
        """Whether this adapter knows the model. Cheap: looks at classes and attributes alone."""
        ...

    def target_layers(self, model: nn.Module) -> Sequence[str]:
        """Names of the default target layers, as in `model.named_modules()`."""
        ...

    def extra_tokens(self, model: nn.Module) -> int:
        """How many class, distillation or register tokens precede the patch tokens; 0 for none."""
        ...

    def to_grid(self, output: Tensor, input_size: tuple[int, int]) -> Tensor | None:
        """A layer's output -> (N, C, H, W), or None to leave the layout to the engine.

        Only rearranges and drops values (views, permutations, slices): the engine learns the way
        back from it. `input_size` is the model input's (height, width) in pixels.
        """
        ...
