"""Preprocessing for a module without one of its own: resize, centre crop, ImageNet's mean and deviation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from camctl.errors import InputError
from camctl.kit.bands import RGB, channels_of, grey, resized, unit
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
_CALLED_WITH = "It is called with pixels (H, W, 3), uint8 RGB, or (H, W, bands) if its first layer takes other bands."


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A preprocessing: its output's `size` (h, w), the number of `bands` that it takes, and a note if it is a guess."""

    preprocess: Preprocess
    size: tuple[int, int]
    bands: int = RGB
    note: str = ""


def plain_preprocess(module: nn.Module) -> Prepared:
    """Make a preprocessing for a module.

    The module's attributes are used: a callable `preprocess`, `input_size` (an edge, (h, w) or (channels, h, w)),
    `mean` and `std` (a number for each channel, for pixels 0..1 or 0..255). A module of one channel gets grey pixels,
    and one of other than three the bands of a picture.
    """
    known = {name for name in ("input_size", "mean", "std") if getattr(module, name, None) is not None}
    size = _size(module.input_size if "input_size" in known else _SIZE)
    channels = channels_of(module, size) or _stated(module) or RGB
    own = getattr(module, "preprocess", None)
    if callable(own):
        return _own(own, channels)
    mean, std = _numbers(module, "mean", MEAN, channels), _numbers(module, "std", STD, channels)
    guess = (
        f"Preprocessing is a guess: shorter side to {_edge(*size)} px, centre crop {size[1]} x {size[0]}, "
        f"{_origin(channels, known)}. "
        "If it was trained differently, set input_size, mean and std, or preprocess, on the module."
    )
    return Prepared(
        preprocess=resize_and_crop(size, mean, std) if channels in {1, RGB} else _bands(size, mean, std),
        size=size,
        bands=RGB if channels == 1 else channels,
        note="" if known == {"input_size", "mean", "std"} else guess,
    )


def _origin(channels: int, known: set[str]) -> str:
    if {"mean", "std"} <= known:
        return "its own mean and deviation"
    if channels == RGB:
        return "ImageNet mean and deviation"
    return "ImageNet mean and deviation of grey" if channels == 1 else "values 0..1"


def resize_and_crop(
    size: tuple[int, int],
    mean: Sequence[float],
    std: Sequence[float],
    *,
    edge: int | None = None,
    resampling: Image.Resampling | None = None,
) -> Preprocess:
    """Make a preprocessing that resizes the shorter side to `edge`, crops the centre and normalises.

    `size` is the crop's (h, w) in pixels, `mean` and `std` are for pixels 0..1, one number each for grey pictures,
    `edge` is `_MARGIN` times the crop by default, and `resampling` bilinear.
    """
    height, width = size
    shorter = edge or _edge(height, width)

    def preprocess(pixels: NDArray[np.uint8]) -> Tensor:
        import numpy as np
        import torch
        from PIL import Image

        filter_ = Image.Resampling.BILINEAR if resampling is None else resampling
        shown = grey(pixels) if len(mean) == 1 else pixels
        picture = Image.fromarray(np.ascontiguousarray(shown))
        scale = shorter / min(picture.size)
        size = (max(width, round(picture.width * scale)), max(height, round(picture.height * scale)))
        # Only the crop is resized: the rest of a very long picture may not fit into memory.
        left, top = (size[0] - width) / 2, (size[1] - height) / 2
        ratio = picture.width / size[0], picture.height / size[1]
        box = (left * ratio[0], top * ratio[1], (left + width) * ratio[0], (top + height) * ratio[1])
        view = np.atleast_3d(np.array(picture.resize((width, height), filter_, box=box), np.float32)) / 255
        values = (view - np.asarray(mean, np.float32)) / np.asarray(std, np.float32)
        return torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))

    return preprocess


def _edge(height: int, width: int) -> int:
    return round(max(height, width) * _MARGIN)


