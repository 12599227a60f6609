"""What the nets of all sections are made of, and what they are compared with."""

from __future__ import annotations

import torch
from torch import Tensor, nn

SIZE, MARGIN = 224, 16
NAMES = ("ant", "bee", "wasp")


class Body(nn.Sequential):
    """A small CNN: (N, channels, h, w) -> (N, 8, h/16, w/16)."""

    def __init__(self, channels: int = 3) -> None:
        layers = (nn.Conv2d(channels, 8, 8, 8), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU())
        super().__init__(*layers)


class Net(nn.Module):
    """A body, its features pooled and a linear head. The view is the middle of a picture of 256 x 256, untouched."""

    input_size, mean, std = (SIZE, SIZE), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    crop_pct = SIZE / (SIZE + 2 * MARGIN)
    class_names: object = NAMES

    def __init__(self, classes: int = 3, channels: int = 3) -> None:
        super().__init__()
        self.body, self.head = Body(channels), nn.Linear(8, classes)
        if classes != len(NAMES):
            self.class_names = None

    def features(self, x: Tensor) -> Tensor:
        return self.body(x).mean((2, 3))

    def forward(self, x: Tensor) -> object:
        return self.head(self.features(x))


def seeded(net: nn.Module, seed: int = 0) -> nn.Module:
    """Draw every weight large enough that classes differ, and all of them from `seed`."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in net.parameters():
            fan_in = parameter[0].numel() if parameter.ndim > 1 else 4
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 1.6 / fan_in**0.5)
    return net.eval()


def net() -> nn.Module:
    """The plain net, as a factory."""
    return seeded(Net())
