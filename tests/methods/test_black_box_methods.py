"""RISE and Occlusion against formulas worked by hand: they see the score alone, and no layer."""

import numpy as np
import pytest
import torch
from torch import nn

from camctl import registry
from camctl.errors import InputError
from camctl.methods.occlusion import occlusion, starts
from camctl.methods.rise import rise
from camctl.plugin import ClassQuestion, ContrastQuestion, ValueQuestion
from tests.drawing import drawn
from tests.models import TinyCnn, counted, pictures, seeded

BOTH = pytest.mark.parametrize("method", [rise, occlusion], ids=lambda method: method.name)


class Linear(nn.Module):
    """Three scores that are linear in the pixels of inputs of 24 x 36."""

    def __init__(self):
        super().__init__()
        self.picture = nn.Identity()
        self.weights = torch.randn(3, 3, 24, 36, generator=torch.Generator().manual_seed(3)) / 10

    def forward(self, inputs):
        return torch.einsum("nchw,kchw->nk", self.picture(inputs), self.weights)


def map_of(method, module, target=1, inputs=None, **options):
    inputs = pictures(size=(24, 36)) if inputs is None else inputs
    (one,) = drawn(module, inputs, ["picture"], [method], target, options=options)
    return one


@pytest.mark.parametrize("name", ["rise", "occlusion"])
def test_a_method_without_layers_is_found_by_its_name(name):
    assert registry.pick("method", f"camctl[{name}]").plugin.needs == {"rescoring"}


def test_occlusion_of_a_linear_score_is_the_sum_of_weight_times_pixel_under_each_window():
    module, inputs = Linear(), pictures(size=(24, 36))
    raw = map_of(occlusion, module, window=6, stride=6).raw
    product = (module.weights[1] * inputs[0]).sum(0).double().numpy()
    expected = product.reshape(4, 6, 6, 6).sum((1, 3)).repeat(6, 0).repeat(6, 1)
    np.testing.assert_allclose(raw.numpy(), expected, rtol=1e-4, atol=1e-4)


def test_occlusion_of_windows_that_overlap_is_the_mean_over_the_windows_at_a_pixel():
    module, inputs = seeded(Net()), pictures(size=(20, 27))
    raw = map_of(occlusion, module, inputs=inputs, window=8, stride=5, batch_size=3).raw
    whole, drops, counts = module(inputs)[0, 1].item(), np.zeros((20, 27)), np.zeros((20, 27))
    for y in (0, 5, 10, 12):
        for x in (0, 5, 10, 15, 19):
            hidden = inputs.clone()
            hidden[:, :, y : y + 8, x : x + 8] = 0
            drops[y : y + 8, x : x + 8] += whole - module(hidden)[0, 1].item()
            counts[y : y + 8, x : x + 8] += 1
    np.testing.assert_allclose(raw.numpy(), drops / counts, rtol=1e-4, atol=1e-5)


class Net(nn.Module):
    """A small net whose score is not linear."""

    def __init__(self):
        super().__init__()
        self.picture = nn.Identity()
        self.layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten())
        self.head = nn.Linear(16, 3)

    def forward(self, inputs):
        return self.head(self.layers(self.picture(inputs)))


@pytest.mark.parametrize(
    ("question", "score"),
    [
        (ClassQuestion(1), lambda logits: logits.softmax(0)[1]),
        (ClassQuestion(1, score="sigmoid"), lambda logits: logits[1].sigmoid()),
        (ContrastQuestion(1, (0, 2)), lambda logits: (logits[1] - (logits[0] + logits[2]) / 2).sigmoid()),
        (ValueQuestion(1, down=True), lambda logits: -logits[1]),
    ],
    ids=["class", "sigmoid", "contrast", "value"],
)
def test_rise_is_the_mean_of_masks_weighted_by_what_they_add_to_the_score(question, score):
    module, inputs = seeded(Net()), pictures(size=(20, 27))
    raw = map_of(rise, module, question, inputs, masks=50, cells=4, probability=0.3, seed=7, batch_size=16).raw
    masks = masks_by_hand(50, 4, 0.3, 7, (20, 27))
    scores = [score(module(inputs * torch.from_numpy(mask))[0]).item() for mask in masks]
    expected = sum((one - np.mean(scores)) * mask for one, mask in zip(scores, masks, strict=True)) / (50 * 0.3)
    np.testing.assert_allclose(raw.numpy(), expected, rtol=1e-3, atol=1e-5)


