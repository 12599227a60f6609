"""Pictures for models of other than three channels: how many a model takes, and how a picture is given to it."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

RGB = 3


class _Reached(BaseException):
    """The first layer that sees the picture is reached; no network catches this."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels


def channels_of(module: nn.Module, size: tuple[int, int]) -> int | None:
    """Return the number of channels of the pictures that a module takes, read off the first layer that sees one.

    The module runs on a picture (height, width) of zeros until that layer, once with three channels and, if it fails,
    with as many as its first convolution has. None if no such layer runs.
    """
    import torch

    layers = [part for part in module.modules() if _takes(part) is not None]
    hooks = [layer.register_forward_pre_hook(_stop, with_kwargs=True) for layer in layers]
    first = next(module.parameters(), torch.empty(0))
    modes = [(part, part.training) for part in module.modules()]
    compiled = "torch._dynamo" in sys.modules
    try:
        module.eval()
        for channels in dict.fromkeys((RGB, *(_takes(layer) or RGB for layer in layers[:1]))):
            picture = torch.zeros(1, channels, *size, device=first.device)
            try:
                # A compiled network runs as it was written: compiling takes long, and hooks may not fire.
                with torch.no_grad(), torch.compiler.set_stance("force_eager") if compiled else nullcontext():
                    module(picture.to(first.dtype) if first.is_floating_point() else picture)
            except _Reached as reached:
                return reached.channels or channels
            except Exception:  # noqa: BLE001, S112 - the module is the user's, and says so when it is explained
                continue
    finally:
        for hook in hooks:
            hook.remove()
        for part, mode in modes:
            part.training = mode
    return None


def _takes(part: nn.Module) -> int | None:
    """Return the number of channels of a layer that may see the picture; None for other modules."""
    from torch import nn

    if isinstance(part, nn.Conv2d) and not isinstance(part, nn.LazyConv2d):
        return part.in_channels
    if isinstance(part, nn.BatchNorm2d | nn.InstanceNorm2d):
        return part.num_features
    return None


def _stop(part: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """End the pass: with the layer's channels if it sees others, with none if all is well."""
    seen = next((value for value in (*args, *kwargs.values()) if hasattr(value, "ndim")), None)
    if seen is None or seen.ndim != 4:  # noqa: PLR2004
        return
    wanted = _takes(part)
    raise _Reached(0 if wanted is None or seen.shape[1] == wanted else wanted)


def input_shape(preprocess: Callable[[NDArray[Any]], Tensor], size: tuple[int, int], bands: int) -> tuple[int, ...]:
    """Return the shape (channels, h, w) of a model's input."""
    import numpy as np

    return (int(preprocess(np.zeros((*size, bands), np.uint8)).shape[0]), *size)


def grey(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return grey pixels (H, W) of pixels (H, W, 3), uint8 RGB, by the weights of ITU-R BT.601."""
    import numpy as np
    from PIL import Image

    return np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).convert("L"))


def unit(numbers: NDArray[Any]) -> NDArray[np.float32]:
    """Scale a picture's own numbers, of any type, to 0..1; numbers that are not finite become 0."""
    import numpy as np

    from camctl.values.pixels import usual_range

    black, white = (0, 255) if numbers.dtype == np.uint8 else usual_range(numbers)
    scaled = (numbers.astype(np.float32) - np.float32(black)) / np.float32((white - black) or 1)
    np.nan_to_num(scaled, copy=False, nan=0, posinf=0, neginf=0)
    return scaled


def covering(whole: tuple[int, int], cover: tuple[int, int]) -> tuple[int, int]:
    """Return the (h, w) to which a picture `whole` is resized, its proportions kept, so that it covers `cover`."""
    if cover[0] * whole[1] >= cover[1] * whole[0]:
        return cover[0], whole[1] * cover[0] // whole[0]
    return whole[0] * cover[1] // whole[1], cover[1]


def resized(numbers: NDArray[Any], size: tuple[int, int], cover: tuple[int, int]) -> Tensor:
    """Resize (H, W, bands) as `covering` says and crop the centre of `size`: (bands, h, w), float32."""
    import numpy as np
    import torch
    from torch.nn.functional import interpolate

    height, width = size
    rows, columns = covering((numbers.shape[0], numbers.shape[1]), cover)
    tensor = torch.from_numpy(np.ascontiguousarray(numbers.transpose(2, 0, 1), np.float32))[None]
    if (rows, columns) != tensor.shape[-2:]:
        tensor = interpolate(tensor, (rows, columns), mode="bilinear", antialias=True, align_corners=False)
    top, left = round((rows - height) / 2), round((columns - width) / 2)
    return tensor[0, :, top : top + height, left : left + width]
