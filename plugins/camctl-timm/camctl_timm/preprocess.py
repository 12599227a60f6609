"""From pixels to a model input, according to timm's data config."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from camctl.errors import Hint, InputError
from camctl.kit.bands import RGB, grey, unit

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor, nn


def make_preprocess(
    module: nn.Module, input_size: tuple[int, int] | None = None
) -> tuple[Callable[[NDArray[Any]], Tensor], tuple[int, int], int]:
    """Make a function from pixels (H, W, bands) to (channels, h, w), float32; returned with (h, w) and the bands.

    A network of one channel takes RGB, made grey, and one of other channels than three as many bands.
    `input_size` is the user's; networks of a fixed size are built for it and define it themselves.
    """
    from timm.data.model_config import get_model_input_config, resolve_input_data_config
    from timm.data.transforms_factory import create_transform

    channels = int(get_model_input_config(module)["input_size"][0])
    arguments: dict[str, Any] = {} if input_size is None else {"input_size": (channels, *input_size)}
    try:
        config = resolve_input_data_config(module, args=arguments)
    except ValueError as error:
        raise InputError(f"{error}", hint=Hint("Give one size", cfg_options="img_size=S")) from error
    channels, height, width = config["input_size"]
    transform: Any = create_transform(
        input_size=(channels, height, width),
        interpolation=config["interpolation"],
        mean=config["mean"],
        std=config["std"],
        crop_pct=config["crop_pct"],
        crop_mode=config["crop_mode"],
        is_training=False,
    )

    bands = RGB if channels == 1 else int(channels)

    def preprocess(pixels: NDArray[Any]) -> Tensor:
        import numpy as np
        import torch
        from PIL import Image

        if bands == RGB:
            shown = grey(pixels) if channels == 1 else pixels
            picture: Any = Image.fromarray(np.ascontiguousarray(shown))
        else:  # timm's transforms take tensors as well
            picture = torch.from_numpy(np.ascontiguousarray(unit(pixels).transpose(2, 0, 1)))
        inputs: Tensor = transform(picture)
        return inputs.to(torch.float32)

    return preprocess, (int(height), int(width)), bands
