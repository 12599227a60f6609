"""What someone who knows the architecture would name for GradCAM, written from the forward passes, not from the probe.

On convolutional networks the layer is the last output with places that the head reads, activated and behind the
residual sum; where a ReLU alone follows a norm, GradCAM is taken at that norm. On a ViT it is the last norm whose
patches are live. The grid follows from the stride.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One family's answer."""

    names: str
    """Regular expression of the models' names."""
    layer: str
    """Pattern of the layer's name; the last module that matches is meant."""
    stride: int
    """Pixels of the input a cell stands for; a grid has ceil(size / stride) of them a side."""
    why: str
    extra_tokens: int = 0
    grids: tuple[tuple[int, int], ...] = ()
    """(input size, cells) where padding and pooling break the rule of the stride."""

    def layer_in(self, module: nn.Module) -> str:
        """The layer's name in this very model."""
        return [name for name, _ in module.named_modules() if fnmatchcase(name, self.layer)][-1]

    def grid_for(self, size: tuple[int, int]) -> tuple[int, int]:
        """Rows and columns for an input of this height and width."""
        special = dict(self.grids)
        rows, columns = (special.get(edge, math.ceil(edge / self.stride)) for edge in size)
        return rows, columns


ANSWERS = (
    Answer(
        names=r"alexnet",
        layer="features.12",
        stride=32,
        grids=((224, 6),),
        why="No norm anywhere. The last pooling's output is what the classifier reads place by place.",
    ),
    Answer(
        names=r"vgg\d+(_bn)?",
        layer="features.*",
        stride=32,
        why="The last pooling's output, `features[-1]`, is what the classifier reads; norms before it are 14 x 14.",
    ),
    Answer(
        names=r"(wide_)?resne(x)?t.*",
        layer="layer4",
        stride=32,
        why="The last block's output, behind the sum and its ReLU.",
    ),
    Answer(
        names=r"densenet\d+",
        layer="features.norm5",
        stride=32,
        why="One norm after all dense blocks, then a functional ReLU.",
    ),
    Answer(
        names=r"squeezenet1_[01]",
        layer="features.12",
        stride=16,
        grids=((224, 13),),
        why="The last Fire module: the last features; what follows are class scores per place, averaged.",
    ),
    Answer(
        names=r"googlenet",
        layer="inception5b",
        stride=32,
        why="Four branches are joined after their own norms: only the joined output holds all channels.",
    ),
    Answer(
        names=r"inception_v3",
        layer="Mixed_7c",
        stride=32,
        grids=((299, 8),),
        why="Branches joined after their own norms; unpadded convolutions leave 8 x 8 of 299 pixels.",
    ),
    Answer(names=r"mobilenet_v2", layer="features.*.1", stride=32, why="The last norm, which ReLU6 alone follows."),
    Answer(names=r"mobilenet_v3.*", layer="features.*.2", stride=32, why="The last 1 x 1 convolution's Hardswish."),
    Answer(names=r"mnasnet.*", layer="layers.15", stride=32, why="The last norm, which a ReLU alone follows."),
    Answer(names=r"shufflenet_v2.*", layer="conv5.1", stride=32, why="The last norm, which a ReLU alone follows."),
    Answer(names=r"efficientnet_.*", layer="features.?.2", stride=32, why="The last 1 x 1 convolution's SiLU."),
    Answer(
        names=r"regnet_.*",
        layer="trunk_output.block4.block4-*.activation",
        stride=32,
        why="The last block's output: the ReLU behind the sum.",
    ),
    Answer(
        names=r"convnext_.*",
        layer="features.7.?",
        stride=32,
        why="The last block's output; the classifier's norm comes after pooling.",
    ),
    Answer(names=r"swin_(v2_)?[tsb]", layer="norm", stride=32, why="The norm after the last stage, (N, H, W, C)."),
    Answer(
        names=r"maxvit_t",
        layer="blocks.3.layers.1.layers.grid_attention.departition_op",
        stride=32,
        why="The last block's output; its norms see windows, and the classifier's norm comes after pooling.",
    ),
    Answer(
        names=r"vit_[bl]_16",
        layer="encoder.layers.encoder_layer_*.ln_1",
        stride=16,
        extra_tokens=1,
        why="Only the class token is read, so the norm that feeds the last attention is the last live layer.",
    ),
    Answer(
        names=r"vit_[bl]_32",
        layer="encoder.layers.encoder_layer_*.ln_1",
        stride=32,
        extra_tokens=1,
        why="As ViT-B/16.",
    ),
    Answer(
        names=r"vit_h_14",
        layer="encoder.layers.encoder_layer_*.ln_1",
        stride=14,
        extra_tokens=1,
        why="As ViT-B/16; its default weights were trained at 518 pixels.",
    ),
)


def answer_for(name: str) -> Answer:
    """The one answer that is about this model."""
    (found,) = [answer for answer in ANSWERS if re.fullmatch(answer.names, name)]
    return found
