"""Preprocessing for a module: its own function, the size, mean and deviation that it states, or ImageNet's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

from camctl.errors import InputError
from camctl.kit.bands import RGB, channels_of, covering, grey, resized, unit
from camctl.kit.reporting import reported

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image
    from torch import Tensor, nn

Preprocess = Callable[["NDArray[np.uint8]"], "Tensor"]

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_SIZE, _CROP = 224, 224 / 256
"""The input of ImageNet's classifiers, and its share of the resized picture's shorter side in their evaluation."""
_CALLED_WITH = (
    "It is called with pixels (H, W, 3), uint8 RGB, or else a PIL image, or (H, W, bands) if its first layer takes "
    "other bands."
)


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A preprocessing: its output's `size` (h, w) and the number of `bands` that it takes.

    `note` says what is a guess, and `resizing` what becomes of a picture of another size if that is one.
    """

    preprocess: Preprocess
    size: tuple[int, int]
    bands: int = RGB
    note: str = ""
    resizing: str = ""


REMEDY = "set input_size, mean and std, or preprocess, on the module"
"""What a user does if the preprocessing is guessed wrongly."""


def plain_preprocess(module: nn.Module, remedy: str = REMEDY) -> Prepared:
    """Make a preprocessing for a module; `remedy` is what to do if a guess is wrong.

    The module's attributes are used: a callable `preprocess`, `input_size` (an edge, (h, w) or (channels, h, w)),
    `mean` and `std` (a number for each channel, for pixels 0..1 or 0..255), and `crop_pct`, the crop's share of the
    resized picture. Without `crop_pct`, a picture is cropped as for ImageNet, but one of just the stated size goes in
    as it is. A module of one channel gets grey pixels, and one of other than three the bands of a picture.
    """
    known = {name for name in ("input_size", "mean", "std", "crop_pct") if getattr(module, name, None) is not None}
    size = _size(module.input_size if "input_size" in known else _SIZE)
    share = _share(module.crop_pct) if "crop_pct" in known else _CROP
    fits = "input_size" in known and "crop_pct" not in known
    channels = channels_of(module, size) or _stated(module) or RGB
    own = getattr(module, "preprocess", None)
    if callable(own):
        return _own(own, channels)
    mean, std = _numbers(module, "mean", MEAN, channels), _numbers(module, "std", STD, channels)
    cover = (int(size[0] / share), int(size[1] / share))
    make = resize_and_crop if channels in {1, RGB} else _bands
    crop = ""
    if "input_size" not in known:
        crop = f"shorter side to {cover[0]} px, centre crop {size[1]} x {size[0]}, "
    guess = f"Preprocessing is a guess: {crop}{_origin(channels, known)}. If it was trained differently, {remedy}."
    return Prepared(
        preprocess=make(size, mean, std, cover=cover, fits=fits),
        size=size,
        bands=RGB if channels == 1 else channels,
        note="" if known >= {"input_size", "mean", "std"} else guess,
        resizing=_resizing(size, cover) if fits else "",
    )


def _resizing(size: tuple[int, int], cover: tuple[int, int]) -> str:
    return (
        f"The picture is resized to cover {cover[1]} x {cover[0]}, and its centre of {size[1]} x {size[0]} is what the "
        "model sees, as is usual for ImageNet. If it was trained with another crop, set crop_pct on the module: 1 for "
        "the largest."
    )


def _share(value: Any) -> float:
    share = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
    if not 0.05 <= share <= 1:  # noqa: PLR2004 - below, the resized picture does not fit into memory
        message = f"The module's `crop_pct` is {value!r}; expected the crop's share of the resized picture, up to 1."
        raise InputError(message, hint="Write for example crop_pct = 0.875, as for ImageNet.")
    return share


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
    cover: tuple[int, int],
    fits: bool = False,
    resampling: Image.Resampling | None = None,
) -> Preprocess:
    """Make a preprocessing that resizes a picture, crops its centre and normalises.

    `size` is the input's (h, w) in pixels, and `cover` the (h, w) that the resized picture covers before the crop; with
    `fits`, a picture of just that size is left as it is. `mean` and `std` are for pixels 0..1, one number each for grey
    pictures, and `resampling` is bilinear by default.
    """
    height, width = size

    def preprocess(pixels: NDArray[np.uint8]) -> Tensor:
        import numpy as np
        import torch
        from PIL import Image

        filter_ = Image.Resampling.BILINEAR if resampling is None else resampling
        shown = grey(pixels) if len(mean) == 1 else pixels
        picture = Image.fromarray(np.ascontiguousarray(shown))
        own = (picture.height, picture.width)
        rows, columns = covering(own, size if fits and own == size else cover)
        # Only the crop is resized: the rest of a very long picture may not fit into memory.
        left, top = round((columns - width) / 2), round((rows - height) / 2)
        ratio = picture.width / columns, picture.height / rows
        box = (left * ratio[0], top * ratio[1], (left + width) * ratio[0], (top + height) * ratio[1])
        view = np.atleast_3d(np.asarray(picture.resize((width, height), filter_, box=box)))
        # In place on planes of one colour: five times as fast as on pixels of three.
        values = view.transpose(2, 0, 1).astype(np.float32, order="C")
        values /= 255
        values -= np.asarray(mean, np.float32)[:, None, None]
        values /= np.asarray(std, np.float32)[:, None, None]
        return torch.from_numpy(values)

    return preprocess


