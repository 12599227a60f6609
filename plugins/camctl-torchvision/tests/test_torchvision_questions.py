"""torchvision's segmenters and detectors with random weights: maps against grad-cam's own targets."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import FasterRCNNBoxScoreTarget, SemanticSegmentationTarget
from torch import nn

import camctl
from camctl import Detection, Region

SIDE = 64

SEGMENTERS = {
    "deeplabv3_mobilenet_v3_large": None,
    "deeplabv3_resnet50": None,
    "fcn_resnet50": None,
    "lraspp_mobilenet_v3_large": "classifier.cbr.2",  # grad-cam sees the layer before it written over
}

DETECTORS = (
    "fasterrcnn_mobilenet_v3_large_320_fpn",
    "fasterrcnn_resnet50_fpn",
    "retinanet_resnet50_fpn",
    "fcos_resnet50_fpn",
    "ssdlite320_mobilenet_v3_large",
)


def picture():
    return (np.random.default_rng(0).random((SIDE, SIDE, 3)) * 255).astype(np.uint8)


def small(name):
    """A model with random weights that sees the picture at its own size."""
    loaded = camctl.load(f"torchvision:{name}", random_weights=True)
    if hasattr(loaded.module, "transform"):
        loaded.module.transform.min_size, loaded.module.transform.max_size = (128,), 160
    return replace(loaded, preprocess=lambda pixels: torch.from_numpy(pixels).permute(2, 0, 1).float() / 255)


class Part(nn.Module):
    """What grad-cam is given: a part of the output, boxes as they are found."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, x):
        output = self.module(x)
        if isinstance(output, dict):
            return output["out"]
        # The overlap of a box with itself has no slope: only the score is differentiated.
        return [{**found, "boxes": found["boxes"].detach()} for found in output]


def by_grad_cam(loaded, layer, target):
    layers = [loaded.module.get_submodule(layer)]
    with GradCAM(model=Part(loaded.module), target_layers=layers) as cam:
        map_ = cam(input_tensor=loaded.preprocess(picture())[None], targets=[target])[0]
    return map_ / map_.max()  # grad-cam adds 1e-7 to its divisor, and random weights have gradients of 1e-10


@pytest.mark.parametrize(("name", "layer"), SEGMENTERS.items())
def test_class_in_a_region_is_grad_cams(name, layer):
    loaded = small(name)
    asked = [Region(label, (16, 8, 48, 40)) for label in ("cat", "dog", "bus", "car", "cow")]
    explanation = camctl.explain(loaded, picture(), methods="GradCAM", targets=asked, target_layers=layer)
    cam = next(cam for cam in explanation.maps if not cam.blank)
    assert (explanation.output.kind, explanation.output.decided_by) == ("dense", "source")
    mask = np.zeros((SIDE, SIDE), np.float32)
    mask[8:40, 16:48] = 1
    theirs = by_grad_cam(loaded, cam.layers[0], SemanticSegmentationTarget(cam.target.index, mask))
    assert cam.target.title.endswith(" in 16,8,48,40")
    assert np.abs(cam.values - theirs).max() < 1e-4


@pytest.mark.parametrize("name", DETECTORS)
def test_score_of_a_box_is_grad_cams(name):
    loaded = small(name)
    (cam,) = camctl.explain(loaded, picture(), methods="GradCAM", targets=Detection(0)).maps
    with torch.no_grad():
        found = loaded.module(loaded.preprocess(picture())[None])[0]
    best = int(found["scores"].argmax())
    assert cam.target.score == pytest.approx(float(found["scores"][best]), abs=1e-6)
    assert cam.target.box == pytest.approx(found["boxes"][best].tolist(), abs=0.1)  # a view is measured
    target = FasterRCNNBoxScoreTarget([int(found["labels"][best])], found["boxes"][best : best + 1].numpy())
    theirs = by_grad_cam(loaded, cam.layers[0], target)
    assert cam.verdict == "ok"
    assert np.abs(cam.values - theirs).max() < 1e-4


@pytest.mark.parametrize("name", ["ssd300_vgg16", "ssdlite320_mobilenet_v3_large"])
def test_a_picture_that_a_detector_stretches_is_stretched_before_its_layers_are_looked_at(name):
    loaded = camctl.load(f"torchvision:{name}", random_weights=True)
    wide = (np.random.default_rng(0).random((120, 200, 3)) * 255).astype(np.uint8)
    (cam,) = camctl.explain(loaded, wide, methods="GradCAM", targets=Detection(0)).maps
    plain = torch.from_numpy(wide).permute(2, 0, 1).float()[None] / 255
    with torch.no_grad():
        found = loaded.module(plain)[0]
    assert cam.target.score == pytest.approx(float(found["scores"].max()), abs=1e-4)
    assert cam.target.box == pytest.approx(found["boxes"][int(found["scores"].argmax())].tolist(), abs=1)
    assert cam.grid[0] == cam.grid[1]
    assert loaded.input_size == loaded.preprocess(wide).shape[1:]


def test_published_detectors_keep_their_frozen_norms(tmp_path):
    from torchvision.models import get_model
    from torchvision.ops import FrozenBatchNorm2d

    built = get_model("fasterrcnn_mobilenet_v3_large_320_fpn", weights=None, weights_backbone=None)
    state = {key: value for key, value in built.state_dict().items() if not key.endswith("num_batches_tracked")}
    torch.save(state, tmp_path / "published.pth")
    loaded = camctl.load("torchvision:fasterrcnn_mobilenet_v3_large_320_fpn", tmp_path / "published.pth")
    assert not any(isinstance(part, nn.BatchNorm2d) for part in loaded.module.modules())
    assert any(isinstance(part, FrozenBatchNorm2d) for part in loaded.module.modules())
    assert loaded.class_names[1] == "person"


def test_segmenter_with_a_second_head_is_filled_whole(tmp_path):
    from torchvision.models import get_model

    built = get_model("fcn_resnet50", weights=None, weights_backbone=None, aux_loss=True, num_classes=3)
    torch.save(built.state_dict(), tmp_path / "own.pth")
    loaded = camctl.load("torchvision:fcn_resnet50", tmp_path / "own.pth")
    (head, _) = loaded.module.state_dict()["classifier.4.weight"].shape[:2]
    assert head == 3
    assert torch.equal(loaded.module.aux_classifier[4].weight, built.aux_classifier[4].weight)
