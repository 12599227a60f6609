"""Build the network that a file's weights are for, and put them into it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from camctl.kit.checkpoints import State, Weights
from camctl.kit.fitting import OTHER_SIZES, fit

if TYPE_CHECKING:
    from torch import Tensor, nn

_HEADS = ("fc.weight", "head.weight", "heads.head.weight", "classifier.weight")
_LAST_OF_CLASSIFIER = re.compile(r"classifier\.(\d+)\.weight")
_AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")
_OLD_DENSENET = re.compile(
    r"(.*denselayer\d+\.(?:norm|relu|conv))\.([12])\.(weight|bias|running_mean|running_var|num_batches_tracked)"
)
MATRIX = 2


def build(name: str, *, classes: int | None = None, size: int | None = None) -> nn.Module:
    """The network, drawn at random. `classes` sizes the head; `size` (pixels a side) a ViT's position embedding."""
    from torchvision.models import get_model

    given: dict[str, Any] = {} if classes is None else {"num_classes": classes}
    if name.startswith("vit_") and size is not None:
        given["image_size"] = size
    if name in {"googlenet", "inception_v3"}:
        # In eval mode the heads at the side are never read. Published weights expect their own scaling of inputs.
        given |= {"aux_logits": False, "transform_input": True, "init_weights": False}
    module: nn.Module = get_model(name, weights=None, **given)
    return module


def classes_in(state: Mapping[str, Tensor]) -> int | None:
    """How many classes the weights' head tells apart; None where they hold no head."""
    for key in _HEADS:
        if key in state:
            return int(state[key].shape[0])
    found = {
        int(match[1]): value
        for key, value in state.items()
        if (match := _LAST_OF_CLASSIFIER.fullmatch(key)) and value.ndim >= MATRIX
    }
    return int(found[max(found)].shape[0]) if found else None


def size_in(state: Mapping[str, Tensor]) -> int | None:
    """Pixels a side that a ViT's position embedding is for; None for other networks, whose size is free."""
    position, patch = state.get("encoder.pos_embedding"), state.get("conv_proj.weight")
    if position is None or patch is None:
        return None
    return int(round((position.shape[1] - 1) ** 0.5) * patch.shape[-1])


def fill(module: nn.Module, weights: Weights, name: str) -> tuple[str, ...]:
    """Load the weights in place, on the CPU, under today's names; one note for what is missing or left over.

    Raises `InputError` where sizes differ or where nothing fits.
    """
    # The head has been built as the file has it.
    return fit(module, replace(weights, state=_state_for(name, weights.state)), hint=OTHER_SIZES, where=name)


def _state_for(name: str, given: State) -> State:
    """The weights under today's names, without the heads at the side."""
    versions = given.versions
    if versions is None and name.startswith("mnasnet"):
        # Files other than torch's own carry no versions; MNASNet's layout of today is the second.
        versions = {"": {"version": 2}}
    return State(
        (
            (_OLD_DENSENET.sub(r"\1\2.\3", key) if name.startswith("densenet") else key, value)
            for key, value in given.items()
            if not key.startswith(_AUXILIARY)
        ),
        versions=versions,
    )
