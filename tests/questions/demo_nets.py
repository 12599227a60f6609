"""Nets whose right maps are known: made of the demo's ResNet, whose head was taught to read every cell of its grid.

A cell of an object has a logit of 8 or more for its class, a cell of none -1 or less for every class (see
`test_right_on_the_demo.test_cells_tell_objects_from_their_surroundings`). So the same weights make a segmenter, a
detector, a regressor (the size of an object) and an encoder, and nothing is trained.
"""

import torch
from torch import nn
from torch.nn import functional

import camctl
from camctl.demo.scenes import CLASSES
from camctl.plugin import LoadedModel

BACKGROUND = "background"


class Cells(nn.Module):
    """The demo's ResNet up to its last grid, and its head on every cell: (N, classes, 14, 14)."""

    def __init__(self):
        super().__init__()
        net = camctl.load("demo:resnet").module
        self.backbone = net.backbone
        self.head = nn.Conv2d(net.head.fc.in_features, len(CLASSES), 1)
        self.head.weight.data = net.head.fc.weight.data[:, :, None, None].clone()
        self.head.bias.data = net.head.fc.bias.data.clone()

    def cells(self, x):
        return self.head(self.backbone(x)[-1])


class Segmenter(Cells):
    """Background wherever no class has a logit above 0."""

    def forward(self, x):
        cells = self.cells(x)
        cells = torch.cat([torch.zeros_like(cells[:, :1]), cells], 1)
        return {"out": functional.interpolate(cells, size=x.shape[-2:], mode="bilinear", align_corners=False)}


class Detector(Cells):
    """One box for each class that has a cell with a score above a half: the middle and spread of its cells."""

    def forward(self, x):
        shares = (self.cells(x) / 4).sigmoid()  # so that no score is 1
        return [self.boxes(picture, x.shape[-1] / shares.shape[-1]) for picture in shares]

    def boxes(self, shares, cell):
        boxes, labels, scores = [], [], []
        for label, share in enumerate(shares):
            if share.max().item() > 0.5:
                rows, columns = (share > 0.5).nonzero(as_tuple=True)
                edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
                boxes.append(torch.stack(edges).float() * cell)
                labels.append(label)
                scores.append(share.flatten().topk(4).values.mean())
        if not boxes:
            return {"boxes": shares.new_zeros(0, 4), "labels": torch.zeros(0), "scores": shares.new_zeros(0)}
        return {"boxes": torch.stack(boxes), "labels": torch.tensor(labels), "scores": torch.stack(scores)}


class Regressor(Cells):
    """The share of the picture that each class covers."""

    output = "values"

    def forward(self, x):
        return self.cells(x).sigmoid().mean((2, 3))


class Encoder(Cells):
    """The features that the head reads, as an embedding of length 1."""

    def forward(self, x):
        return functional.normalize(self.backbone(x)[-1].mean((2, 3)))


def loaded(kind: type[Cells], **fields: object) -> LoadedModel:
    """Return a net with the demo's preprocessing."""
    demo, module = camctl.load("demo:resnet"), kind().eval()
    names = {Segmenter: (BACKGROUND, *CLASSES), Encoder: None}.get(kind, CLASSES)
    said = {"output": "values"} if kind is Regressor else {}
    return LoadedModel(
        name=kind.__name__,
        source="demo",
        module=module,
        forward=module,
        preprocess=demo.preprocess,
        input_size=demo.input_size,
        class_names=names,
        **said,
        **fields,
    )
