"""Swin transformers: stages of windowed attention."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from camctl.adapters.search import PartAdapter, is_kind

if TYPE_CHECKING:
    from torch import nn


class Swin(PartAdapter):
    """Tokens row by row, fewer and wider at each stage; no extra tokens."""

    summary = "Swin and Swin V2: tokens as (N, H*W, C), halved at each stage."

    def knows(self, part: Any) -> bool:
        """Whether it is an mmpretrain Swin, with a norm for each stage that it outputs."""
        return (
            is_kind(part, "SwinTransformer", "SwinTransformerV2")
            and hasattr(part, "out_indices")
            and hasattr(part, f"norm{max(part.out_indices)}")
        )

    def target_layers(self, model: nn.Module) -> list[str]:
        """The norm after the last stage (`norm3`), which the pooling reads."""
        prefix, backbone = self.find(model)
        return [f"{prefix}norm{max(backbone.out_indices)}"]
