"""Maps made by hand with the package grad-cam and a reshape transform of one's own are camctl's maps."""

import numpy as np
import pytest
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.activations_and_gradients import ActivationsAndGradients
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn
from transformers import AutoTokenizer
from transformers_families import FAMILIES
from transformers_making import saved
from transformers_sweep import load, picture

import camctl


class Unaliased(ActivationsAndGradients):
    """grad-cam's hooks, keeping a copy and not the tensor that the net goes on to overwrite."""

    def save_activation(self, module, input, output):  # noqa: A002 - named so in grad-cam
        super().save_activation(module, input, output.clone())


class Logits(nn.Module):
    """What users of grad-cam wrap transformers' models in."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixel_values):
        return self.model(pixel_values=pixel_values).logits


def after(extra):
    """64 pixels in patches of 8, after extra tokens."""
    return lambda tokens: tokens[:, extra:].reshape(len(tokens), 8, 8, -1).permute(0, 3, 1, 2)


@pytest.mark.parametrize(
    ("name", "layer", "reshape"),
    [
        ("dinov2_with_registers", lambda net: net.dinov2_with_registers.layernorm, after(5)),
        ("deit-distilled", lambda net: net.deit.layers[-1].layernorm_before, after(2)),
        ("swin", lambda net: net.swin.layernorm, after(0)),
        ("resnet", lambda net: net.resnet.encoder.stages[-1], None),
    ],
)
def test_map_equals_one_made_by_hand(tmp_path, name, layer, reshape):
    saved(FAMILIES[name], tmp_path)
    loaded = load(FAMILIES[name], tmp_path)
    (ours,) = camctl.explain(loaded, picture(), methods=["GradCAM"]).maps
    inputs = loaded.preprocess(picture())[None]
    wrapped = Logits(loaded.module)
    cam = GradCAM(wrapped, [layer(loaded.module)], reshape_transform=reshape)
    cam.activations_and_grads.release()
    cam.activations_and_grads = Unaliased(wrapped, cam.target_layers, reshape)
    theirs = cam(inputs, [ClassifierOutputTarget(ours.target.index)])[0].astype(np.float64)
    cam.activations_and_grads.gradients.clear()  # it cannot let go of gradients that are views
    theirs = (theirs - theirs.min()) / np.ptp(theirs)

    assert ours.verdict == "ok"
    assert np.ptp(ours.values) == pytest.approx(1)
    assert np.abs(ours.values - theirs).max() < 1e-4


def test_a_zero_shot_map_equals_one_made_by_hand(tmp_path):
    """The score of a text, as CLIP's own forward pass with pictures and texts gives it."""
    family = FAMILIES["clip-zero-shot"]
    net = saved(family, tmp_path)
    loaded = load(family, tmp_path)
    (ours,) = camctl.explain(loaded, picture(), methods=["GradCAM"], targets=family.labels[1]).maps
    words = AutoTokenizer.from_pretrained(tmp_path)(list(family.labels), padding=True, return_tensors="pt")

    class Scored(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, pixel_values):
            return self.net(pixel_values=pixel_values, **words).logits_per_image

    wrapped = Scored().eval()
    (layer,) = ours.layers
    height, width = ours.grid
    inputs = loaded.preprocess(picture())[None]

    def reshape(tokens):
        return tokens[:, 1:].reshape(len(tokens), height, width, -1).permute(0, 3, 1, 2)

    cam = GradCAM(wrapped, [net.get_submodule(layer)], reshape_transform=reshape)
    cam.activations_and_grads.release()
    cam.activations_and_grads = Unaliased(wrapped, cam.target_layers, reshape)
    theirs = cam(inputs, [ClassifierOutputTarget(1)])[0].astype(np.float64)
    cam.activations_and_grads.gradients.clear()
    theirs = (theirs - theirs.min()) / np.ptp(theirs)

    assert ours.verdict == "ok"
    assert np.abs(ours.values - theirs).max() < 1e-4
