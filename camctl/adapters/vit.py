"""Vision transformers with one sequence of tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from camctl.adapters.search import find, is_kind, require

if TYPE_CHECKING:
    from torch import Tensor, nn


class Vit:
    """Class token first, then one token per patch, row by row."""

    summary = "ViT, DeiT, BEiT and relatives: tokens as (N, extra + H*W, C)."

    def matches(self, model: nn.Module) -> bool:
        """A mmpretrain transformer whose blocks norm their input with `ln1`."""
        return find(model, _is_vit) is not None

    def target_layers(self, model: nn.Module) -> list[str]:
        """`layers.11.ln1` in a ViT-B that reads its class token.

        After the last attention only the class token reaches the head, so patch tokens carry no
        gradient there: the norm that feeds that attention is the last live layer. Where the head
        reads the patches' mean, the last norm is live.
        """
        prefix, backbone = require(model, _is_vit)
        last = len(backbone.layers) - 1
        if getattr(backbone, "out_type", "cls_token") == "cls_token":
            # A block of DeiT III in mmpretrain runs its `ln1` twice, the second time behind the attention, and what
            # is captured of a layer is its last output: the attention is fed by what the block before puts out.
            twice = is_kind(backbone, "DeiT3") and last > 0
            return [f"{prefix}layers.{last - 1}" if twice else f"{prefix}layers.{last}.ln1"]
        return [f"{prefix}ln1" if getattr(backbone, "final_norm", False) else f"{prefix}layers.{last}.ln2"]

    def extra_tokens(self, model: nn.Module) -> int:
        """One class token; two with a distillation token; none where the net was built without."""
        _, backbone = require(model, _is_vit)
        return int(backbone.num_extra_tokens)

    def to_grid(self, output: Tensor, input_size: tuple[int, int]) -> Tensor | None:  # noqa: ARG002
        """Left to the engine, which knows the input's aspect ratio and our extra tokens."""
        return None


def _is_vit(part: Any) -> bool:
    return (
        is_kind(part, "VisionTransformer", "BEiTViT")
        and hasattr(part, "num_extra_tokens")
        and hasattr(part, "layers")
        and len(part.layers) > 0
        and all(hasattr(part.layers[-1], name) for name in ("ln1", "ln2"))
    )
