"""Residual CNNs: ResNet and its relatives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from camctl.adapters.search import PartAdapter, is_kind

if TYPE_CHECKING:
    from torch import Tensor, nn


class Cnn(PartAdapter):
    """Target layer: the output of the last residual block, after the sum and its ReLU, which the head reads."""

    summary = "ResNet, ResNeXt, SE-ResNet, Res2Net, ResNeSt, RegNet: (N, C, H, W) all the way."

    def knows(self, part: Any) -> bool:
        """Whether it is a ResNet by class whose last block has a norm of a known name."""
        if not is_kind(part, "ResNet"):
            return False
        stage, block = _last_block(part)
        return bool(stage) and any(hasattr(block, name) for name in NORMS)

    def target_layers(self, model: nn.Module) -> list[str]:
        """The last stage, such as `layer4` in a ResNet-50: its output is the last block's."""
        prefix, backbone = self.find(model)
        return [f"{prefix}{_last_block(backbone)[0]}"]

    def to_grid(self, output: Tensor, input_size: tuple[int, int]) -> Tensor | None:  # noqa: ARG002
        """(N, C, H, W) as it is, else the engine's own finding."""
        return output if output.ndim == 4 else None  # noqa: PLR2004


NORMS = ("bn3", "bn2")
"""The last norm of a bottleneck block, and of a basic block."""


def _last_block(backbone: nn.Module) -> tuple[str, nn.Module]:
    """Name of the deepest stage with blocks, and its last block; ("", backbone) if there is none.

    A backbone that outputs shallow features only never runs the stages after its last output.
    """
    deepest = max(getattr(backbone, "out_indices", None) or (3,)) + 1
    for number in range(deepest, 0, -1):
        stage = getattr(backbone, f"layer{number}", None)
        if stage is not None and list(stage.children()):
            return f"layer{number}", list(stage.children())[-1]
    return "", backbone
