"""What the model was given of the picture, measured through preprocessings of every kind."""

import numpy as np
import pytest
import torch
from PIL import Image

from camctl.engine.view import measure_view

MEAN, STD = np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375])


def tensor(pixels):
    normal = (np.asarray(pixels, np.float64) - MEAN) / STD
    return torch.from_numpy(normal.astype(np.float32)).permute(2, 0, 1)


def stretch(height, width):
    return lambda pixels: tensor(Image.fromarray(pixels).resize((width, height), Image.Resampling.BILINEAR))


def resize_and_crop(short, side):
    def run(pixels):
        height, width = pixels.shape[:2]
        scale = short / min(height, width)
        new = (round(width * scale), round(height * scale))
        image = Image.fromarray(pixels).resize(new, Image.Resampling.BICUBIC)
        left, top = (new[0] - side) // 2, (new[1] - side) // 2
        return tensor(image.crop((left, top, left + side, top + side)))

    return run


def pad_and_resize(side):
    def run(pixels):
        height, width = pixels.shape[:2]
        longest = max(height, width)
        square = np.full((longest, longest, 3), 114, np.uint8)
        top, left = (longest - height) // 2, (longest - width) // 2
        square[top : top + height, left : left + width] = pixels
        return tensor(Image.fromarray(square).resize((side, side), Image.Resampling.BILINEAR))

    return run


def near(view, box, pixels=1.0):
    assert view.exact
    assert view.box == pytest.approx(box, abs=pixels)


def test_resize_and_crop_sees_the_middle():
    view = measure_view(resize_and_crop(64, 56), (300, 400))
    assert view.size == (56, 56)
    side = 300 * 56 / 64
    near(view, (200 - side / 2, 150 - side / 2, 200 + side / 2, 150 + side / 2), pixels=4.0)


@pytest.mark.parametrize("shape", [(200, 300), (300, 200), (64, 64)])
def test_stretching_sees_the_whole_picture(shape):
    view = measure_view(stretch(48, 80), shape)
    assert view.size == (48, 80)
    near(view, (0, 0, shape[1], shape[0]), pixels=2.0)


def test_padding_reaches_beyond_the_picture():
    near(measure_view(pad_and_resize(64), (100, 200)), (0, -50, 200, 150), pixels=4.0)


def test_no_geometry_at_all_is_the_picture_itself():
    near(measure_view(tensor, (40, 60)), (0, 0, 60, 40), pixels=0.5)


def test_swapped_channels_are_no_hindrance():
    near(measure_view(lambda pixels: stretch(48, 48)(pixels).flip(0), (90, 120)), (0, 0, 120, 90), pixels=2.0)


def test_a_grey_preprocessing_is_measured_too():
    def grey(pixels):
        return stretch(48, 48)(pixels).mean(0, keepdim=True).expand(3, -1, -1)

    near(measure_view(grey, (90, 120)), (0, 0, 120, 90), pixels=2.0)


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (2, 3), (2000, 5)])
def test_pictures_of_any_shape_have_a_view(shape):
    view = measure_view(stretch(32, 32), shape)
    x0, y0, x1, y1 = view.box
    assert (x0 + x1) / 2 == pytest.approx(shape[1] / 2, abs=0.1 * shape[1])
    assert (y0 + y1) / 2 == pytest.approx(shape[0] / 2, abs=0.1 * shape[0])


@pytest.mark.parametrize(
    "twist",
    [
        lambda t: t.flip(2),  # mirrored
        lambda t: t.transpose(1, 2),
        lambda t: t.sin() * 0 + torch.linspace(0, 1, t.shape[-1]) ** 2 * 0,  # blind
    ],
    ids=["mirrored", "turned", "blind"],
)
def test_more_than_resizing_cropping_and_padding_falls_back_to_the_whole_picture(twist):
    view = measure_view(lambda pixels: twist(stretch(32, 48)(pixels)), (90, 120))
    assert not view.exact
    assert view.box == (0, 0, 120, 90)