def _bands(size: tuple[int, int], mean: Sequence[float], std: Sequence[float]) -> Preprocess:
    """Make a preprocessing of (H, W, bands). A mean above 1 is for the picture's own numbers, any other for 0..1."""
    own_numbers = bool(mean) and max(mean) > 1

    def preprocess(numbers: NDArray[Any]) -> Tensor:
        import torch

        values = resized(numbers if own_numbers else unit(numbers), size, _edge(*size))
        if not mean:
            return values
        return (values - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]

    return preprocess


def _own(function: Callable[..., Any], channels: int) -> Prepared:
    import numpy as np
    import torch

    def preprocess(pixels: NDArray[Any]) -> Tensor:
        inputs = torch.as_tensor(function(pixels), dtype=torch.float32).detach().cpu()
        if inputs.dim() == 4 and len(inputs) == 1:  # noqa: PLR2004
            inputs = inputs[0]
        if inputs.dim() != 3:  # noqa: PLR2004
            message = f"The module's own `preprocess` returned shape {tuple(inputs.shape)}; expected (channels, h, w)."
            raise InputError(message, hint=_CALLED_WITH)
        return inputs

    failure: InputError | None = None
    for bands in dict.fromkeys((RGB, channels)):
        try:
            with reported("The module's own `preprocess` fails on a blank picture", _CALLED_WITH):
                found, height, width = preprocess(np.zeros((512, 512, bands), np.uint8)).shape
        except InputError as error:
            failure = failure or error
            continue
        if channels in {found, bands}:
            return Prepared(preprocess=preprocess, size=(height, width), bands=bands)
    if failure is None:
        message = f"The module's own `preprocess` gives {found} channels, and its first layer takes {channels}."
        failure = InputError(message, hint=_CALLED_WITH)
    raise failure


def _stated(module: nn.Module) -> int | None:
    """Return the number of channels that a module states: `input_size` (channels, h, w), or one mean for each."""
    size, mean = getattr(module, "input_size", None), getattr(module, "mean", None)
    if isinstance(size, list | tuple) and len(size) == 3:  # noqa: PLR2004
        return int(size[0])
    return len(mean) if isinstance(mean, list | tuple) and len(mean) > 1 else None


def _size(value: Any) -> tuple[int, int]:
    edges = [value, value] if isinstance(value, int) else list(value) if isinstance(value, list | tuple) else []
    if len(edges) < 2 or not all(isinstance(edge, int) and edge > 0 for edge in edges):  # noqa: PLR2004
        message = f"The module's `input_size` is {value!r}; expected an edge or (height, width) in pixels."
        raise InputError(message, hint="Write for example input_size = (224, 224).")
    return edges[-2], edges[-1]


def _numbers(module: nn.Module, name: str, default: Sequence[float], channels: int) -> tuple[float, ...]:
    """Return a number for each channel, for pixels 0..1 if there are one or three channels; empty if none is known.

    Numbers above 1 are for pixels 0..255, as in mmpretrain; of many bands they stay as they are.
    """
    import numpy as np

    value = getattr(module, name, None)
    if value is None:
        usual = {1: (round(sum(default) / len(default), 3),), RGB: tuple(default)}
        return usual.get(channels, (0.0,) * channels if name == "mean" else (1.0,) * channels)
    try:
        values = np.asarray(value.tolist() if hasattr(value, "tolist") else value, dtype=float).ravel()
    except (TypeError, ValueError):
        values = np.array([])
    if channels == 1 and values.size == RGB:
        values = values.mean(keepdims=True)
    if values.size not in {1, channels} or not np.isfinite(values).all() or (name == "std" and not values.all()):
        count = {1: "one number", RGB: "three numbers"}.get(channels, f"{channels} numbers")
        message = f"The module's `{name}` is {value!r}; expected {count}."
        raise InputError(message, hint=f"Write for example {name} = {tuple(np.resize(default, channels).tolist())}.")
    if values.max() > 1 and channels in {1, RGB}:
        values = values / 255
    return tuple(float(number) for number in np.broadcast_to(values, channels))
