"""Preprocessing for a module without one of its own: resize, centre crop, ImageNet's mean and deviation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from camctl.errors import InputError
from camctl.sources.reporting import reported

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image
    from torch import Tensor, nn

Preprocess = Callable[["NDArray[np.uint8]"], "Tensor"]

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_SIZE = 224
_MARGIN = 256 / 224
"""Resized shorter side relative to the crop, as in the evaluation of ImageNet classifiers."""
_CALLED_WITH = "It is called with pixels (H, W, 3), uint8 RGB."


def plain_preprocess(module: nn.Module) -> tuple[Preprocess, tuple[int, int], str]:
    """Make a preprocessing; returns it, the size (h, w) of its output, and a note if it is a guess.

    The module's attributes are used: a callable `preprocess`, `input_size` (an edge, (h, w) or (3, h, w)), `mean` and
    `std` (three numbers, for pixels 0..1 or 0..255).
    """
    own = getattr(module, "preprocess", None)
    if callable(own):
        return _own(own)
    known = {name for name in ("input_size", "mean", "std") if getattr(module, name, None) is not None}
    height, width = _size(module.input_size if "input_size" in known else _SIZE)
    preprocess = resize_and_crop((height, width), _three(module, "mean", MEAN), _three(module, "std", STD))
    note = "" if known == {"input_size", "mean", "std"} else (
        f"Preprocessing is a guess: shorter side to {_edge(height, width)} px, centre crop {width} x {height}, "
        f"{'its own' if {'mean', 'std'} <= known else 'ImageNet'} mean and deviation. "
        "If it was trained differently, set input_size, mean and std, or preprocess, on the module."
    )  # fmt: skip
    return preprocess, (height, width), note


def resize_and_crop(
    size: tuple[int, int],
    mean: Sequence[float],
    std: Sequence[float],
    *,
    edge: int | None = None,
    resampling: Image.Resampling | None = None,
) -> Preprocess:
    """Make a preprocessing that resizes the shorter side to `edge`, crops the centre and normalises.

    `size` is the crop's (h, w) in pixels, `mean` and `std` are for pixels 0..1, `edge` is `_MARGIN` times the crop by
    default, and `resampling` bilinear.
    """
    height, width = size
    shorter = edge or _edge(height, width)

    def preprocess(pixels: NDArray[np.uint8]) -> Tensor:
        import numpy as np
        import torch
        from PIL import Image

        filter_ = Image.Resampling.BILINEAR if resampling is None else resampling
        picture = Image.fromarray(np.ascontiguousarray(pixels))
        scale = shorter / min(picture.size)
        size = (max(width, round(picture.width * scale)), max(height, round(picture.height * scale)))
        # Only the crop is resized: the rest of a very long picture may not fit into memory.
        left, top = (size[0] - width) / 2, (size[1] - height) / 2
        ratio = picture.width / size[0], picture.height / size[1]
        box = (left * ratio[0], top * ratio[1], (left + width) * ratio[0], (top + height) * ratio[1])
        view = np.array(picture.resize((width, height), filter_, box=box), np.float32) / 255
        values = (view - np.asarray(mean, np.float32)) / np.asarray(std, np.float32)
        return torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))

    return preprocess


def _edge(height: int, width: int) -> int:
    return round(max(height, width) * _MARGIN)


def _own(function: Callable[..., Any]) -> tuple[Preprocess, tuple[int, int], str]:
    import numpy as np
    import torch

    def preprocess(pixels: NDArray[np.uint8]) -> Tensor:
        inputs = torch.as_tensor(function(pixels), dtype=torch.float32).detach().cpu()
        if inputs.dim() == 4 and len(inputs) == 1:  # noqa: PLR2004
            inputs = inputs[0]
        if inputs.dim() != 3:  # noqa: PLR2004
            message = f"The module's own `preprocess` returned shape {tuple(inputs.shape)}; expected (3, h, w)."
            raise InputError(message, hint=_CALLED_WITH)
        return inputs

    with reported("The module's own `preprocess` fails on a blank picture", _CALLED_WITH):
        _, height, width = preprocess(np.zeros((512, 512, 3), np.uint8)).shape
    return preprocess, (height, width), ""


def _size(value: Any) -> tuple[int, int]:
    edges = [value, value] if isinstance(value, int) else list(value) if isinstance(value, list | tuple) else []
    if len(edges) < 2 or not all(isinstance(edge, int) and edge > 0 for edge in edges):  # noqa: PLR2004
        message = f"The module's `input_size` is {value!r}; expected an edge or (height, width) in pixels."
        raise InputError(message, hint="Write for example input_size = (224, 224).")
    return edges[-2], edges[-1]


def _three(module: nn.Module, name: str, default: Sequence[float]) -> tuple[float, ...]:
    """Three numbers for pixels 0..1. Numbers above 1 are for pixels 0..255, as in mmpretrain."""
    import numpy as np

    value = getattr(module, name, None)
    if value is None:
        return tuple(default)
    try:
        values = np.asarray(value.tolist() if hasattr(value, "tolist") else value, dtype=float).ravel()
    except (TypeError, ValueError):
        values = np.array([])
    if values.size not in {1, 3} or not np.isfinite(values).all() or (name == "std" and not values.all()):
        message = f"The module's `{name}` is {value!r}; expected three numbers."
        raise InputError(message, hint=f"Write for example {name} = {tuple(default)}.")
    if values.max() > 1:
        values = values / 255
    return tuple(float(number) for number in np.broadcast_to(values, 3))
