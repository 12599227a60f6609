"""Modules for the `python:` source that are no good classifiers."""

import sys
import time
from pathlib import Path

import torch
from torch import Tensor, nn


class Net(nn.Module):
    """A convolution whose mean decides."""

    input_size = (32, 32)

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, classes, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x).mean((2, 3))


class Fails(Net):
    def forward(self, x: Tensor) -> Tensor:
        message = f"no way\nat all with {x.ndim} dimensions"
        raise ValueError(message)


class GivesUp(Net):
    def forward(self, x: Tensor) -> Tensor:
        sys.exit(9)


class Plane(Net):
    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class Nothing(Net):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)[:, :0]


class Slow(Net):
    """Says that it runs, and takes its time."""

    def forward(self, x: Tensor) -> Tensor:
        Path("running").touch()
        time.sleep(60)
        return super().forward(x)


class OneLogit(Net):
    class_names = ("cat",)

    def __init__(self) -> None:
        super().__init__(1)


def leaves() -> nn.Module:
    sys.exit(3)
