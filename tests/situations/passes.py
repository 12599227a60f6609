"""Nets whose forward pass is more than one run of each layer on one picture."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from tests.situations.nets import Net, seeded


class Dense(Net):
    """As DenseNet: a function writes over the output of `body`."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(*list(self.body)[:3])

    def forward(self, x: Tensor) -> Tensor:
        features = self.body(x)
        return self.head(nn.functional.relu(features, inplace=True).mean((2, 3)))


class Siamese(Net):
    """Change detection: the picture against one that it keeps, both through one encoder, the kept one last."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("before", torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(3)))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x) - self.features(self.before))


class Frames(Net):
    """CNN and LSTM: four quarters of the picture are one batch for the body and one sequence for what follows."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, 8, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        quarters = torch.cat([half for row in x.chunk(2, 2) for half in row.chunk(2, 3)])
        sequence, _ = self.lstm(self.features(quarters)[None])
        return self.head(sequence[:, -1])


class Inference(Net):
    @torch.inference_mode()
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)


class Frozen(Net):
    def features(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            return super().features(x)


class Autocast(Net):
    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return super().forward(x)


class Checkpointed(Net):
    """Its features are made again in the backward pass, to save memory."""

    def features(self, x: Tensor) -> Tensor:
        return checkpoint(super().features, x, use_reentrant=True)


class Pyramid(Net):
    """One head for two levels of a pyramid, as detectors share theirs; the coarse one comes last."""

    def __init__(self) -> None:
        super().__init__()
        self.shared = nn.Conv2d(8, 8, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        fine = self.body(x)
        coarse = nn.functional.max_pool2d(fine, 2)
        return self.head(self.shared(fine).relu().mean((2, 3)) + self.shared(coarse).relu().mean((2, 3)))


def dense() -> nn.Module:
    return seeded(Dense())


def siamese() -> nn.Module:
    return seeded(Siamese())


def frames() -> nn.Module:
    return seeded(Frames())


def inference() -> nn.Module:
    return seeded(Inference())


def frozen() -> nn.Module:
    return seeded(Frozen())


def checkpointed() -> nn.Module:
    return seeded(Checkpointed())


def autocast() -> nn.Module:
    return seeded(Autocast())


def half() -> nn.Module:
    return seeded(Net()).half()


def pyramid() -> nn.Module:
    return seeded(Pyramid())
