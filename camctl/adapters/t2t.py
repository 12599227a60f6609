"""Tokens-to-token transformers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from camctl.adapters.search import PartAdapter, is_kind

if TYPE_CHECKING:
    from torch import nn


class T2t(PartAdapter):
    """Patches that overlap are merged twice; then a plain transformer with a class token follows."""

    summary = "T2T-ViT: tokens as (N, 1 + H*W, C)."

    def knows(self, part: Any) -> bool:
        """Whether it is an mmpretrain T2T-ViT."""
        return is_kind(part, "T2T_ViT") and hasattr(part, "encoder") and len(part.encoder) > 0

    def target_layers(self, model: nn.Module) -> list[str]:
        """The norm that feeds the last attention, as in a ViT: `encoder.13.ln1` in a T2T-ViT-14."""
        prefix, backbone = self.find(model)
        if backbone.out_type == "cls_token":
            return [f"{prefix}encoder.{len(backbone.encoder) - 1}.ln1"]
        last = len(backbone.encoder) - 1
        return [f"{prefix}norm" if backbone.final_norm else f"{prefix}encoder.{last}.ln2"]

    def extra_tokens(self, model: nn.Module) -> int:
        """One class token, or none if the network was built without."""
        _, backbone = self.find(model)
        return int(backbone.num_extra_tokens)
