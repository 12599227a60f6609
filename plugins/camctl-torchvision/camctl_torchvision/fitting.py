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

if TYPE_CHECKING:
    from torch import Tensor, nn

    from camctl.kit.checkpoints import Weights

_HEADS = ("fc.weight", "head.weight", "heads.head.weight", "classifier.weight")
_LAST_OF_CLASSIFIER = re.compile(r"classifier\.(\d+)\.weight")
_AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")
_OLD_DENSENET = re.compile(
    r"(.*denselayer\d+\.(?:norm|relu|conv))\.([12])\.(weight|bias|running_mean|running_var|num_batches_tracked)"
)
MATRIX = 2


def build(name: str, *, classes: int | None = None, size: int | None = None) -> nn.Module:
    """Build a network with random weights; `classes` sizes the head, `size` (in pixels) a ViT's position embedding."""
    from torchvision.models import get_model

    arguments: dict[str, Any] = {} if classes is None else {"num_classes": classes}
    if name.startswith("vit_") and size is not None:
        arguments["image_size"] = size
    if name in {"googlenet", "inception_v3"}:
        # Auxiliary heads are not used in eval mode. Published weights expect their own scaling of inputs.
        arguments |= {"aux_logits": False, "transform_input": True, "init_weights": False}
    module: nn.Module = get_model(name, weights=None, **arguments)
    return module


def classes_in(state: Mapping[str, Tensor]) -> int | None:
    """Number of classes of the weights' head; None if they have no head."""
    for key in _HEADS:
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
    with seeded(seed):
        module = build(name, classes=classes_in(weights.state) or classes, size=size_in(weights.state))
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
