"""Swin transformers: stages of windowed attention."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from camctl.adapters.search import find, is_kind, require
from camctl.plugin import Adapter

if TYPE_CHECKING:
    from torch import nn


class Swin(Adapter):
    """Tokens row by row, fewer and wider at each stage; no extra tokens."""

    summary = "Swin and Swin V2: tokens as (N, H*W, C), halved at each stage."

    def matches(self, model: nn.Module) -> bool:
        """Whether it has an mmpretrain Swin, with a norm for each stage that it outputs."""
        return find(model, _is_swin) is not None

    def target_layers(self, model: nn.Module) -> list[str]:
        """The norm after the last stage (`norm3`), which the pooling reads."""
        prefix, backbone = require(model, _is_swin)
        return [f"{prefix}norm{max(backbone.out_indices)}"]


def _is_swin(part: Any) -> bool:
    return (
        is_kind(part, "SwinTransformer", "SwinTransformerV2")
        and hasattr(part, "out_indices")
        and hasattr(part, f"norm{max(part.out_indices)}")
    )
