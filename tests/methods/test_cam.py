"""CAM of 2015: the oracle that newer methods must equal where it applies, and a clear word where it does not."""

import pytest
import torch
from torch import nn

from camctl.errors import InputError
from camctl.methods.cam import cam
from camctl.methods.gradcam import gradcam
from camctl.methods.hirescam import hirescam
from tests.drawing import drawn, same, snapshot
from tests.models import CLASSES, ChannelsLast, GapNet, TinyCnn, TinyVit, of_mmpretrain, pictures, seeded


class ConvHead(GapNet):
    """Its head is a convolution on what the pooling leaves."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Conv2d(6, CLASSES, 1, bias=False)

    def forward(self, x):
        return self.fc(self.features(x).mean((2, 3), keepdim=True)).flatten(1)


CASES = {
    "pooling": (lambda: seeded(GapNet()), "features", (32, 32)),
    "convolution for a head": (lambda: seeded(ConvHead()), "features", (32, 32)),
    "cnn": (lambda: seeded(TinyCnn()), "block2", (32, 32)),
    "mmpretrain cnn": (lambda: of_mmpretrain("cnn"), "backbone.layer4.1", (64, 64)),
    "mmpretrain swin": (lambda: of_mmpretrain("swin"), "backbone.norm2", (64, 64)),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("aug_smooth", [False, True])
def test_cam_is_gradcam_and_hirescam_up_to_the_number_of_places(case, aug_smooth):
    make, layer, size = CASES[case]
    first, *others = drawn(make(), pictures(size=size), [layer], [cam, gradcam, hirescam], 2, aug_smooth=aug_smooth)
    assert first.verdict.name == "ok"
    for other in others:
        torch.testing.assert_close(first.raw / first.raw.numel(), other.raw, rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(first.values, other.values, rtol=0, atol=1e-5)


@pytest.mark.parametrize("target", range(CLASSES))
def test_cam_is_the_linear_layers_weights_times_features(target):
    module, inputs = seeded(GapNet()), pictures()
    with torch.no_grad():
        features = module.features(inputs)[0]
    (one,) = drawn(module, inputs, ["features"], [cam], target)
    torch.testing.assert_close(one.raw, torch.einsum("c,chw->hw", module.fc.weight[target].detach(), features))


def test_the_sum_of_gradcams_map_is_the_logit_without_its_bias():
    module, inputs = seeded(GapNet()), pictures()
    (one,) = drawn(module, inputs, ["features"], [gradcam], 3)
    logit = module(inputs)[0, 3] - module.fc.bias[3]
    torch.testing.assert_close(one.raw.sum(), logit.detach(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "layer", "size", "named"),
    [
        (lambda: seeded(TinyCnn()), "block2.bn2", (32, 32), "block2"),
        (lambda: of_mmpretrain("cnn"), "backbone.layer4.1.bn2", (64, 64), "backbone.layer4"),
        (lambda: of_mmpretrain("swin"), "backbone.stages.2.blocks.1.norm2", (64, 64), "backbone.norm2"),
    ],
)
def test_another_layer_is_told_which_one_to_take(make, layer, size, named):
    module, inputs = make(), pictures(size=size)
    before = snapshot(module)
    with pytest.raises(InputError, match=f"'{layer}' is not it") as raised:
        drawn(module, inputs, [layer], [cam], 0)
    assert raised.value.hint == f"Name it: --target-layers {named}"
    assert same(before, snapshot(module))
    verdict = drawn(module, inputs, [named], [cam], 0)[0].verdict
    assert verdict.name == "negative-only" or not verdict.blank


class Squared(GapNet):
    """Has the layers that CAM looks for, and does not use them as CAM needs."""

    def forward(self, x):
        return super().forward(x) ** 2


class LooksLike(GapNet):
    """Its pooling is a maximum."""

    def forward(self, x):
        return self.fc(self.features(x).amax((2, 3)))


@pytest.mark.parametrize(
    ("module", "layer"),
    [
        (seeded(TinyVit()), "layers.1.ln1"),
        (seeded(Squared()), "features"),
        (seeded(LooksLike()), "features"),
    ],
)
def test_another_head_is_told_of_gradcam(module, layer):
    with pytest.raises(InputError, match="one linear layer on the mean over the grid") as raised:
        drawn(module, pictures(), [layer], [cam], 0)
    assert "GradCAM" in raised.value.hint


def test_a_relu_between_the_layer_and_the_pooling_is_not_overlooked():
    with pytest.raises(InputError):
        drawn(seeded(ChannelsLast()), pictures(size=(32, 64)), ["norm"], [cam], 0)


def test_a_model_without_a_linear_layer_is_ruled_out_beforehand():
    assert cam.cannot(seeded(GapNet())) == ""
    assert "there is none" in cam.cannot(nn.Sequential(nn.Conv2d(3, 5, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()))
