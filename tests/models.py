"""Tiny seeded models that tests share: plain torch modules, and one of mmpretrain for each family."""

from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, scaled_dot_product_attention

from camctl.plugin import LoadedModel

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

CLASSES = 5

Module = TypeVar("Module", bound=nn.Module)


def seeded(module: Module, seed: int = 0) -> Module:
    """The module in eval mode, every parameter and statistic drawn from `seed`, so that nothing is zero by its init."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in sorted(module.state_dict(keep_vars=True).items()):
            if not tensor.is_floating_point():
                continue
            noise = torch.randn(tensor.shape, generator=generator)
            if name.endswith("running_var"):
                tensor.copy_(1 + 0.5 * noise.tanh())
            elif tensor.ndim <= 1:
                tensor.copy_((1.0 if name.endswith("weight") else 0.0) + 0.2 * noise)
            else:
                fan_in = tensor[0].numel() if tensor.ndim != 3 else 4  # position embeddings and class tokens
                tensor.copy_(noise / fan_in**0.5)
    return module.eval()


def pictures(count: int = 1, size: tuple[int, int] = (32, 32), seed: int = 1) -> Tensor:
    """Inputs (count, 3, *size) that vary smoothly, as pictures do."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(count, 3, 6, 6, generator=generator)
    return torch.nn.functional.interpolate(coarse, size=size, mode="bicubic", align_corners=False)


class Residual(nn.Module):
    """A block that writes over its own norm's output, as mmpretrain's ResNet does."""

    def __init__(self, width: int, *, inplace: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.bn1, self.bn2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)
        self.inplace = inplace

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        if self.inplace:
            out += x
            return out.relu_()
        return (out + x).relu()


class TinyCnn(nn.Module):
    """A stem of stride 4, two residual blocks, pooling and a linear layer; grid 8 x 8 on 32 x 32."""

    def __init__(self, *, inplace: bool = True, width: int = 8, classes: int = CLASSES) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 4, stride=4)
        self.block1 = Residual(width, inplace=inplace)
        self.block2 = Residual(width, inplace=inplace)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.pool(self.block2(self.block1(self.stem(x)))).flatten(1))


class ActivatedHead(TinyCnn):
    """A convolution, a norm and an activation before the pooling, as in MobileNets.

    `act` may be a function, as in DenseNets.
    """

    def __init__(self, act: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv, self.norm, self.act = nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8), act

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.pool(self.act(self.norm(self.conv(self.block1(self.stem(x)))))).flatten(1))


class Attention(nn.Module):
    """Self-attention with two heads."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        n, length, width = x.shape
        q, k, v = self.qkv(x).reshape(n, length, 3, 2, width // 2).permute(2, 0, 3, 1, 4)
        return self.out(scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, length, width))


class Block(nn.Module):
    """A transformer block."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = Attention(width)
        self.ffn = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln1(x))
        return x + self.ffn(self.ln2(x))


class TinyVit(nn.Module):
    """A transformer with a class token, patches of 8 x 8 and `registers` more tokens before them."""

    def __init__(
        self, *, size: tuple[int, int] = (32, 32), registers: int = 0, width: int = 16, depth: int = 2
    ) -> None:
        super().__init__()
        cells = (size[0] // 8) * (size[1] // 8)
        self.patch = nn.Conv2d(3, width, 8, stride=8)
        self.extra = nn.Parameter(torch.zeros(1, 1 + registers, width))
        self.position = nn.Parameter(torch.zeros(1, 1 + registers + cells, width))
        self.layers = nn.ModuleList(Block(width) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patch(x).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.extra.expand(len(x), -1, -1), tokens], 1) + self.position
        for layer in self.layers:
            tokens = layer(tokens)
        return self.head(self.norm(tokens)[:, 0])


class ChannelsLast(nn.Module):
    """A net whose features are (N, H, W, C) and whose norm is a LayerNorm over C; 4 x 8 on 32 x 64."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 8, stride=8)
        self.norm = nn.LayerNorm(width)
        self.fc = nn.Linear(width, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.stem(x).permute(0, 2, 3, 1))
        return self.fc(y.relu().mean((1, 2)))


class GapNet(nn.Module):
    """Features, global average pooling, one linear layer: where CAM, GradCAM and HiResCAM are one map."""

    def __init__(self, width: int = 6) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, width, 4, stride=4), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1)
        )
        self.fc = nn.Linear(width, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(adaptive_avg_pool2d(self.features(x), 1).flatten(1))


CONFIGS: dict[str, dict[str, Any]] = {
    "cnn": {
        "backbone": {"type": "ResNet", "depth": 18, "stem_channels": 8, "base_channels": 8, "strides": (1, 2, 1, 1)},
        "neck": {"type": "GlobalAveragePooling"},
        "head": {"type": "LinearClsHead", "num_classes": CLASSES, "in_channels": 64},
    },
    "vit": {
        "backbone": {
            "type": "VisionTransformer",
            "arch": {"embed_dims": 24, "num_layers": 3, "num_heads": 2, "feedforward_channels": 48},
            "img_size": 64,
            "patch_size": 8,
        },
        "head": {"type": "VisionTransformerClsHead", "num_classes": CLASSES, "in_channels": 24},
    },
    "swin": {
        "backbone": {
            "type": "SwinTransformer",
            "arch": {"embed_dims": 8, "depths": [1, 1, 2], "num_heads": [2, 2, 2]},
            "img_size": 64,
            "window_size": 4,
            "drop_path_rate": 0.0,
            "out_indices": (2,),
            "stage_cfgs": [{}, {}, {}],
        },
        "neck": {"type": "GlobalAveragePooling"},
        "head": {"type": "LinearClsHead", "num_classes": CLASSES, "in_channels": 32},
    },
    "t2t": {
        "backbone": {
            "type": "T2T_ViT",
            "img_size": 64,
            "embed_dims": 24,
            "num_layers": 3,
            "t2t_cfg": {"token_dims": 8, "use_performer": False},
            "layer_cfgs": {"num_heads": 2, "feedforward_channels": 48},
        },
        "head": {"type": "VisionTransformerClsHead", "num_classes": CLASSES, "in_channels": 24},
    },
}
"""mmpretrain's four families, tiny, for 64 x 64 pixels."""


@cache
def of_mmpretrain(family: str) -> nn.Module:
    """A tiny seeded classifier of mmpretrain; shared, so leave it as it is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # mmcv-lite and old regular expressions have much to say at import
        import mmpretrain.models  # noqa: F401 - fills the registry
        from mmpretrain.registry import MODELS

    config = CONFIGS[family]
    return seeded(MODELS.build({"type": "ImageClassifier", "data_preprocessor": None, **config}), seed=3)


def loaded(module: nn.Module, size: tuple[int, int] = (32, 32), **fields: Any) -> LoadedModel:
    """A module as a source would hand it over, with a preprocessing that resizes nothing."""

    def preprocess(pixels: NDArray[np.uint8]) -> Tensor:
        return torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1) / 255

    given: dict[str, Any] = {"name": "tiny", "source": "test", "forward": module, "preprocess": preprocess}
    return LoadedModel(module=module, input_size=size, **(given | fields))


def counted(module: nn.Module) -> tuple[Callable[[Tensor], Tensor], list[int]]:
    """The module's forward pass, and the batch sizes that it was called with so far."""
    batches: list[int] = []

    def forward(inputs: Tensor) -> Tensor:
        batches.append(len(inputs))
        return module(inputs)

    return forward, batches
