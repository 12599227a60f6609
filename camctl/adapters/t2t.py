"""Tokens-to-token transformers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from camctl.adapters.search import find, is_kind, require

if TYPE_CHECKING:
    from torch import Tensor, nn


class T2t:
    """Overlapping patches are merged twice; then a plain transformer with a class token."""

    summary = "T2T-ViT: tokens as (N, 1 + H*W, C)."

    def matches(self, model: nn.Module) -> bool:
        """A mmpretrain T2T-ViT."""
        return find(model, _is_t2t) is not None

    def target_layers(self, model: nn.Module) -> list[str]:
        """`encoder.13.ln1` in a T2T-ViT-14: the norm that feeds the last attention, as in a ViT."""
        prefix, backbone = require(model, _is_t2t)
        if backbone.out_type == "cls_token":
            return [f"{prefix}encoder.{len(backbone.encoder) - 1}.ln1"]
        last = len(backbone.encoder) - 1
        return [f"{prefix}norm" if backbone.final_norm else f"{prefix}encoder.{last}.ln2"]

    def extra_tokens(self, model: nn.Module) -> int:
        """One class token, or none where the net was built without."""
        _, backbone = require(model, _is_t2t)
        return int(backbone.num_extra_tokens)

    def to_grid(self, output: Tensor, input_size: tuple[int, int]) -> Tensor | None:  # noqa: ARG002
        """Left to the engine, which knows the input's aspect ratio and our extra tokens."""
        return None


def _is_t2t(part: Any) -> bool:
    return is_kind(part, "T2T_ViT") and hasattr(part, "encoder") and len(part.encoder) > 0
