"""From pixels to a model input, according to timm's data config."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from camctl.errors import Hint, InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn


def make_preprocess(
    module: nn.Module, input_size: tuple[int, int] | None = None
) -> tuple[Callable[[NDArray[np.uint8]], Tensor], tuple[int, int]]:
    """Make a function from pixels (H, W, 3), uint8 RGB, to (3, h, w), float32; returned with (h, w).

    `input_size` is the user's; networks of a fixed size are built for it and define it themselves.
    """
    from timm.data.model_config import resolve_input_data_config
    from timm.data.transforms_factory import create_transform

    arguments = {} if input_size is None else {"input_size": (3, *input_size)}
    try:
        config = resolve_input_data_config(module, args=arguments)
    except ValueError as error:
        raise InputError(f"{error}", hint=Hint("Give one size", cfg_options="img_size=S")) from error
    channels, height, width = config["input_size"]
    if channels != 3:  # noqa: PLR2004
        message = f"The model takes pictures of {channels} channels; pictures have three."
        raise InputError(message, hint="Omit in_chans.")
    transform: Any = create_transform(
        input_size=(3, height, width),
        interpolation=config["interpolation"],
        mean=config["mean"],
        std=config["std"],
        crop_pct=config["crop_pct"],
        crop_mode=config["crop_mode"],
        is_training=False,
    )

    def preprocess(pixels: NDArray[np.uint8]) -> Tensor:
        import numpy as np
        import torch
        from PIL import Image

        inputs: Tensor = transform(Image.fromarray(np.ascontiguousarray(pixels)))
        return inputs.to(torch.float32)

    return preprocess, (int(height), int(width))
