"""Inputs of a loaded model: a prepared picture, or noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from camctl.plugin import LoadedModel
    from camctl.values.picture import Picture


def inputs_of(loaded: LoadedModel, picture: Picture | None, parameters: Iterable[Tensor] | None = None) -> Tensor:
    """Return the prepared picture (1, 3, h, w) on the model's device and in its precision.

    Without a picture: seeded noise of the model's usual input size. `parameters`: the model's, if they are at hand.
    """
    if picture is not None:
        inputs = loaded.preprocess(picture.pixels)[None]
    else:
        inputs = torch.randn(1, 3, *loaded.input_size, generator=torch.Generator().manual_seed(0))
    own = loaded.module.parameters() if parameters is None else parameters
    weight = next((parameter for parameter in own if parameter.is_floating_point()), None)
    return inputs if weight is None else inputs.to(weight.device, weight.dtype)
