"""Small classifiers for dataset runs, some of them odd; `python:dataset_nets:...` finds them."""

import time

import numpy as np
import torch
from torch import Tensor, nn

from tests.models import TinyCnn, seeded


class Net(TinyCnn):
    """Reads pictures as 32 x 32, and knows five classes."""

    class_names = ("cat", "dog", "cow", "hen", "fox")
    input_size = (32, 32)


class Slow(Net):
    """Takes its time for each batch."""

    def forward(self, x: Tensor) -> Tensor:
        time.sleep(0.15)
        return super().forward(x)


class MultiLabel(Net):
    """Answers with a probability for each class."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).sigmoid()


class Batchwise(Net):
    """Compares each picture with the others of its batch."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x - x.mean((0, 2, 3), keepdim=True))


class Single(Net):
    """Takes one picture at a time."""

    def forward(self, x: Tensor) -> Tensor:
        if len(x) > 1:
            raise ValueError("one picture, please")
        return super().forward(x)


class Greedy(Net):
    """Has memory for three pictures."""

    most = 3

    def forward(self, x: Tensor) -> Tensor:
        if len(x) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return super().forward(x)


class Counting(Net):
    """Writes down how many pictures each forward pass has."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(len(x))
        return super().forward(x)


class Ragged(Net):
    """Keeps each picture's own size, to a multiple of 8."""

    @staticmethod
    def preprocess(pixels: np.ndarray) -> Tensor:
        height, width = (8 * (side // 8) for side in pixels.shape[:2])
        values = torch.from_numpy(pixels[:height, :width].copy()).permute(2, 0, 1)[None].float()
        return values / 128 - 1


def net() -> nn.Module:
    return seeded(Net())


def slow() -> nn.Module:
    return seeded(Slow())


def multi_label() -> nn.Module:
    return seeded(MultiLabel())


def batchwise() -> nn.Module:
    return seeded(Batchwise())


def single() -> nn.Module:
    return seeded(Single())


def greedy() -> nn.Module:
    return seeded(Greedy())


def counting() -> nn.Module:
    return seeded(Counting())


def ragged() -> nn.Module:
    return seeded(Ragged())
