"""Adapter for YOLOS, whose sequence ends in the tokens of detections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camctl.plugin import Adapter
from camctl_transformers.parts import find, require

if TYPE_CHECKING:
    from torch import Tensor, nn


DETECTIONS = 100
"""Number of detections' tokens, in all published YOLOS."""
PATCHES = (16, 8, 32)
"""Sides of a patch in pixels; the published one first."""


class Yolos(Adapter):
    """Target layer: the norm that feeds the last attention. After it only the detections' tokens are read."""

    summary = "YOLOS of transformers: a class token, one token per patch, then one per detection."

    def matches(self, model: nn.Module) -> bool:
        """Whether it is or contains a YOLOS of the published shape."""
        part = find(model, "yolos", "YolosModel")
        if part is None:
            return False
        config = part[1].config
        return bool(config.num_detection_tokens == DETECTIONS and config.patch_size in PATCHES)

    def target_layers(self, model: nn.Module) -> list[str]:
        """The last block's first norm, `vit.encoder.layer.11.layernorm_before`."""
        prefix, yolos = require(model, "yolos", "YolosModel")
        return [f"{prefix}encoder.layer.{len(yolos.encoder.layer) - 1}.layernorm_before"]

    def to_grid(self, output: Tensor, input_size: tuple[int, int]) -> Tensor | None:
        """Arrange the patches of a sequence (N, 1 + H*W + detections, C) as (N, C, H, W)."""
        if output.ndim != 3:  # noqa: PLR2004
            return None
        for patch in PATCHES:
            rows, columns = input_size[0] // patch, input_size[1] // patch
            if output.shape[1] == 1 + rows * columns + DETECTIONS:
                patches = output[:, 1 : 1 + rows * columns]
                return patches.reshape(len(output), rows, columns, -1).permute(0, 3, 1, 2)
        return None
