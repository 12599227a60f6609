"""The map of `camctl.explain` is the one that a user of the package grad-cam makes by hand for timm's models."""

import numpy as np
import pytest
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.activations_and_gradients import ActivationsAndGradients
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

from camctl.pipeline.explain import explain as explain_


class Unaliased(ActivationsAndGradients):
    """grad-cam's hooks with one repair: what is kept is a copy, not the tensor that the net goes on to overwrite."""

    def save_activation(self, module, input, output):  # noqa: A002 - named so in grad-cam
        super().save_activation(module, input, output.clone() if self.detach else output)


def by_hand(module, layer, reshape, inputs, target):
    """What grad-cam draws, 0..1, at the input's size."""
    cam = GradCAM(module, [layer], reshape_transform=reshape)
    cam.activations_and_grads.release()
    cam.activations_and_grads = hooks = Unaliased(module, [layer], reshape)
    drawn = cam(inputs, [ClassifierOutputTarget(target)])[0]
    hooks.gradients.clear()
    hooks.release()
    module.zero_grad()
    return (drawn - drawn.min()) / np.ptp(drawn)


def tokens(output):
    """(N, 1 + H*W, C) of the test ViT -> (N, C, 10, 10)."""
    return output[:, 1:].reshape(len(output), 10, 10, -1).permute(0, 3, 1, 2)


def channels_last(output):
    return output.permute(0, 3, 1, 2)


@pytest.mark.parametrize(
    ("name", "layer", "reshape"),
    [
        ("test_resnet", "layer4", None),
        ("test_vit", "blocks.5.norm1", tokens),
        ("swin_tiny_patch4_window7_224", "norm", channels_last),
    ],
)
def test_the_map_is_grad_cams(load, pixels, name, layer, reshape):
    loaded = load(name)
    (cam,) = explain_(loaded, pixels, methods=["GradCAM"]).maps

    inputs = loaded.preprocess(pixels)[None]
    theirs = by_hand(loaded.module, loaded.module.get_submodule(layer), reshape, inputs, cam.target.index)

    assert cam.layers == (layer,)
    assert cam.verdict == "ok"
    assert cam.values.shape == theirs.shape
    assert np.abs(cam.values - theirs).max() < 1e-4


def test_the_comparison_would_see_a_wrong_layout(load, pixels):
    """Rows for columns is the usual mistake."""
    loaded = load("test_vit")
    (cam,) = explain_(loaded, pixels, methods=["GradCAM"]).maps
    inputs = loaded.preprocess(pixels)[None]
    wrong = by_hand(loaded.module, loaded.module.blocks[5].norm1, lambda out: tokens(out).mT, inputs, cam.target.index)

    assert np.abs(cam.values - wrong).max() > 0.1
    assert torch.equal(inputs, loaded.preprocess(pixels)[None])
