"""Vision transformers with one sequence of tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from camctl.adapters.search import PartAdapter, is_kind

if TYPE_CHECKING:
    from torch import nn


class Vit(PartAdapter):
    """Class token first, then one token per patch, row by row."""

    summary = "ViT, DeiT, BEiT and relatives: tokens as (N, extra + H*W, C)."

    def knows(self, part: Any) -> bool:
        """Whether it is an mmpretrain transformer whose blocks normalise their input with `ln1`."""
        return (
            is_kind(part, "VisionTransformer", "BEiTViT")
            and hasattr(part, "num_extra_tokens")
            and hasattr(part, "layers")
            and len(part.layers) > 0
            and all(hasattr(part.layers[-1], name) for name in ("ln1", "ln2"))
        )

    def target_layers(self, model: nn.Module) -> list[str]:
        """The last norm whose patch tokens have a gradient: `layers.11.ln1` in a ViT-B that reads its class token.

        After the last attention only the class token reaches the head, so patch tokens have no gradient there: the
        norm that feeds that attention is the last usable layer. If the head reads the patches' mean, the last norm is.
        """
        prefix, backbone = self.find(model)
        last = len(backbone.layers) - 1
        if getattr(backbone, "out_type", "cls_token") == "cls_token":
            # A block of DeiT III in mmpretrain calls its `ln1` twice, the second time after the attention, and a
            # capture holds a layer's last output: the output of the block before feeds the attention.
            twice = is_kind(backbone, "DeiT3") and last > 0
            return [f"{prefix}layers.{last - 1}" if twice else f"{prefix}layers.{last}.ln1"]
        return [f"{prefix}ln1" if getattr(backbone, "final_norm", False) else f"{prefix}layers.{last}.ln2"]

    def extra_tokens(self, model: nn.Module) -> int:
        """One class token, two with a distillation token, none if the network was built without."""
        _, backbone = self.find(model)
        return int(backbone.num_extra_tokens)
