"""Nets that answer other questions than a class, made of the demo's ResNet, whose head was taught every cell of a grid.

A cell of an object has a logit of 8 or more for its class, a cell of none -1 or less for every class. So the same
weights make a segmenter, a detector, a regressor and an encoder, whose right maps are known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Sequence

BACKGROUND = "background"

FOUND = 0.5
"""Share of a cell that is an object."""


class Cells(nn.Module):
    """The demo's ResNet up to its last grid, and its head on every cell: (N, classes, rows, columns)."""

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.backbone = net.backbone
        classifier = net.head.fc
        self.head = nn.Conv2d(classifier.in_features, classifier.out_features, 1)
        self.head.load_state_dict({"weight": classifier.weight[:, :, None, None], "bias": classifier.bias})

    def cells(self, x: Tensor) -> Tensor:
        """Return the logits of every cell."""
        logits: Tensor = self.head(self.backbone(x)[-1])
        return logits

    @staticmethod
    def labels(classes: Sequence[str]) -> tuple[str, ...] | None:
        """Return the names of the net's outputs; None if they have none."""
        return tuple(classes)


class Segmenter(Cells):
    """The class of every pixel; background where no class has a logit above 0."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Return logits (N, 1 + classes, h, w), as torchvision's segmenters do."""
        cells = self.cells(x)
        cells = torch.cat([torch.zeros_like(cells[:, :1]), cells], 1)
        return {"out": functional.interpolate(cells, size=x.shape[-2:], mode="bilinear", align_corners=False)}

    @staticmethod
    def labels(classes: Sequence[str]) -> tuple[str, ...] | None:
        """Return the names, the background first."""
        return BACKGROUND, *classes


class Detector(Cells):
    """One box for each class that some cell shows: around its cells."""

    def forward(self, x: Tensor) -> list[dict[str, Tensor]]:
        """Return boxes, labels and scores of each picture, as torchvision's detectors do."""
        shares = (self.cells(x) / 4).sigmoid()  # so that no score is 1
        return [self.boxes(picture, x.shape[-1] / shares.shape[-1]) for picture in shares]

    def boxes(self, shares: Tensor, cell: float) -> dict[str, Tensor]:
        """Return what is detected in one picture's shares (classes, rows, columns); a cell has a side in pixels."""
        boxes, labels, scores = [], [], []
        for label, share in enumerate(shares):
            if share.max().item() > FOUND:
                rows, columns = (share > FOUND).nonzero(as_tuple=True)
                edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
                boxes.append(torch.stack(edges).float() * cell)
                labels.append(label)
                scores.append(share.flatten().topk(4).values.mean())
        if not boxes:
            return {"boxes": shares.new_zeros(0, 4), "labels": torch.zeros(0), "scores": shares.new_zeros(0)}
        return {"boxes": torch.stack(boxes), "labels": torch.tensor(labels), "scores": torch.stack(scores)}


class Regressor(Cells):
    """The share of the picture that each class covers."""

    def forward(self, x: Tensor) -> Tensor:
        """Return values (N, classes), 0..1."""
        return self.cells(x).sigmoid().mean((2, 3))


class Encoder(Cells):
    """The features that the head reads, as an embedding."""

    def forward(self, x: Tensor) -> Tensor:
        """Return embeddings (N, channels) of length 1."""
        return functional.normalize(self.backbone(x)[-1].mean((2, 3)))

    @staticmethod
    def labels(classes: Sequence[str]) -> tuple[str, ...] | None:  # noqa: ARG004 - an embedding has no names
        """Return None: the outputs have no names."""
        return None


NETS: dict[str, type[Cells]] = {
    "segmenter": Segmenter,
    "detector": Detector,
    "regressor": Regressor,
    "encoder": Encoder,
}
