"""With global average pooling and one linear layer, CAM, GradCAM and HiResCAM are one map."""

import pytest
import torch

from camctl.methods.gradcam import gradcam
from camctl.methods.hirescam import hirescam
from tests.drawing import drawn
from tests.models import CLASSES, GapNet, pictures, seeded


@pytest.mark.parametrize("target", range(CLASSES))
def test_gradcam_and_hirescam_are_the_linear_layers_weights_times_features(target):
    module, inputs = seeded(GapNet()), pictures()
    with torch.no_grad():
        features = module.features(inputs)[0]
    places = features.shape[1] * features.shape[2]
    cam = torch.einsum("c,chw->hw", module.fc.weight[target].detach(), features) / places
    for one in drawn(module, inputs, ["features"], [gradcam, hirescam], target):
        torch.testing.assert_close(one.raw, cam, rtol=1e-4, atol=1e-6)


def test_the_maps_mean_is_the_logit_without_its_bias():
    module, inputs = seeded(GapNet()), pictures()
    (one,) = drawn(module, inputs, ["features"], [gradcam], 3)
    logit = module(inputs)[0, 3] - module.fc.bias[3]
    torch.testing.assert_close(one.raw.sum(), logit.detach(), rtol=1e-4, atol=1e-5)
