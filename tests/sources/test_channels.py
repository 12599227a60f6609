"""A model gets the channels that its first layer takes: grey, colours, or the bands of a picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import camctl
from camctl.errors import InputError
from camctl.kit.bands import channels_of, unit
from camctl.pipeline.load import loaded_of
from camctl.values.picture import Picture


class Net(nn.Module):
    """A small network of pictures of so many channels."""

    input_size = (64, 64)

    def __init__(self, channels):
        super().__init__()
        torch.manual_seed(0)
        # Registered before the layer that runs first.
        self.head, self.late = nn.Linear(8, 3), nn.Conv2d(16, 8, 3, 2, 1)
        self.early = nn.Conv2d(channels, 16, 3, 2, 1)
        self.eval()

    def forward(self, x):
        return self.head(self.late(self.early(x).relu()).relu().mean((2, 3)))


class NormFirst(Net):
    def __init__(self, channels):
        super().__init__(channels)
        self.norm = nn.BatchNorm2d(channels)
        self.eval()

    def forward(self, x):
        return super().forward(self.norm(x))


class MakesGrey(Net):
    def __init__(self, _channels):
        super().__init__(1)

    def forward(self, x):
        return super().forward(x.mean(1, keepdim=True))


class Broken(Net):
    def forward(self, x):
        raise ValueError("broken")


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (80, 64, 3)).astype(np.uint8)


@pytest.fixture
def bands():
    return np.random.default_rng(1).integers(0, 10000, (64, 64, 6)).astype(np.uint16)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 6, 12])
@pytest.mark.parametrize("kind", [Net, NormFirst])
def test_the_first_layer_that_runs_decides(kind, channels):
    net = kind(channels).train()
    assert channels_of(net, (64, 64)) == channels
    assert net.training
    assert not any(part._forward_pre_hooks for part in net.modules())


def test_a_network_that_makes_its_own_grey_takes_colours():
    assert channels_of(MakesGrey(3), (64, 64)) == 3


@pytest.mark.parametrize("net", [Broken(3), nn.Linear(4, 2), nn.Sequential(nn.Flatten(), nn.LazyLinear(3))])
def test_where_no_layer_sees_a_picture_nothing_is_claimed(net):
    assert channels_of(net, (64, 64)) is None


def test_a_network_of_grey_gets_the_luma_of_colours(pixels):
    net = Net(1)
    net.mean, net.std = (0.13,), (0.31,)
    inputs = loaded_of(net).preprocess(np.full((64, 64, 3), (200, 100, 50), np.uint8))
    grey = round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)
    assert inputs.shape == (1, 64, 64)
    assert torch.allclose(inputs, torch.full_like(inputs, (grey / 255 - 0.13) / 0.31), atol=1e-5)
    assert camctl.explain(net, pixels).maps[0].grid == (16, 16)


def test_grey_takes_the_mean_of_three_means():
    net = Net(1)
    net.mean, net.std = (0.2, 0.4, 0.6), (0.1, 0.2, 0.3)
    inputs = loaded_of(net).preprocess(np.zeros((64, 64, 3), np.uint8))
    assert torch.allclose(inputs, torch.full_like(inputs, -0.4 / 0.2))


def test_six_channels_get_all_six_bands(bands):
    net = Net(6)
    net.mean, net.std = tuple(bands.mean((0, 1)).tolist()), tuple(bands.std((0, 1)).tolist())
    loaded = loaded_of(net)
    assert loaded.bands == 6
    middle = bands[4:-4, 4:-4].mean((0, 1))
    seen = loaded.preprocess(bands).mean((1, 2)).numpy() * bands.std((0, 1)) + bands.mean((0, 1))
    assert np.abs(seen - middle).max() < 0.05 * middle.max()
    assert camctl.explain(net, bands).maps[0].grid == (16, 16)


def test_bands_without_a_mean_are_scaled_to_0_to_1(bands):
    loaded = loaded_of(Net(6))
    seen = loaded.preprocess(bands)
    assert float(seen.min()) >= 0
    assert 0.25 < float(seen.mean()) < 0.36  # 5000 of 16383
    assert "values 0..1" in loaded.notes[0]


@pytest.mark.parametrize(("numbers", "wanted"), [([0, 255], [0, 1]), ([0, 4095], [0, 1]), ([0.0, 0.5], [0, 0.5])])
def test_unit_is_the_share_of_white(numbers, wanted):
    array = np.array(numbers, np.uint16 if isinstance(numbers[1], int) else np.float32)[:, None, None]
    assert unit(array)[:, 0, 0].tolist() == pytest.approx(wanted)


def test_a_preprocessing_of_ones_own_gets_the_numbers_as_they_are(bands):
    net, seen = Net(6), []

    def preprocess(array):
        seen.append(array)
        return torch.from_numpy(array.astype(np.float32) / 10000).permute(2, 0, 1)[:, :64, :64]

    net.preprocess = preprocess
    camctl.explain(net, bands)
    assert any(array.dtype == np.uint16 and np.array_equal(array, bands) for array in seen)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_after_loading_a_preprocessing_of_bands_gets_the_pictures_type_alone(bands, kind):
    net, seen = Net(6), []

    def preprocess(array):
        seen.append(array.dtype)
        return torch.from_numpy(array.astype(np.float32) / 10000).permute(2, 0, 1)[:, :64, :64]

    net.preprocess = preprocess
    loaded = loaded_of(net)
    seen.clear()
    camctl.explain(loaded, (bands // 50).astype(kind))
    assert set(seen) == {np.dtype(kind)}


def test_a_range_for_a_model_of_the_pictures_own_numbers_is_refused(bands):
    net = Net(6)
    net.mean, net.std = (5000.0,) * 6, (100.0,) * 6
    assert camctl.explain(net, bands.astype(np.float32)).maps
    with pytest.raises(InputError, match="own numbers"):
        camctl.explain(net, bands, reading=camctl.Reading(range=(0, 10000)))


def test_a_preprocessing_that_makes_more_channels_of_colours_gets_colours(pixels):
    net = Net(4)
    net.preprocess = lambda array: torch.from_numpy(np.dstack([array, array[..., :1]])).permute(2, 0, 1)[:, :64, :64]
    assert loaded_of(net).bands == 3
    assert camctl.explain(net, pixels).maps[0].grid == (16, 16)


@pytest.mark.parametrize("channels", [1, 3, 6])
def test_noise_and_a_check_have_the_channels_of_the_model(channels):
    net = Net(channels)
    assert camctl.survey(net).default
    assert camctl.check(net).input_size == (64, 64)


def test_a_picture_of_three_bands_is_refused_for_six(pixels):
    with pytest.raises(InputError, match=r"takes pictures of 6 bands, and '<array>' has 3"):
        camctl.explain(Net(6), pixels)


def test_a_model_of_colours_sees_the_bands_that_are_shown(bands):
    net = Net(3)
    explanation = camctl.explain(net, bands, reading=camctl.Reading(bands=(4, 3, 2), range=(0, 10000)))
    shown = np.round(bands[..., [3, 2, 1]] * (255 / 10000)).astype(np.uint8)
    assert np.array_equal(explanation.maps[0].picture.pixels, shown)
    assert np.array_equal(explanation.maps[0].raw, camctl.explain(net, shown).maps[0].raw)


def test_the_note_on_a_picture_stands_with_its_map(bands):
    assert any("6 bands" in note for note in camctl.explain(Net(3), bands).notes)
    assert camctl.explain(Net(3), Picture("x", np.zeros((64, 64, 3), np.uint8))).notes[1:] == ()
