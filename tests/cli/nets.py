"""Classifiers for the `python:` source: tiny, seeded, with class names."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Any

import torch
from torch import Tensor, nn

NAMES = ("cat", "dog", "cow, ox", "hen[1]")


class Block(nn.Module):
    """A convolution and its norm, added to what came in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.bn = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bn(self.conv(x)).relu()


class Cnn(nn.Module):
    """A stem, five blocks alike, pooling, a linear layer, and one that never runs."""

    class_names = NAMES
    input_size = (48, 64)

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 8, stride=8)
        self.blocks = nn.ModuleList(Block(8) for _ in range(5))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.spare = nn.Linear(3, 3)
        self.fc = nn.Linear(8, len(NAMES))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.fc(self.pool(x).flatten(1))


def cnn() -> nn.Module:
    torch.manual_seed(0)
    return Cnn()


def locked() -> nn.Module:
    """With what nobody can copy."""
    model = cnn()
    model.lock = Lock()
    return model


def sick() -> nn.Module:
    """With a weight that is no number."""
    model = cnn()
    with torch.no_grad():
        model.fc.weight[0, 0] = float("nan")
    return model


def hard_to_please() -> nn.Module:
    message = "no model today"
    raise RuntimeError(message)


def talkative() -> nn.Module:
    print("made by hand")  # noqa: T201 - as libraries do
    return cnn()


def other() -> nn.Module:
    """The same net with other weights."""
    torch.manual_seed(7)
    return Cnn()


def plain() -> nn.Module:
    """Without biases, which FullGrad sums up."""
    torch.manual_seed(0)
    layers = (nn.Conv2d(3, 8, 8, stride=8, bias=False), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model = nn.Sequential(*layers, nn.Linear(8, len(NAMES)))
    model.class_names, model.input_size = NAMES, (48, 64)
    return model


class Finished(Cnn):
    """A net whose output goes through a function."""

    def __init__(self, finish: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.finish = finish

    def forward(self, x: Tensor) -> Any:
        return self.finish(super().forward(x))


def probable() -> nn.Module:
    """With a softmax of its own."""
    torch.manual_seed(0)
    return Finished(nn.Softmax(1))


def several() -> nn.Module:
    """With two heads, and no class names."""
    torch.manual_seed(0)
    model = Finished(lambda y: {"age": y[:, :1] + 40, "kind": y[:, 1:]})
    model.class_names = None
    return model


def slow() -> nn.Module:
    """Takes a while to load, and for each picture in a pass."""
    time.sleep(2)
    net = cnn()
    net.register_forward_pre_hook(lambda _net, inputs: time.sleep(0.4 * len(inputs[0])))
    return net
