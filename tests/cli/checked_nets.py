"""Classifiers for `camctl layers --check`: one broken in each way that ends with another exit code."""

import torch
from nets import Cnn, cnn
from torch import Tensor, nn


class Random(Cnn):
    """Drops out in eval mode as well."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(nn.functional.dropout(x, 0.5, training=True))


def random() -> nn.Module:
    torch.manual_seed(0)
    return Random()


def flat() -> nn.Module:
    """Nothing in it has places."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 48 * 64, 4))
    model.input_size = (48, 64)
    return model


def deaf() -> nn.Module:
    """A head that hears nothing of the features."""
    model = cnn()
    nn.init.zeros_(model.fc.weight)
    return model


def marked() -> nn.Module:
    """With a class name that rich would read as markup."""
    model = cnn()
    model.class_names = ("[bold]cat[/bold]", "dog", "cow", "hen")
    return model
