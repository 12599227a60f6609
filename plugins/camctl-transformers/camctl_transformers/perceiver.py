"""Adapter for the Perceiver, whose latents have no positions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camctl.plugin import Adapter
from camctl_transformers.parts import find, require

if TYPE_CHECKING:
    from torch import nn


class Perceiver(Adapter):
    """Target layer: the norm of the pixels before the one cross-attention; later layers have no positions."""

    summary = "Perceiver of transformers: one cross-attention to all pixels."

    def matches(self, model: nn.Module) -> bool:
        """Whether it is or contains a Perceiver."""
        return find(model, "perceiver", "PerceiverEncoder") is not None

    def target_layers(self, model: nn.Module) -> list[str]:
        """The norm of the pixels, `perceiver.encoder.cross_attention.attention.self.layernorm2`."""
        prefix, _ = require(model, "perceiver", "PerceiverEncoder")
        return [f"{prefix}cross_attention.attention.self.layernorm2"]
