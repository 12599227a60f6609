"""From a picture's pixels to a model's input, as timm's own data config has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from camctl.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn


def make_preprocess(
    module: nn.Module, input_size: tuple[int, int] | None = None
) -> tuple[Callable[[NDArray[np.uint8]], Tensor], tuple[int, int]]:
    """Pixels (H, W, 3), uint8 RGB -> (3, h, w), float32; and (h, w).

    `input_size` is what the user asked for; nets of a fixed size are built for it, and go before it.
    """
    from timm.data.model_config import resolve_input_data_config
    from timm.data.transforms_factory import create_transform

    asked = {} if input_size is None else {"input_size": (3, *input_size)}
    try:
        config = resolve_input_data_config(module, args=asked)
    except ValueError as error:
        raise InputError(f"{error}", hint="Give one size: --cfg-options img_size=S") from error
    channels, height, width = config["input_size"]
    if channels != 3:  # noqa: PLR2004
        message = f"The model takes pictures of {channels} channels, and pictures have three."
        raise InputError(message, hint="Leave out in_chans.")
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

        made: Tensor = transform(Image.fromarray(np.ascontiguousarray(pixels)))
        return made.to(torch.float32)

    return preprocess, (int(height), int(width))
