"""What a model is given: inputs, and what they show of a picture.

This is measured by sending pictures of coordinates through the preprocessing.

No pipeline is parsed: the preprocessing of any source that resizes, crops and pads is understood alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from camctl.values.view import View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import DTypeLike, NDArray
    from torch import Tensor

    from camctl.plugin import LoadedModel
    from camctl.values.picture import Picture

    Preprocess = Callable[[NDArray[np.uint8]], Tensor]
    Floats = NDArray[np.float64]
    Mixing = tuple[Floats, Floats]
    """What black becomes, (3,), and the way back from what red, green and blue become, (3, 3)."""

SMALLEST = 16
"""Least rows or columns of a picture that is measured at its own size: a ramp needs steps."""

RGB = 3

SWATCH = (64, 64)
MOST_ERROR = 2.0 / 255
"""Largest mean distance from a straight line that rounding and resampling explain."""


@dataclass(frozen=True)
class _Coordinates:
    """For every pixel of the input: the column and row of the picture it shows, 0..1, and whether it shows one."""

    x: Floats
    y: Floats
    inside: NDArray[np.bool_]


def prepared(loaded: LoadedModel, picture: Picture) -> Tensor:
    """Return a picture as the model's preprocessing makes it, (C, h, w), float32 on the CPU."""
    return loaded.preprocess(given(loaded.bands, picture))


def inputs_of(loaded: LoadedModel, picture: Picture | None, parameters: Iterable[Tensor] | None = None) -> Tensor:
    """Return the prepared picture (1, 3, h, w) on the model's device and in its precision.

    Without a picture: seeded noise of the model's usual input size. `parameters`: the model's, if they are at hand.
    """
    import torch

    from camctl.engine.graph import out_of_inference

    with out_of_inference():
        if picture is not None:
            inputs = prepared(loaded, picture)[None]
        else:
            blank = np.zeros((*loaded.input_size, loaded.bands), np.uint8)
            channels = loaded.preprocess(blank).shape[0]
            inputs = torch.randn(1, channels, *loaded.input_size, generator=torch.Generator().manual_seed(0))
        return beside(inputs, parameters or loaded.module.parameters())


def beside(inputs: Tensor, parameters: Iterable[Tensor]) -> Tensor:
    """Return inputs on the device and in the precision of a model's parameters."""
    own = [one for one in parameters if one.is_floating_point()]
    # A norm may be in float32 where the layers are in half precision.
    weight = next((one for one in own if one.ndim > 1), own[0] if own else None)
    return inputs if weight is None else inputs.to(weight.device, weight.dtype, non_blocking=True)


def given(bands: int, picture: Picture) -> NDArray[Any]:
    """Return what the preprocessing of a model of so many bands gets of a picture: its pixels, or its own numbers."""
    return picture.pixels if bands == RGB else picture.bands(bands)


def of_pixels(preprocess: Preprocess, bands: int, kind: DTypeLike = np.uint8) -> Preprocess:
    """Return a model's preprocessing as one of pixels.

    A model of other bands gets the colours in turn, as numbers of the same type as those of its picture.
    """
    if bands == RGB:
        return preprocess
    colours = [band % RGB for band in range(bands)]
    return lambda pixels: preprocess(pixels[..., colours].astype(kind))


class ViewMeter:
    """Measures the views of one model's preprocessing, once for each size of pictures and type of their numbers."""

    def __init__(self, loaded: LoadedModel) -> None:
        # Not the model itself: who remembers the meter must not keep the model.
        self._preprocess, self._bands = loaded.preprocess, loaded.bands
        self._views: dict[tuple[tuple[int, int], np.dtype[Any]], View] = {}
        self._mixing: dict[np.dtype[Any], Mixing | None] = {}

    def view(self, picture: Picture) -> View:
        """Return the view of a picture; see `measure_view`."""
        kind = given(self._bands, picture).dtype
        alike = picture.size, kind
        if alike not in self._views:
            preprocess = of_pixels(self._preprocess, self._bands, kind)
            if kind not in self._mixing:
                self._mixing[kind] = colour_mixing(preprocess)
            self._views[alike] = measure_view(preprocess, picture.size, self._mixing[kind])
        return self._views[alike]