def _bands(
    size: tuple[int, int], mean: Sequence[float], std: Sequence[float], *, cover: tuple[int, int], fits: bool
) -> Preprocess:
    """Make a preprocessing of (H, W, bands). A mean above 1 is for the picture's own numbers, any other for 0..1."""
    own_numbers = bool(mean) and max(mean) > 1

    def preprocess(numbers: NDArray[Any]) -> Tensor:
        import torch

        if own_numbers and min(mean) > 1 and numbers.dtype.kind == "f" and 0 < numbers.max() <= 1:
            message = f"The module's `mean` {mean} is for a picture's own numbers, and these lie within 0..1."
            raise InputError(message, hint="State mean and std for 0..1, or give the picture without a range.")
        covered = size if fits and numbers.shape[:2] == size else cover
        values = resized(numbers if own_numbers else unit(numbers), size, covered)
        if not mean:
            return values
        return (values - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]

    return preprocess


def _own(function: Callable[..., Any], channels: int) -> Prepared:
    """Make a preprocessing of the module's own, which gets pixels or a PIL image, whichever it is written for."""
    pixels, image = _checked(function, pil=False), _checked(function, pil=True)
    tried = {bands: _shape(pixels, bands) for bands in dict.fromkeys((RGB, channels))}
    bands = next((bands for bands, shape in tried.items() if _fits(shape, bands, channels)), 0)
    if bands in {0, RGB}:
        shape = _shape(image, RGB)
        # Transforms of torchvision that are written for PIL images leave an array as it is, or fail on it.
        if _fits(shape, RGB, channels) and shape != tried[RGB]:
            return Prepared(preprocess=image, size=shape[1:])
    shape = tried.get(bands) or next((shape for shape in tried.values() if isinstance(shape, tuple)), tried[RGB])
    if isinstance(shape, InputError):
        raise shape
    if not bands:
        message = f"The module's own `preprocess` gives {shape[0]} channels, and its first layer takes {channels}."
        raise InputError(message, hint=_CALLED_WITH)
    return Prepared(preprocess=pixels, size=shape[1:], bands=bands)


def _shape(preprocess: Preprocess, bands: int) -> tuple[int, int, int] | InputError:
    """Return the shape (channels, h, w) that a blank picture becomes, or why it becomes none."""
    import numpy as np

    try:
        with reported("The module's own `preprocess` fails on a blank picture", _CALLED_WITH):
            channels, height, width = preprocess(np.zeros((512, 512, bands), np.uint8)).shape
    except InputError as error:
        return error
    return channels, height, width


def _fits(shape: tuple[int, int, int] | InputError, bands: int, channels: int) -> TypeGuard[tuple[int, int, int]]:
    """Return whether a preprocessing of so many bands is one for a model of so many channels."""
    return isinstance(shape, tuple) and channels in {shape[0], bands}


def _checked(function: Callable[..., Any], *, pil: bool) -> Preprocess:
    """Return a module's own function with its answer as a tensor (channels, h, w), float32."""

    def preprocess(pixels: NDArray[Any]) -> Tensor:
        import numpy as np
        import torch
        from PIL import Image

        answer = function(Image.fromarray(np.ascontiguousarray(pixels)) if pil else pixels)
        inputs = torch.as_tensor(answer, dtype=torch.float32).detach().cpu()
        if inputs.dim() == 4 and len(inputs) == 1:  # noqa: PLR2004
            inputs = inputs[0]
        if inputs.dim() != 3:  # noqa: PLR2004
            message = f"The module's own `preprocess` returned shape {tuple(inputs.shape)}; expected (channels, h, w)."
            raise InputError(message, hint=_CALLED_WITH)
        return inputs

    return preprocess


def _stated(module: nn.Module) -> int | None:
    """Return the number of channels that a module states: `input_size` (channels, h, w), or one mean for each."""
    size, mean = getattr(module, "input_size", None), getattr(module, "mean", None)
    if isinstance(size, list | tuple) and len(size) == 3:  # noqa: PLR2004
        return int(size[0])
    return len(mean) if isinstance(mean, list | tuple) and len(mean) > 1 else None


def _size(value: Any) -> tuple[int, int]:
    edges = [value, value] if isinstance(value, int) else list(value) if isinstance(value, list | tuple) else []
    last = len(edges) == RGB and edges[2] in {1, RGB} and edges[0] not in {1, RGB}  # channels last, as in Keras
    if len(edges) < 2 or last or not all(isinstance(edge, int) and edge > 0 for edge in edges):  # noqa: PLR2004
        expected = "an edge, (height, width) or (channels, height, width) in pixels"
        message = f"The module's `input_size` is {value!r}; expected {expected}."
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
