"""Swin transformers: stages of windowed attention."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from camctl.adapters.search import find, is_kind, require

if TYPE_CHECKING:
    from torch import Tensor, nn


class Swin:
    """Tokens row by row, fewer and wider at each stage, none of them extra."""

    summary = "Swin and Swin V2: tokens as (N, H*W, C), halved at each stage."

    def matches(self, model: nn.Module) -> bool:
        """A mmpretrain Swin: stages, and a norm for each stage that it gives out."""
        return find(model, _is_swin) is not None

    def target_layers(self, model: nn.Module) -> list[str]:
        """`norm3`: the norm after the last stage, which the pooling reads."""
        prefix, backbone = require(model, _is_swin)
        return [f"{prefix}norm{max(backbone.out_indices)}"]

    def extra_tokens(self, model: nn.Module) -> int:  # noqa: ARG002
        """None."""
        return 0

    def to_grid(self, output: Tensor, input_size: tuple[int, int]) -> Tensor | None:  # noqa: ARG002
        """Left to the engine: the grid follows the input's aspect ratio."""
        return None


def _is_swin(part: Any) -> bool:
    return (
        is_kind(part, "SwinTransformer", "SwinTransformerV2")
        and hasattr(part, "out_indices")
        and hasattr(part, f"norm{max(part.out_indices)}")
    )
