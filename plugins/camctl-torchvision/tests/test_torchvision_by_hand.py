"""Maps made by hand with the package grad-cam and a reshape transform of one's own are camctl's maps."""

import numpy as np
import pytest
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.activations_and_gradients import ActivationsAndGradients
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torchvision_sweep import picture

import camctl


class Unaliased(ActivationsAndGradients):
    """grad-cam's hooks, keeping a copy and not the tensor that the net goes on to overwrite."""

    def save_activation(self, module, input, output):  # noqa: A002 - named so in grad-cam
        super().save_activation(module, input, output.clone())


def tokens_to_grid(tokens):
    """224 pixels in patches of 32, after a class token."""
    return tokens[:, 1:].reshape(len(tokens), 7, 7, -1).permute(0, 3, 1, 2)


def channels_first(features):
    return features.permute(0, 3, 1, 2)


@pytest.mark.parametrize(
    ("name", "layer", "reshape"),
    [
        ("resnet18", lambda net: net.layer4, None),
        ("vit_b_32", lambda net: net.encoder.layers[-1].ln_1, tokens_to_grid),
        ("swin_t", lambda net: net.norm, channels_first),
    ],
)
def test_map_equals_one_made_by_hand(name, layer, reshape):
    loaded = camctl.load(f"torchvision:{name}", random_weights=True)
    (ours,) = camctl.explain(loaded, picture(), methods=["GradCAM"]).maps
    inputs = loaded.preprocess(picture())[None]
    cam = GradCAM(loaded.module, [layer(loaded.module)], reshape_transform=reshape)
    hooks = cam.activations_and_grads
    hooks.release()
    cam.activations_and_grads = Unaliased(loaded.module, cam.target_layers, reshape)
    theirs = cam(inputs, [ClassifierOutputTarget(ours.target.index)])[0].astype(np.float64)
    cam.activations_and_grads.gradients.clear()  # it cannot let go of gradients that are views
    theirs = (theirs - theirs.min()) / np.ptp(theirs)

    assert np.ptp(ours.values) == pytest.approx(1)
    assert np.abs(ours.values - theirs).max() < 1e-4
