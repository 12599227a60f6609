"""Pictures into the networks, and their outputs as camctl reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from camctl_ultralytics.library import library, unchanged

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

OVERLAP = 0.7
"""Overlap (IoU) beyond which the lower of two boxes of one class is left out, as `yolo predict` does."""
MOST, CANDIDATES = 300, 3000
"""Number of boxes of a picture that are kept, and of those that are compared."""


def logits(module: nn.Module, inputs: Tensor) -> Tensor:
    """Return a classifier's logits (N, classes), before its softmax."""
    scores = module(inputs)
    found: Tensor = scores[1] if isinstance(scores, tuple) else scores
    return found


def boxes(module: nn.Module, inputs: Tensor) -> list[dict[str, Tensor]]:
    """Return a detector's boxes in pixels of the input, scores and labels of each picture, best first."""
    found = module(inputs)
    rows = found[0] if isinstance(found, tuple) else found
    ends = bool(getattr(module, "end2end", False))  # such a network leaves out what overlaps by itself
    return [_ended(picture) if ends else _suppressed(picture.T) for picture in rows]


def _ended(rows: Tensor) -> dict[str, Tensor]:
    """Return boxes of rows (M, 6): edges, score, label."""
    return {"boxes": rows[:, :4], "scores": rows[:, 4], "labels": rows[:, 5].long()}


def _suppressed(rows: Tensor) -> dict[str, Tensor]:
    """Return boxes of rows (M, 4 + classes): middle, size, scores; of several that overlap the best one."""
    import torch
    from torchvision.ops import batched_nms

    scores, labels = rows[:, 4:].max(1)
    first = scores.detach().topk(min(CANDIDATES, len(scores))).indices
    scores, labels, middle, half = scores[first], labels[first], rows[first, :2], rows[first, 2:4] / 2
    edges = torch.cat([middle - half, middle + half], 1)
    kept = batched_nms(edges.detach().float(), scores.detach().float(), labels, OVERLAP)[:MOST]
    return {"boxes": edges[kept], "scores": scores[kept], "labels": labels[kept]}


def classified(size: int) -> Callable[[NDArray[np.uint8]], Tensor]:
    """Return a classifier's preprocessing: the shorter side to `size`, and the middle square."""
    transform = library("data.augment").classify_transforms(size)

    def preprocess(pixels: NDArray[np.uint8]) -> Tensor:
        from PIL import Image

        prepared: Tensor = transform(Image.fromarray(pixels))
        return prepared

    return preprocess


def letterboxed(size: int, stride: int) -> Callable[[NDArray[np.uint8]], Tensor]:
    """Return a detector's preprocessing: the longer side to `size`, and grey bars up to a multiple of the stride."""
    box: Any = library("data.augment").LetterBox((size, size), auto=True, stride=stride)

    def preprocess(pixels: NDArray[np.uint8]) -> Tensor:
        import numpy as np
        import torch

        with unchanged():
            framed = box(image=pixels)
        return torch.from_numpy(np.ascontiguousarray(framed.transpose(2, 0, 1))).float() / 255

    return preprocess
