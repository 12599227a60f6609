"""Adapter for Hiera, whose tokens are in the order of the poolings to come, not row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camctl.plugin import Adapter
from camctl_transformers.parts import find, require

if TYPE_CHECKING:
    from torch import Tensor, nn

PATCH = 4
"""Stride of the patches in pixels, in all published Hieras."""
POOLINGS = 3
"""Number of poolings; each halves rows and columns, by a maximum over four tokens that differ in the first index."""


class Hiera(Adapter):
    """Target layer: the last block's last norm. All poolings are done there, so that its tokens are row by row."""

    summary = "Hiera of transformers: tokens are put in order."

    def matches(self, model: nn.Module) -> bool:
        """Whether it is or contains a Hiera of the published shape."""
        part = find(model, "hiera", "HieraModel")
        if part is None:
            return False
        config = part[1].config
        shape = (tuple(config.patch_stride), tuple(config.query_stride), config.num_query_pool)
        return shape == ((PATCH, PATCH), (2, 2), POOLINGS) and len(config.depths) == POOLINGS + 1

    def target_layers(self, model: nn.Module) -> list[str]:
        """The last block's last norm, `hiera.encoder.stages.3.layers.2.layernorm_after`, before the pooling."""
        prefix, hiera = require(model, "hiera", "HieraModel")
        last = len(hiera.encoder.stages) - 1
        return [f"{prefix}encoder.stages.{last}.layers.{len(hiera.encoder.stages[last].layers) - 1}.layernorm_after"]

    def to_grid(self, output: Tensor, input_size: tuple[int, int]) -> Tensor | None:
        """Arrange tokens (N, L, C) of any stage as (N, C, H, W); L says how many poolings are still to come."""
        if output.ndim != 3:  # noqa: PLR2004
            return None
        n, length, channels = output.shape
        for done in range(POOLINGS + 1):
            rows, columns = (edge // PATCH >> done for edge in input_size)
            left = POOLINGS - done
            if length != rows * columns:
                continue
            # (N, 2, 2, ..., rows >> left, columns >> left, C), with a pair of twos for each pooling to come.
            halves = output.reshape(n, *([2, 2] * left), rows >> left, columns >> left, channels)
            outer = 1 + 2 * left
            order = [outer, *range(outer - 2, 0, -2)], [outer + 1, *range(outer - 1, 0, -2)]
            return halves.permute(0, outer + 2, *order[0], *order[1]).reshape(n, channels, rows, columns)
        return None
