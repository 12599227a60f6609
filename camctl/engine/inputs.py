"""What a loaded model is given: a picture, or noise where there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from camctl.plugin import LoadedModel
    from camctl.values.picture import Picture


def inputs_of(loaded: LoadedModel, picture: Picture | None) -> Tensor:
    """The picture as the model is given it, (1, 3, h, w), on the model's device and in its precision.

    Without a picture: seeded noise of the model's usual input size.
    """
    if picture is not None:
        inputs = loaded.preprocess(picture.pixels)[None]
    else:
        inputs = torch.randn(1, 3, *loaded.input_size, generator=torch.Generator().manual_seed(0))
    weight = next((p for p in loaded.module.parameters() if p.is_floating_point()), None)
    return inputs if weight is None else inputs.to(weight.device, weight.dtype)
