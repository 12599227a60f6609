"""Preprocessing for a module that comes without any: resize, centre crop, ImageNet's mean and deviation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from camctl.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image
    from torch import Tensor, nn

Preprocess = Callable[["NDArray[np.uint8]"], "Tensor"]

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_SIZE = 224
_MARGIN = 256 / 224
"""The shorter side is resized to this many times the crop, as ImageNet's classifiers are tested."""


def plain_preprocess(module: nn.Module) -> tuple[Preprocess, tuple[int, int], str]:
    """A preprocessing, the input size (h, w) that it gives, and a note where it is a guess.

    What the module says about itself is used: a callable `preprocess`, `input_size` (an edge, (h, w) or (3, h, w)),
    `mean` and `std` (three numbers, for pixels 0..1 or 0..255).
    """
    own = getattr(module, "preprocess", None)
    if callable(own):
        preprocess = _own(own)
        return preprocess, _given_size(preprocess), ""
    height, width = _size(getattr(module, "input_size", None))
    mean = _three(module, "mean", MEAN)
    std = _three(module, "std", STD)
    told = {name for name in ("input_size", "mean", "std") if getattr(module, name, None) is not None}
    note = "" if told == {"input_size", "mean", "std"} else (
        f"Preprocessing is a guess: shorter side to {_edge(height, width)} px, centre crop {width} x {height}, "
        f"{'its own' if {'mean', 'std'} <= told else 'ImageNet'} mean and deviation. "
        "Give the module input_size, mean and std, or preprocess, if it was trained otherwise."
    )  # fmt: skip
    return resize_and_crop((height, width), mean, std), (height, width), note


def _edge(height: int, width: int) -> int:
    return round(max(height, width) * _MARGIN)


def resize_and_crop(
    size: tuple[int, int],
    mean: Sequence[float],
    std: Sequence[float],
    *,
    edge: int | None = None,
    resampling: Image.Resampling | None = None,
) -> Preprocess:
    """Preprocessing that resizes the shorter side to `edge`, crops the centre and normalises.

    Parameters
    ----------
    size
        Height and width of the crop in pixels.
    mean, std
        Of the channels, for pixels 0..1.
    edge
        Shorter side in pixels; `_MARGIN` times the crop by default.
    resampling
        Bilinear by default.
    """
    height, width = size
    shorter = edge or _edge(height, width)

    def preprocess(pixels: NDArray[np.uint8]) -> Tensor:
        import numpy as np
        import torch
        from PIL import Image

        how = Image.Resampling.BILINEAR if resampling is None else resampling
        picture = Image.fromarray(np.ascontiguousarray(pixels))
        scale = shorter / min(picture.size)
        size = (max(width, round(picture.width * scale)), max(height, round(picture.height * scale)))
        # Of a very long picture only the part that is kept is resized: the rest may not fit into memory.
        left, top = (size[0] - width) / 2, (size[1] - height) / 2
        ratio = picture.width / size[0], picture.height / size[1]
        box = (left * ratio[0], top * ratio[1], (left + width) * ratio[0], (top + height) * ratio[1])
        view = np.array(picture.resize((width, height), how, box=box), np.float32) / 255
        values = (view - np.asarray(mean, np.float32)) / np.asarray(std, np.float32)
        return torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))

    return preprocess


def _own(function: Callable[..., Any]) -> Preprocess:
    def preprocess(pixels: NDArray[np.uint8]) -> Tensor:
        import torch

        made = torch.as_tensor(function(pixels), dtype=torch.float32).detach().cpu()
        if made.dim() == 4 and len(made) == 1:  # noqa: PLR2004
            made = made[0]
        if made.dim() != 3:  # noqa: PLR2004
            message = f"The module's own `preprocess` gives {tuple(made.shape)}, not (3, h, w)."
            raise InputError(message, hint="It is called with pixels (H, W, 3), uint8 RGB.")
        return made

    return preprocess


def _given_size(preprocess: Preprocess) -> tuple[int, int]:
    import numpy as np

    try:
        made = preprocess(np.zeros((512, 512, 3), np.uint8))
    except InputError:
        raise
    except Exception as error:
        text = " ".join(str(error).split())
        message = f"The module's own `preprocess` fails on a blank picture: {type(error).__name__}: {text}"
        raise InputError(message, hint="It is called with pixels (H, W, 3), uint8 RGB.") from error
    return int(made.shape[-2]), int(made.shape[-1])


def _size(given: Any) -> tuple[int, int]:
    if given is None:
        return _SIZE, _SIZE
    values = [given, given] if isinstance(given, int) else list(given) if isinstance(given, list | tuple) else []
    if len(values) < 2 or not all(isinstance(each, int) and each > 0 for each in values):  # noqa: PLR2004
        message = f"The module's `input_size` is {given!r}, neither an edge nor (height, width) in pixels."
        raise InputError(message, hint="Write for example input_size = (224, 224).")
    return values[-2], values[-1]


def _three(module: nn.Module, name: str, otherwise: Sequence[float]) -> tuple[float, ...]:
    """Three numbers of pixels 0..1. Those above 1 are meant for pixels 0..255, as mmpretrain writes them."""
    import numpy as np

    given = getattr(module, name, None)
    if given is None:
        return tuple(otherwise)
    try:
        values = np.asarray(given.tolist() if hasattr(given, "tolist") else given, dtype=float).ravel()
    except (TypeError, ValueError):
        values = np.array([])
    if values.size not in {1, 3} or not np.isfinite(values).all() or (name == "std" and not values.all()):
        message = f"The module's `{name}` is {given!r}, not three numbers."
        raise InputError(message, hint=f"Write for example {name} = {tuple(otherwise)}.")
    if values.max() > 1:
        values = values / 255
    return tuple(float(each) for each in np.broadcast_to(values, 3))