def masks_by_hand(count, cells, probability, seed, size):
    """Masks of the paper: random cells, enlarged bilinearly to one more cell than the picture, and cut out."""
    random = np.random.RandomState(seed)
    grids = random.random_sample((count, cells, cells)) < probability
    height, width = (-(-side // cells) for side in size)
    down, right = random.randint(0, height, count), random.randint(0, width, count)
    masks = []
    for grid, y, x in zip(grids, down, right, strict=True):
        along = interpolated(cells, height * (cells + 1)) @ grid.astype(float)
        large = along @ interpolated(cells, width * (cells + 1)).T
        masks.append(large[y : y + size[0], x : x + size[1]].astype(np.float32))
    return masks


def interpolated(cells, length):
    """The matrix (length, cells) that enlarges a line of cells by linear interpolation between their centres."""
    matrix = np.zeros((length, cells))
    for row in range(length):
        place = min(max((row + 0.5) * cells / length - 0.5, 0), cells - 1)
        low = int(place)
        high = min(low + 1, cells - 1)
        matrix[row, low] += 1 - (place - low)
        matrix[row, high] += place - low
    return matrix


@BOTH
def test_a_map_out_of_a_batch_is_the_map_of_the_picture_alone(method):
    module, inputs = seeded(Net()), pictures(3, size=(20, 27))
    options = {"masks": 40} if method is rise else {}
    alone = [map_of(method, module, inputs=inputs[i : i + 1], **options).raw for i in range(3)]
    from camctl.engine.cam import draw, fetch
    from camctl.engine.capture import Recorder
    from camctl.engine.layout import LayoutHints

    with Recorder(module, ["picture"], LayoutHints(), gradients=False) as recorder:
        recorder.forward(inputs, module)
        captures = recorder.captures([ClassQuestion(1)] * 3, None)
        together = fetch([draw(captures, method, aggregate="mean", options=options)])[0]
    for one, raw in zip(together, alone, strict=True):
        torch.testing.assert_close(one.raw, raw, rtol=1e-4, atol=1e-6)


@BOTH
def test_it_has_the_same_map_at_every_layer_and_batch_size(method):
    module, inputs = seeded(TinyCnn()), pictures()
    options = {"masks": 40} if method is rise else {}
    (one,) = drawn(module, inputs, ["block2.bn2"], [method], 3, options=options)
    (other,) = drawn(module, inputs, ["block1"], [method], 3, options={**options, "batch_size": 7})
    assert one.raw.shape == (32, 32)
    torch.testing.assert_close(one.raw, other.raw, rtol=1e-4, atol=1e-6)


def test_rise_costs_a_pass_a_mask_and_another_seed_draws_other_masks():
    module = seeded(Net())
    forward, batches = counted(module)
    (one,) = drawn(module, pictures(), ["picture"], [rise], 1, forward=forward, options={"masks": 50})
    assert batches == [1, 32, 18]
    assert not torch.equal(map_of(rise, module, 1, pictures(), masks=50, seed=1).raw, one.raw)


def test_the_last_window_ends_at_the_border():
    assert starts(20, 8, 5) == [0, 5, 10, 12]
    assert starts(8, 8, 4) == [0]
    assert starts(12, 4, 4) == [0, 4, 8]


@pytest.mark.parametrize(
    ("method", "options"),
    [
        (rise, {"masks": 1}),
        (rise, {"cells": 0}),
        (rise, {"probability": 1.0}),
        (rise, {"seed": -1}),
        (rise, {"batch_size": 0}),
        (occlusion, {"window": 99}),
        (occlusion, {"window": 4, "stride": 5}),
        (occlusion, {"window": -1}),
        (occlusion, {"batch_size": 0}),
    ],
    ids=lambda value: str(getattr(value, "name", value)),
)
def test_options_that_make_no_map_are_refused(method, options):
    with pytest.raises(InputError, match=r"not -?\d|do not cover"):
        map_of(method, Linear(), **options)
