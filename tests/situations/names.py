"""Names of classes, kept in as many ways as people have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.situations.nets import Net, seeded

if TYPE_CHECKING:
    from torch import nn

FOLDERS = {"2": 2, "10": 1, "1": 0}
"""As ImageFolder numbers folders named 1, 2 and 10: in the order of text; written down in another order."""
LABELS = {"10": "k", "2": "c", "0": "a", "1": "b", **{str(index): "defghij"[index - 3] for index in range(3, 10)}}
"""`id2label` of a config.json: its keys are text."""


class Unnamed(Net):
    class_names = None


def three() -> nn.Module:
    return seeded(Unnamed())


def eleven() -> nn.Module:
    return seeded(Unnamed(11))


def imagenet() -> nn.Module:
    return seeded(Unnamed(1000))


def with_background() -> nn.Module:
    return seeded(Unnamed(1001))
