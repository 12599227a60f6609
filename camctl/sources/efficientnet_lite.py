"""EfficientNet-Lite: EfficientNet (Tan & Le, 2019, arXiv:1905.11946) without squeeze-and-excitation, with ReLU6.

Modules are named as in the published checkpoints (`_blocks.15`, `_bn1`). These were trained in TensorFlow, whose
padding and batch norms are reproduced here.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional


class Scale(NamedTuple):
    """Size of a member of the family: width and depth relative to lite0, and the input's side in pixels."""

    width: float
    depth: float
    size: int


SCALES = {"lite0": Scale(1.0, 1.0, 224), "lite1": Scale(1.0, 1.1, 240), "lite2": Scale(1.1, 1.2, 260)}

_STEM, _HEAD = 32, 1280
_STAGES = (
    # blocks, kernel, stride of the first block, expansion, channels
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


class EfficientNetLite(nn.Module):
    """A batch (N, 3, h, w) -> logits (N, classes). `_swish` is ReLU6 in this family and follows `_bn1`."""

    def __init__(self, scale: Scale, classes: int = 1000) -> None:
        super().__init__()
        self._conv_stem = _conv(3, _STEM, kernel=3, stride=2)
        self._bn0, self._swish0 = _norm(_STEM), nn.ReLU6()
        self._blocks = nn.ModuleList()
        inputs = _STEM
        for number, (blocks, kernel, stride, expansion, channels) in enumerate(_STAGES):
            # Stem, head, and the depth of the first and last stage are the same in the whole family.
            repeats = blocks if number in {0, len(_STAGES) - 1} else math.ceil(blocks * scale.depth)
            outputs = _rounded(channels * scale.width)
            for index in range(repeats):
                self._blocks.append(Block(inputs, outputs, kernel, 1 if index else stride, expansion))
                inputs = outputs
        self._conv_head = _conv(inputs, _HEAD)
        self._bn1, self._swish = _norm(_HEAD), nn.ReLU6()
        self._avg_pooling = nn.AdaptiveAvgPool2d(1)
        self._fc = nn.Linear(_HEAD, classes)

    def forward(self, batch: Tensor) -> Tensor:  # noqa: D102 - see the class
        features = self._swish0(self._bn0(self._conv_stem(batch)))
        for block in self._blocks:
            features = block(features)
        features = self._swish(self._bn1(self._conv_head(features)))
        logits: Tensor = self._fc(self._avg_pooling(features).flatten(1))
        return logits


class Block(nn.Module):
    """An inverted residual block: expansion, depthwise convolution, projection, and a shortcut if shapes allow."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.expands = expansion > 1
        if self.expands:
            self._expand_conv = _conv(inputs, hidden)
            self._bn0, self._swish0 = _norm(hidden), nn.ReLU6()
        self._depthwise_conv = _conv(hidden, hidden, kernel=kernel, stride=stride, groups=hidden)
        self._bn1, self._swish = _norm(hidden), nn.ReLU6()
        self._project_conv = _conv(hidden, outputs)
        self._bn2 = _norm(outputs)
        self.has_shortcut = stride == 1 and inputs == outputs

    def forward(self, inputs: Tensor) -> Tensor:
        """Features (N, C, H, W) -> features of the block's channels, at half the resolution if the stride is 2."""
        hidden = self._swish0(self._bn0(self._expand_conv(inputs))) if self.expands else inputs
        hidden = self._swish(self._bn1(self._depthwise_conv(hidden)))
        outputs: Tensor = self._bn2(self._project_conv(hidden))
        return outputs + inputs if self.has_shortcut else outputs


class SameConv2d(nn.Conv2d):
    """A strided convolution with TensorFlow's padding "same": an odd pixel is added below and to the right."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's own name
        """Pad according to the input's size, then convolve."""
        sides: list[int] = []
        for edge, kernel, stride in zip(input.shape[:-3:-1], self.kernel_size[::-1], self.stride[::-1], strict=True):
            missing = max((math.ceil(edge / stride) - 1) * stride + kernel - edge, 0)
            sides += [missing // 2, missing - missing // 2]
        return super().forward(functional.pad(input, sides))


def _conv(inputs: int, outputs: int, *, kernel: int = 1, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    if stride == 1:
        return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=False)
    return SameConv2d(inputs, outputs, kernel, stride, groups=groups, bias=False)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


def _rounded(channels: float) -> int:
    """The nearest multiple of 8, and at least 90 % of the channels asked for."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels else nearest