def measure_view(preprocess: Preprocess, shape: tuple[int, int], mixing: Mixing | None = None) -> View:
    """Return the view of any picture of `shape` (height, width), in pixels.

    If the preprocessing does more than resize, crop and pad, the view is the whole picture, and not `exact`. `mixing`:
    what `colour_mixing` has found out about it.
    """
    height, width = shape
    factor = -(-SMALLEST // min(shape))
    enlarged = (height * factor, width * factor)
    by_colour = partial(_by_colour, mixing or colour_mixing(preprocess))
    for see in (by_colour, _by_level):
        seen = see(preprocess, enlarged)
        if seen is None:
            continue
        columns = _edges(seen.x, seen.inside, axis=1)
        rows = _edges(seen.y, seen.inside, axis=0)
        if columns is not None and rows is not None:
            (x0, x1), (y0, y1) = columns, rows
            box = (x0 * width, y0 * height, x1 * width, y1 * height)
            return View(size=(seen.inside.shape[0], seen.inside.shape[1]), box=box)
    size = preprocess(np.zeros((height, width, 3), np.uint8)).shape[-2:]
    return View(size=(size[0], size[1]), box=(0.0, 0.0, float(width), float(height)), exact=False)


def colour_mixing(preprocess: Preprocess) -> Mixing | None:
    """Return what a preprocessing makes of black, and of red, green and blue; None if they cannot be told apart."""
    black, *primary = (_middle(preprocess, colour) for colour in ((0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255)))
    mixing = np.stack([colour - black for colour in primary], 1)  # columns: what red, green and blue become
    if mixing.shape != (3, 3) or not np.isfinite(mixing).all() or np.linalg.cond(mixing) > 1e3:  # noqa: PLR2004
        return None
    unmix: Floats = np.linalg.inv(mixing).astype(np.float64)
    return black, unmix


def _by_colour(mixing: Mixing | None, preprocess: Preprocess, shape: tuple[int, int]) -> _Coordinates | None:
    """Measure on one picture, columns in red, rows in green, presence in blue; None if channels mix."""
    if mixing is None:
        return None
    black, unmix = mixing
    picture = np.empty((*shape, 3), np.uint8)
    picture[..., 0], picture[..., 1], picture[..., 2] = _ramp(shape[1])[None, :], _ramp(shape[0])[:, None], 255
    seen = preprocess(picture).double().numpy()
    if seen.ndim != 3 or seen.shape[0] != 3:  # noqa: PLR2004
        return None
    x, y, presence = np.tensordot(unmix, seen - black[:, None, None], 1)
    inside = np.abs(presence - 1) < 0.02  # noqa: PLR2004
    return _Coordinates(x, y, inside) if inside.any() else None


def _by_level(preprocess: Preprocess, shape: tuple[int, int]) -> _Coordinates | None:
    """Measure on four grey pictures: black and white for scaling and padding, two ramps for columns and rows."""
    height, width = shape
    black, white = (_grey(preprocess, np.full(shape, level, np.uint8)) for level in (0, 255))
    span = white - black
    inside = np.abs(span) > 0.5 * np.abs(span).max()
    if not inside.any():
        return None
    ramps = (np.broadcast_to(_ramp(width)[None, :], shape), np.broadcast_to(_ramp(height)[:, None], shape))
    x, y = ((_grey(preprocess, ramp) - black) / np.where(inside, span, 1) for ramp in ramps)
    return _Coordinates(x, y, inside)


def _ramp(length: int) -> NDArray[np.uint8]:
    return np.round((np.arange(length) + 0.5) / length * 255).astype(np.uint8)


def _middle(preprocess: Preprocess, colour: tuple[int, int, int]) -> Floats:
    """Return what the middle pixel of a picture of one colour becomes, (channels,)."""
    swatch = np.full((*SWATCH, 3), colour, np.uint8)
    seen: Floats = preprocess(swatch).double().numpy()
    return seen[:, seen.shape[1] // 2, seen.shape[2] // 2]


def _grey(preprocess: Preprocess, level: NDArray[np.uint8]) -> Floats:
    """Return a grey picture (H, W) after preprocessing, the mean over channels (h, w)."""
    seen: Floats = preprocess(np.repeat(level[..., None], 3, 2)).double().numpy().mean(0)
    return seen


def _edges(level: Floats, inside: NDArray[np.bool_], axis: int) -> tuple[float, float] | None:
    """Return where the input begins and ends along `axis` (1: columns, 0: rows), 0..1 of the picture."""
    length = level.shape[axis]
    pixels = np.arange(length)[None, :] if axis == 1 else np.arange(length)[:, None]
    at, values = np.broadcast_to(pixels, level.shape)[inside].astype(np.float64), level[inside]
    # Resampling bends the ramp at the picture's border: the middle values fit best.
    straight = (values > 0.02) & (values < 0.98)  # noqa: PLR2004
    if straight.any() and np.ptp(at[straight]) > 0:
        at, values = at[straight], values[straight]
    if np.ptp(at) == 0:
        return None
    slope, offset = np.polyfit(at, values, 1)
    if slope <= 0 or np.abs(slope * at + offset - values).mean() > MOST_ERROR:
        return None
    # Edges of the input lie half a pixel beyond the centres of its outer pixels.
    return float(offset - 0.5 * slope), float(offset + (length - 0.5) * slope)
