"""Networks of open_clip whose patches are pooled by queries, which have no place in the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from camctl.plugin import Adapter

if TYPE_CHECKING:
    from torch import nn


class AttentionPool(Adapter):
    """The last layer whose tokens are patches: what follows are queries, and 256 of them look like a grid."""

    summary = "open_clip's networks that pool patches by attention, as CoCa's."

    def matches(self, model: nn.Module) -> bool:
        """Whether its pictures are pooled by attention."""
        return _tower(model) is not None

    def target_layers(self, model: nn.Module) -> list[str]:
        """Return the last block before the pooling."""
        tower = _tower(model)
        if tower is None:
            return []
        name, part = tower
        return [f"{name}.transformer.resblocks.{len(part.transformer.resblocks) - 1}".removeprefix(".")]

    def extra_tokens(self, model: nn.Module) -> int:  # noqa: ARG002 - of all of them
        """Return 1: the class token."""
        return 1


def _tower(model: nn.Module) -> tuple[str, Any] | None:
    """Return the part that reads pictures and its name; None if it pools them otherwise."""
    for name, part in model.named_modules():
        of_library = type(part).__module__ == "open_clip.transformer" and type(part).__name__ == "VisionTransformer"
        if of_library and getattr(part, "attn_pool", None) is not None:
            return name, part
    return None
