"""Pictures that are not 8-bit RGB, and nets that want others."""

from __future__ import annotations

import numpy as np
import tifffile
from PIL import Image
from torch import Tensor, nn

from tests.situations.nets import Net, seeded


class XRay(Net):
    input_size, mean, std = (1, 224, 224), (0.5,), (0.25,)

    def __init__(self) -> None:
        super().__init__(channels=1)


class FiveBands(Net):
    input_size, mean, std = (5, 224, 224), (0.0,) * 5, (1.0,) * 5

    def __init__(self) -> None:
        super().__init__(channels=5)


class TwoStreams(Net):
    """Two streams, one for colour and one for depth."""

    def __init__(self) -> None:
        super().__init__()
        self.depth_body = nn.Conv2d(1, 8, 8, 8)

    def forward(self, rgb: Tensor, depth: Tensor) -> Tensor:
        return self.head(self.features(rgb) + self.depth_body(depth).mean((2, 3)))


def x_ray() -> nn.Module:
    return seeded(XRay())


def five_bands() -> nn.Module:
    return seeded(FiveBands())


def two_streams() -> nn.Module:
    return seeded(TwoStreams())


def grey_of(pixels: np.ndarray) -> np.ndarray:
    """One channel with all of a byte's levels, black and white at its ends."""
    grey = np.asarray(Image.fromarray(pixels).convert("L")).astype(float)
    return np.round((grey - grey.min()) * 255 / np.ptp(grey)).astype(np.uint8)


def save_deep(pixels: np.ndarray, *, white: int) -> np.ndarray:
    """`deep.tif` of 16 bits a pixel, `white` its brightest value, and `grey.png` of 8 bits that looks the same."""
    grey = grey_of(pixels)
    tifffile.imwrite("deep.tif", np.round(grey * (white / 255)).astype(np.uint16))
    Image.fromarray(grey).save("grey.png")
    return grey


def save_floats(pixels: np.ndarray) -> None:
    """`floats.tif` with 0..1, and `grey.png`."""
    grey = grey_of(pixels)
    tifffile.imwrite("floats.tif", grey.astype(np.float32) / 255)
    Image.fromarray(grey).save("grey.png")


def save_cut_out(pixels: np.ndarray) -> None:
    """`cut_out.png`, noise hidden where it is transparent, and `on_white.png`, which looks the same on paper."""
    opaque = np.hypot(*(np.mgrid[0:256, 0:256] - 128)) < 90
    hidden = np.random.default_rng(0).integers(0, 255, pixels.shape, np.uint8)
    colours = np.where(opaque[..., None], pixels, hidden)
    Image.fromarray(np.dstack([colours, 255 * opaque.astype(np.uint8)])).save("cut_out.png")
    Image.fromarray(np.where(opaque[..., None], pixels, 255).astype(np.uint8)).save("on_white.png")


def save_palette(pixels: np.ndarray) -> None:
    """`palette.png`, colour 0 of its palette transparent, and `on_white.png`."""
    reduced = Image.fromarray(pixels).quantize(16)
    reduced.save("palette.png", transparency=bytes([0] + [255] * 15))
    colours = np.array(reduced.convert("RGB"))
    colours[np.asarray(reduced) == 0] = 255
    Image.fromarray(colours).save("on_white.png")


def save_print(pixels: np.ndarray) -> None:
    """`print.jpg` in the four inks of a printer, all of them from their definition."""
    inks = 255 - pixels.astype(int)
    black = inks.min(2, keepdims=True)
    colours = (inks - black) * 255 // np.maximum(255 - black, 1)
    Image.fromarray(np.dstack([colours, black]).astype(np.uint8), "CMYK").save("print.jpg", quality=100, subsampling=0)


def save_turned(pixels: np.ndarray) -> None:
    """`turned.jpg` as a phone on its side saves it, and `upright.jpg`."""
    upright = Image.fromarray(pixels)
    upright.save("upright.jpg", quality=100, subsampling=0)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise to show it
    upright.transpose(Image.Transpose.ROTATE_90).save("turned.jpg", quality=100, subsampling=0, exif=exif)


def save_bands(pixels: np.ndarray) -> np.ndarray:
    """`bands.tif`, one page of five bands a pixel."""
    bands = np.dstack([pixels, pixels[::-1, :, 0], pixels[:, ::-1, 1]])
    tifffile.imwrite("bands.tif", bands, photometric="minisblack", planarconfig="contig")
    return bands
