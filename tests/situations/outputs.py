"""Nets whose answers are not (N, classes) logits."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers.modeling_outputs import ImageClassifierOutput

from tests.situations.nets import Net, seeded

QUESTIONS = 34


class Softmaxed(Net):
    def __init__(self) -> None:
        super().__init__(10)
        self.softmax = nn.Softmax(1)

    def forward(self, x: Tensor) -> Tensor:
        return self.softmax(super().forward(x))


class LogSoftmaxed(Net):
    def forward(self, x: Tensor) -> Tensor:
        return torch.log_softmax(super().forward(x), 1)


class FeaturesFirst(Net):
    """Features for a centre loss, then logits."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.features(x)
        return features, self.head(features)


class Transformers(Net):
    """What a model of transformers returns: an object, its hidden states with it."""

    def forward(self, x: Tensor) -> ImageClassifierOutput:
        features = self.body(x)
        return ImageClassifierOutput(logits=self.head(features.mean((2, 3))), hidden_states=(x, features))


class OneLogit(Net):
    def __init__(self) -> None:
        super().__init__(1)
        self.class_names = ("no necktie", "necktie")


class Questions(Net):
    """34 questions, each with an answer of its own in 0..1."""

    def __init__(self) -> None:
        super().__init__(QUESTIONS)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(super().forward(x))


class SideOutputs(Net):
    """A mask, and what deeper supervision needs in training."""

    def __init__(self) -> None:
        super().__init__(2)
        self.mask = nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        mask = self.mask(self.body(x))
        return nn.functional.interpolate(mask, scale_factor=16), mask, mask[..., ::2, ::2]


class Tower(Net):
    """The picture's half of a CLIP: 64 numbers of length 1."""

    def __init__(self) -> None:
        super().__init__(64)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.normalize(super().forward(x), dim=1)


class Age(Net):
    """Years."""

    def __init__(self) -> None:
        super().__init__(1)

    def forward(self, x: Tensor) -> Tensor:
        return 40 + super().forward(x)


def softmaxed() -> nn.Module:
    return seeded(Softmaxed())


def log_softmaxed() -> nn.Module:
    return seeded(LogSoftmaxed())


def features_first() -> nn.Module:
    return seeded(FeaturesFirst())


def transformers() -> nn.Module:
    return seeded(Transformers())


def one_logit() -> nn.Module:
    return seeded(OneLogit())


def questions() -> nn.Module:
    return seeded(Questions())


def side_outputs() -> nn.Module:
    return seeded(SideOutputs())


def tower() -> nn.Module:
    return seeded(Tower())


def age() -> nn.Module:
    return seeded(Age())
