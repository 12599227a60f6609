"""What is known of the Perceiver: its latents have no places."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camctl_transformers.parts import find, require

if TYPE_CHECKING:
    from torch import Tensor, nn


class Perceiver:
    """The norm of the pixels that the latents look at, once; all that follows has 512 latents and no places."""

    summary = "Perceiver of transformers: one cross-attention to all pixels."

    def matches(self, model: nn.Module) -> bool:
        """A Perceiver, alone or inside another module."""
        return find(model, "perceiver", "PerceiverEncoder") is not None

    def target_layers(self, model: nn.Module) -> list[str]:
        """`perceiver.encoder.cross_attention.attention.self.layernorm2`."""
        prefix, _ = require(model, "perceiver", "PerceiverEncoder")
        return [f"{prefix}cross_attention.attention.self.layernorm2"]

    def extra_tokens(self, model: nn.Module) -> int:  # noqa: ARG002
        """None."""
        return 0

    def to_grid(self, output: Tensor, input_size: tuple[int, int]) -> Tensor | None:  # noqa: ARG002
        """Left to camctl: pixels row by row."""
        return None
