"""What is known of Hiera: its tokens lie in the order of the poolings to come, and not row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from camctl_transformers.parts import find, require

if TYPE_CHECKING:
    from torch import Tensor, nn

PATCH = 4
"""Pixels a side between two patches, in all published Hieras."""
POOLINGS = 3
"""Each halves rows and columns, by a maximum over the four tokens that differ in the outermost place."""


class Hiera:
    """The last block's last norm: by then all poolings are done, and tokens lie row by row. Earlier ones do not."""

    summary = "Hiera of transformers: tokens are put back in order."

    def matches(self, model: nn.Module) -> bool:
        """A Hiera of the published shape, alone or inside another module."""
        found = find(model, "hiera", "HieraModel")
        if found is None:
            return False
        config = found[1].config
        shape = (tuple(config.patch_stride), tuple(config.query_stride), config.num_query_pool)
        return shape == ((PATCH, PATCH), (2, 2), POOLINGS) and len(config.depths) == POOLINGS + 1

    def target_layers(self, model: nn.Module) -> list[str]:
        """`hiera.encoder.stages.3.layers.2.layernorm_after`; the norm that follows is that of the pooled token."""
        prefix, hiera = require(model, "hiera", "HieraModel")
        last = len(hiera.encoder.stages) - 1
        return [f"{prefix}encoder.stages.{last}.layers.{len(hiera.encoder.stages[last].layers) - 1}.layernorm_after"]

    def extra_tokens(self, model: nn.Module) -> int:  # noqa: ARG002
        """None."""
        return 0

    def to_grid(self, output: Tensor, input_size: tuple[int, int]) -> Tensor | None:
        """Tokens (N, L, C) of any stage, whose number tells how many poolings are still to come -> (N, C, H, W)."""
        if output.ndim != 3:  # noqa: PLR2004
            return None
        n, length, channels = output.shape
        for done in range(POOLINGS + 1):
            rows, columns = (edge // PATCH >> done for edge in input_size)
            left = POOLINGS - done
            if length != rows * columns:
                continue
            # (N, first, second, ..., rows >> left, columns >> left, C), two by two for each pooling to come.
            halves = output.reshape(n, *([2, 2] * left), rows >> left, columns >> left, channels)
            outer = 1 + 2 * left
            order = [outer, *range(outer - 2, 0, -2)], [outer + 1, *range(outer - 1, 0, -2)]
            return halves.permute(0, outer + 2, *order[0], *order[1]).reshape(n, channels, rows, columns)
        return None
