"""What a command's answer is compared with: the net itself, run by hand, and Grad-CAM from its definition."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.situations.nets import MARGIN, SIZE


def view(pixels: np.ndarray, *, brightest: float = 255) -> Tensor:
    """What a net sees of a picture (256, 256, channels)."""
    middle = pixels[MARGIN:-MARGIN, MARGIN:-MARGIN].astype(np.float32) / brightest
    return torch.from_numpy(middle.reshape(SIZE, SIZE, -1).transpose(2, 0, 1).copy())[None]


def gradcam(layer: nn.Module, score: object, x: Tensor) -> np.ndarray:
    """The signed map of a layer's last run, from the definition: `score` is a function of the input."""
    runs = []
    handle = layer.register_forward_hook(lambda _module, _inputs, output: runs.append(output))
    asked = score(x.clone().requires_grad_())
    handle.remove()
    (gradients,) = torch.autograd.grad(asked, runs[0])
    return (gradients.mean((2, 3), keepdim=True) * runs[0]).sum(1)[0].detach().numpy()


def answers(module, x):
    """The one row that a plain net answers with."""
    with torch.no_grad():
        return module(x)[0].double()


def assert_scores(outcome, expected, labels, *, within=1e-4):
    """The classes predicted have the expected scores, the best of them is explained."""
    assert outcome.code == 0, outcome.words
    expected = np.asarray(expected)
    best = int(np.argmax(expected))
    assert outcome.first == (labels[best], pytest.approx(float(expected[best]), abs=within))
    for label, score in outcome.scores.items():
        assert score == pytest.approx(float(expected[labels.index(label)]), abs=within)


def assert_refused(outcome, *words):
    """Exit 2, and each pattern is somewhere in what was said; the file is not called damaged."""
    assert outcome.code == 2, outcome.words or outcome.json["maps"]
    for word in words:
        assert re.search(word, outcome.spoken), outcome.words
    assert not re.search("damaged|cut short", outcome.spoken)


def numbered(count):
    return [str(index) for index in range(count)]
