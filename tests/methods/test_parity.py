"""Every built-in method is grad-cam's, to 1e-4 on the normalised map."""

from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
import pytorch_grad_cam
import torch
import torchvision

from camctl.engine.cam import draw
from camctl.engine.capture import Recorder
from camctl.engine.layout import LayoutHints
from camctl.engine.maps import augment
from camctl.methods.xgradcam import xgradcam
from camctl.plugin import ClassQuestion
from tests.methods.parity_table import BUILT_IN, FAMILIES, SMOOTHINGS, compare, turned

TOLERANCE = 1e-4


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize(("family", "smoothing"), list(product(FAMILIES, SMOOTHINGS)))
def test_built_in_methods_equal_grad_cam(family, smoothing, layers):
    differences = {kind: compare(kind, family, smoothing, layers) for kind in BUILT_IN}
    assert {kind: value for kind, value in differences.items() if not value <= TOLERANCE} == {}


def test_the_oracle_needs_its_repair():
    """Left as it is, grad-cam draws the block's output in place of the norm's, because it keeps an alias."""
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    from camctl.methods.gradcam import gradcam
    from tests.drawing import difference, drawn, stretched
    from tests.models import TinyCnn, pictures, seeded

    module, inputs = seeded(TinyCnn(inplace=True)), pictures()
    (ours,) = drawn(module, inputs, ["block2.bn2"], [gradcam], 1)
    aliased = pytorch_grad_cam.GradCAM(module, [module.block2.bn2])(inputs, [ClassifierOutputTarget(1)])[0]
    assert difference(ours.values, stretched(aliased)) > 1e-2


EXACT = 1e-6

NETS = {
    "resnet18": ("layer4.1.bn2", 96),
    "densenet121": ("features.norm5", 96),
    "swin_t": ("features.7.1.norm1", 224),
    "vit_b_16": ("encoder.layers.encoder_layer_10.ln_2", 224),
}
"""torchvision's net -> a layer whose activations have both signs, and the side of its input."""


def in_float64(kind, capture):
    """grad-cam's map of a capture's own tensors, copied to float64: (rows, H, W)."""
    made = getattr(pytorch_grad_cam, kind)
    cam = made.__new__(made)
    cam.uses_gradients, cam.activations_and_grads = True, SimpleNamespace(release=lambda: None)
    tensors = (part.detach().double().numpy() for part in (capture.activations, capture.gradients))
    with turned():
        return np.asarray(cam.get_cam_image(None, None, None, *tensors, False))


@pytest.mark.parametrize(("name", "views"), [*((name, 1) for name in NETS), ("resnet18", 6)])
def test_arithmetic_is_as_exact_as_that_of_grad_cam_in_float64(name, views):
    layer, side = NETS[name]
    torch.manual_seed(0)
    module, inputs = getattr(torchvision.models, name)(weights=None).eval(), torch.randn(1, 3, side, side)
    if name == "vit_b_16":  # torchvision draws its head as zeros
        torch.nn.init.normal_(module.heads.head.weight)
    if views == 6:
        inputs = augment(inputs)
    with Recorder(module, [layer], LayoutHints(), gradients=True, views=views) as recorder:
        recorder.forward(inputs, module)
        (capture,) = recorder.captures(ClassQuestion(3), recorder.backward(ClassQuestion(3), last=True))
        off = {}
        for kind, ours in BUILT_IN.items():
            wanted = in_float64(kind, capture)
            raw = draw([capture], ours, aggregate="mean").raws[0].double().numpy()
            off[kind] = np.abs(raw - wanted).max() / np.abs(wanted).max()
    assert {kind: value for kind, value in off.items() if not value <= EXACT} == {}


def test_a_channel_whose_sum_is_rounding_has_no_weight_in_xgradcam():
    activations = torch.ones(1, 2, 2, 2)
    activations[0, 1] = torch.tensor([[1.0, -1.0], [1.0, -1.0 + 6e-8]])
    gradients = torch.arange(8.0).reshape(1, 2, 2, 2)
    evidence = xgradcam.compute(SimpleNamespace(activations=activations, gradients=gradients))
    assert torch.equal(evidence[0, 1], torch.zeros(2, 2))
    assert torch.allclose(evidence[0, 0], torch.full((2, 2), 6.0 / 4))
