"""Build the network that a file's weights are for, and load them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from camctl.errors import InputError
from camctl.kit.fitting import OTHER_SIZES, fit
from camctl.kit.random_weights import seeded
from camctl.kit.renaming import aligned, likely
from camctl_torchvision.names import task_of

if TYPE_CHECKING:
    from torch import Tensor, nn

    from camctl.kit.checkpoints import Weights

_HEADS = ("fc.weight", "head.weight", "heads.head.weight", "classifier.weight")
_DETECTORS = ("roi_heads.box_predictor.cls_score.weight", "classifier.low_classifier.weight")
_LAST_OF_CLASSIFIER = re.compile(r"classifier\.(\d+)\.weight")
_AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")
_OLD_DENSENET = re.compile(
    r"(.*denselayer\d+\.(?:norm|relu|conv))\.([12])\.(weight|bias|running_mean|running_var|num_batches_tracked)"
)
MATRIX = 2


EVERY_BOX = {"box_score_thresh": 0.0}
"""Arguments by which a two-stage detector keeps boxes of any score: random weights give none a high one."""

EPSILON_0 = {"fasterrcnn_resnet50_fpn", "maskrcnn_resnet50_fpn", "keypointrcnn_resnet50_fpn", "retinanet_resnet50_fpn"}
"""Detectors whose published weights were trained with frozen norms that add nothing to the variance."""


def build(
    name: str,
    *,
    classes: int | None = None,
    size: int | None = None,
    auxiliary: bool = False,
    every_box: bool = False,
) -> nn.Module:
    """Build a network with random weights; `classes` sizes the head, `size` (in pixels) a ViT's position embedding.

    `auxiliary`: with a segmenter's second head. `every_box`: a detector keeps boxes of any score.
    """
    from torchvision.models import get_model

    arguments: dict[str, Any] = {} if classes is None else {"num_classes": classes}
    if name.startswith("vit_") and size is not None:
        arguments["image_size"] = size
    if name in {"googlenet", "inception_v3"}:
        # Auxiliary heads are not used in eval mode. Published weights expect their own scaling of inputs.
        arguments |= {"aux_logits": False, "transform_input": True, "init_weights": False}
    task = task_of(name)
    if task != "classification":
        arguments["weights_backbone"] = None
    if task == "segmentation" and not name.startswith("lraspp"):
        arguments["aux_loss"] = auxiliary
    if task == "detection" and every_box:
        arguments |= EVERY_BOX if "rcnn" in name else {"score_thresh": 0.0}
    module: nn.Module = get_model(name, weights=None, **arguments)
    return module


def frozen(module: nn.Module, name: str) -> None:
    """Replace a detector's batch norms by the frozen ones of published weights, which count no batches."""
    from torch import nn
    from torchvision.ops import FrozenBatchNorm2d

    for parent in list(module.modules()):
        for child, part in list(parent.named_children()):
            if isinstance(part, nn.BatchNorm2d):
                setattr(parent, child, FrozenBatchNorm2d(part.num_features, eps=0.0 if name in EPSILON_0 else part.eps))


def classes_in(state: Mapping[str, Tensor]) -> int | None:
    """Number of classes of the weights' head; None if they have no head."""
    for key in (*_HEADS, *_DETECTORS):
        if key in state:
            return int(state[key].shape[0])
    layers = {
        int(match[1]): value
        for key, value in state.items()
        if (match := _LAST_OF_CLASSIFIER.fullmatch(key)) and value.ndim >= MATRIX
    }
    return int(layers[max(layers)].shape[0]) if layers else None


def size_in(state: Mapping[str, Tensor]) -> int | None:
    """Input size in pixels of a ViT's position embedding; None for other networks, which take any size."""
    position, patch = state.get("encoder.pos_embedding"), state.get("conv_proj.weight")
    if position is None or patch is None:
        return None
    return int(round((position.shape[1] - 1) ** 0.5) * patch.shape[-1])


def renamed(weights: Weights, name: str) -> Weights:
    """Return weights under the current names of a network's weights."""
    versions = weights.versions
    if versions is None and name.startswith("mnasnet"):
        # Only torch's own files have versions; MNASNet's current layout is the second.
        versions = {"": {"version": 2}}
    state = {
        _OLD_DENSENET.sub(r"\1\2.\3", key) if name.startswith("densenet") else key: value
        for key, value in weights.state.items()
        if not key.startswith(_AUXILIARY)
    }
    weights = replace(weights, state=state, versions=versions)
    if classes_in(state) is None:  # under other names, such as Lightning's
        with seeded(0):
            weights = aligned(build(name), weights)
    return weights


def filled(name: str, weights: Weights, classes: int, seed: int) -> tuple[nn.Module, tuple[str, ...]]:
    """Build a network with renamed weights, and notes on what is not there or not used.

    Raises `InputError` if a parameter is not there or has another size.
    """
    auxiliary = any(key.startswith("aux_classifier.") for key in weights.state)
    with seeded(seed):
        own = classes_in(weights.state) or classes
        module = build(name, classes=own, size=size_in(weights.state), auxiliary=auxiliary)
    counted = any(key.endswith("num_batches_tracked") for key in weights.state)
    if task_of(name) == "detection" and not counted:
        frozen(module, name)
    try:
        # The head was built for the file's classes.
        return module, fit(module, weights, hint=OTHER_SIZES, where=name)
    except InputError as error:
        if other := likely(weights, _relatives(name)):
            raise InputError(error.message, hint=f"The weights fit torchvision:{other}.") from error
        raise


def _relatives(name: str) -> list[tuple[str, Callable[[], nn.Module]]]:
    """Networks of the same family, by the letters that their names begin with, and how to build them."""
    import torchvision
    from torchvision.models import list_models

    family = re.match(r"(wide_)?([a-z]+)", name)
    names = [
        other for other in list_models(module=torchvision.models) if family and family[2] in other and other != name
    ]
    return [(other, partial(build, other)) for other in names]
