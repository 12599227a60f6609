"""Every built-in method worked out by hand, in loops, on a net that is small enough to differentiate on paper.

Two channels on a 2 x 2 grid; the score is sum over places of `w[c][i][j] * A[c][i][j]`, plus half the
square of one activation, so that gradients differ from place to place.
"""

import math

import pytest
import torch
from torch import nn

from camctl.methods.eigencam import eigencam
from camctl.methods.eigengradcam import eigengradcam
from camctl.methods.gradcam import gradcam
from camctl.methods.gradcam_elementwise import gradcam_elementwise
from camctl.methods.gradcam_plusplus import gradcam_plusplus
from camctl.methods.hirescam import hirescam
from camctl.methods.layercam import layercam
from camctl.methods.xgradcam import xgradcam
from tests.drawing import drawn

A = [[[1.0, 2.0], [3.0, -1.0]], [[0.5, -2.0], [1.0, 4.0]]]
W = [[[0.5, -1.0], [2.0, 1.0]], [[1.0, 0.25], [-0.5, 0.5]]]
# d score / d A: the weights, and A itself added at channel 0, place (0, 1).
G = [[[0.5, -1.0 + 2.0], [2.0, 1.0]], [[1.0, 0.25], [-0.5, 0.5]]]
PLACES = [(i, j) for i in range(2) for j in range(2)]


class OnPaper(nn.Module):
    """Puts out A whatever it is given, then the score above for class 1."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Identity()

    def forward(self, x):
        activations = self.layer(x[:, :1, :2, :2] * 0 + torch.tensor([A]))
        score = (activations * torch.tensor(W)).sum((1, 2, 3)) + activations[:, 0, 0, 1] ** 2 / 2
        return torch.stack([torch.zeros_like(score), score], 1)


def raw_of(method):
    (one,) = drawn(OnPaper(), torch.zeros(1, 3, 4, 4), ["layer"], [method], 1)
    return one.raw


def table(function):
    return torch.tensor([[function(i, j) for j in range(2)] for i in range(2)])


def channel_weights(weight):
    return table(lambda i, j: sum(weight(c) * A[c][i][j] for c in range(2)))


def test_gradcam_weights_channels_by_mean_gradients():
    expected = channel_weights(lambda c: sum(G[c][i][j] for i, j in PLACES) / 4)
    assert expected[0, 0] == pytest.approx((4.5 / 4) * 1 + (1.25 / 4) * 0.5)
    torch.testing.assert_close(raw_of(gradcam), expected)


def test_hirescam_multiplies_place_by_place():
    expected = table(lambda i, j: sum(G[c][i][j] * A[c][i][j] for c in range(2)))
    assert expected.tolist() == [[1.0, 1.5], [5.5, 1.0]]
    torch.testing.assert_close(raw_of(hirescam), expected)


def test_layercam_keeps_positive_gradients():
    expected = table(lambda i, j: sum(max(G[c][i][j], 0) * A[c][i][j] for c in range(2)))
    assert expected.tolist() == [[1.0, 1.5], [6.0, 1.0]]
    torch.testing.assert_close(raw_of(layercam), expected)


def test_gradcam_elementwise_keeps_positive_products():
    expected = table(lambda i, j: sum(max(G[c][i][j] * A[c][i][j], 0) for c in range(2)))
    assert expected.tolist() == [[1.0, 2.0], [6.0, 2.0]]
    torch.testing.assert_close(raw_of(gradcam_elementwise), expected)


def test_xgradcam_weights_channels_by_gradients_averaged_with_activations():
    def weight(c):
        return sum(G[c][i][j] * A[c][i][j] for i, j in PLACES) / sum(A[c][i][j] for i, j in PLACES)

    assert weight(0) == pytest.approx(7.5 / 5)
    torch.testing.assert_close(raw_of(xgradcam), channel_weights(weight), rtol=1e-5, atol=1e-5)


def test_gradcam_plusplus_weights_each_place_by_its_second_order_share():
    def weight(c):
        total = sum(A[c][i][j] for i, j in PLACES)
        result = 0.0
        for i, j in PLACES:
            g = G[c][i][j]
            result += g * g / (2 * g * g + total * g**3 + 1e-6) * max(g, 0)
        return result

    torch.testing.assert_close(raw_of(gradcam_plusplus), channel_weights(weight), rtol=1e-5, atol=1e-5)


def first_component(values, *, of_class):
    """Projection of four places with two channels on their first principal direction, by the formula for 2 x 2."""
    means = [sum(values[c][i][j] for i, j in PLACES) / 4 for c in range(2)]
    x = [[values[c][i][j] - means[c] for i, j in PLACES] for c in range(2)]
    aa, bb, ab = (sum(p * q for p, q in zip(x[s], x[t], strict=True)) for s, t in ((0, 0), (1, 1), (0, 1)))
    angle = math.atan2(2 * ab, aa - bb) / 2  # of the larger axis of the ellipse
    direction = (math.cos(angle), math.sin(angle))
    projection = [direction[0] * p + direction[1] * q for p, q in zip(*x, strict=True)]
    if of_class:  # the sign is that of the evidence's sum
        total = [p + q for p, q in zip(*x, strict=True)]
        sign = 1 if sum(p * t for p, t in zip(projection, total, strict=True)) > 0 else -1
    else:  # what stands out is positive
        sign = 1 if max(projection) > -min(projection) else -1
    return torch.tensor([sign * p for p in projection]).reshape(2, 2)


def test_eigencam_projects_activations_on_their_first_component():
    torch.testing.assert_close(raw_of(eigencam), first_component(A, of_class=False), rtol=1e-5, atol=1e-5)


def test_eigengradcam_projects_activations_times_gradients():
    products = [[[G[c][i][j] * A[c][i][j] for j in range(2)] for i in range(2)] for c in range(2)]
    torch.testing.assert_close(raw_of(eigengradcam), first_component(products, of_class=True), rtol=1e-5, atol=1e-5)


def test_the_map_is_the_raw_values_without_their_negative_part_stretched_to_the_view():
    (one,) = drawn(OnPaper(), torch.zeros(1, 3, 2, 2), ["layer"], [hirescam], 1)
    torch.testing.assert_close(one.values, torch.tensor([[0.0, 0.5 / 4.5], [1.0, 0.0]]))
