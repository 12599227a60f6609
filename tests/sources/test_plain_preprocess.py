"""A picture becomes the input that a module of one's own states: its size, a crop if it asks for one, or a guess."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision import transforms
from torchvision.transforms import v2

import camctl
from camctl.errors import InputError
from camctl.pipeline.load import loaded_of


class Brightness(nn.Module):
    """A regression whose value is known: a weighted mean of what it is given."""

    output = "values"

    def __init__(self, channels=3, **stated):
        super().__init__()
        self.body = nn.Conv2d(channels, 1, 3, padding=1)
        for name, value in stated.items():
            setattr(self, name, value)
        self.eval()

    def forward(self, x):
        weights = torch.linspace(0, 1, x.shape[-1]) * torch.linspace(0, 2, x.shape[-2])[:, None]
        return (self.body(x) * weights).mean((2, 3))


STATED = {"input_size": (64, 64), "mean": (0.5, 0.4, 0.3), "std": (0.2, 0.25, 0.3)}


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (80, 120, 3)).astype(np.uint8)


def prepared(pixels, **stated):
    return loaded_of(Brightness(**stated)).preprocess(pixels)


def by_torchvision(pixels, *steps, mean=STATED["mean"], std=STATED["std"]):
    """The pipeline as its author writes it."""
    steps = (*steps, transforms.ToTensor(), transforms.Normalize(mean, std))
    return transforms.Compose(steps)(Image.fromarray(pixels))


@pytest.mark.parametrize("size", [(64, 64), (48, 64), (1, 40, 30)])
def test_a_picture_of_the_stated_size_is_given_as_it_is(pixels, size):
    picture = np.ascontiguousarray(pixels[: size[-2], : size[-1]])
    seen = prepared(picture, **(STATED | {"input_size": size}))
    assert torch.equal(seen, by_torchvision(picture))


def test_the_value_of_a_regression_is_the_models_own(pixels):
    picture = np.ascontiguousarray(pixels[:64, :64])
    module = Brightness(**STATED)
    with torch.no_grad():
        value = float(module(by_torchvision(picture)[None]))
    explanation = camctl.explain(module, picture)
    assert explanation.predictions[0].score == pytest.approx(value, rel=1e-5)
    assert not any("resized" in note for note in explanation.notes)


def test_bands_of_the_stated_size_are_given_as_they_are():
    bands = np.random.default_rng(0).integers(0, 10000, (64, 48, 5)).astype(np.uint16)
    stated = {"input_size": (64, 48), "mean": (5000.0,) * 5, "std": (100.0,) * 5}
    seen = prepared(bands, channels=5, **stated)
    assert torch.allclose(seen, torch.from_numpy((bands.astype(np.float32).transpose(2, 0, 1) - 5000) / 100))


def test_another_picture_is_cropped_as_for_imagenet_and_that_is_said(pixels):
    seen = prepared(pixels, **STATED)
    wanted = by_torchvision(pixels, transforms.Resize(73), transforms.CenterCrop(64))
    assert torch.allclose(seen, wanted, atol=0.03)
    explanation = camctl.explain(Brightness(**STATED), pixels)
    side = 80 * 64 / 73
    assert explanation.maps[0].view.box == pytest.approx(
        (60 - side / 2, 40 - side / 2, 60 + side / 2, 40 + side / 2), abs=1
    )
    (said,) = [note for note in explanation.notes if "resized to cover 73 x 73" in note]
    assert "crop_pct" in said


@pytest.mark.parametrize(("share", "shorter"), [(0.875, 73), (1.0, 64), (0.5, 128)])
def test_crop_pct_asks_for_the_crop_of_timm(pixels, share, shorter):
    seen = prepared(pixels, **STATED, crop_pct=share)
    wanted = by_torchvision(pixels, transforms.Resize(shorter), transforms.CenterCrop(64))
    assert torch.allclose(seen, wanted, atol=0.03)  # a level of 255
    explanation = camctl.explain(Brightness(**STATED, crop_pct=share), pixels)
    side = 80 * 64 / shorter
    assert explanation.maps[0].view.box == pytest.approx(
        (60 - side / 2, 40 - side / 2, 60 + side / 2, 40 + side / 2), abs=1
    )
    assert not any("resized" in note or "guess" in note for note in explanation.notes)


def test_a_crop_of_other_proportions_loses_no_more_than_it_must(pixels):
    module = Brightness(**(STATED | {"input_size": (32, 64)}), crop_pct=1.0)
    assert camctl.explain(module, pixels).maps[0].view.box == pytest.approx((0, 10, 120, 70), abs=1)


def test_without_a_size_the_crop_is_imagenets_and_is_said(pixels):
    loaded = loaded_of(Brightness())
    wanted = by_torchvision(
        pixels,
        transforms.Resize(256),
        transforms.CenterCrop(224),
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
    )
    assert torch.allclose(loaded.preprocess(pixels), wanted, atol=0.03)
    assert "shorter side to 256 px, centre crop 224 x 224" in loaded.notes[0]


def test_what_is_stated_is_not_called_a_guess():
    note = loaded_of(Brightness(input_size=(64, 64))).notes[0]
    assert "ImageNet mean and deviation" in note
    assert "crop" not in note


@pytest.mark.parametrize("share", [0, 1.5, -1, "0.9", True, float("nan")])
def test_a_crop_that_is_no_share_is_refused(share):
    with pytest.raises(InputError, match="crop_pct") as caught:
        loaded_of(Brightness(**STATED, crop_pct=share))
    assert "crop_pct = 0.875" in caught.value.hint


@pytest.mark.parametrize(
    ("shape", "stated", "words"),
    [
        ((64, 64), {}, "unchanged"),
        ((128, 128), {}, "87% of its height and 87% of its width, resized"),
        ((128, 256), {"crop_pct": 1.0}, "100% of its height and 50% of its width, resized"),
        ((128, 128), {"crop_pct": 0.5}, "50% of its height and 50% of its width, unchanged"),
    ],
)
def test_the_check_says_how_the_picture_became_the_input(shape, stated, words):
    picture = np.random.default_rng(0).integers(0, 256, (*shape, 3)).astype(np.uint8)
    report = camctl.check(Brightness(**STATED, **stated), picture)
    (finding,) = [finding for finding in report.findings if finding.name == "picture"]
    assert finding.text == f"a picture of {shape[0]} x {shape[1]} becomes 64 x 64: {words}"


NORMALISED = transforms.Normalize(STATED["mean"], STATED["std"])
FLOATS = v2.ToDtype(torch.float32, scale=True)
OWN = {
    "ToTensor first": transforms.Compose([transforms.ToTensor(), transforms.Resize((64, 64)), NORMALISED]),
    "Resize first": transforms.Compose([transforms.Resize((64, 64)), transforms.ToTensor(), NORMALISED]),
    "v2, Resize first": v2.Compose([v2.Resize((64, 64)), v2.ToImage(), FLOATS, NORMALISED]),
    "v2, ToImage first": v2.Compose([v2.ToImage(), v2.Resize((64, 64)), FLOATS, NORMALISED]),
    "inside a function": lambda image: NORMALISED(
        FLOATS(v2.functional.to_image(v2.functional.resize(image, [64, 64])))
    ),
    "PIL's own methods": lambda image: NORMALISED(transforms.functional.to_tensor(image.resize((64, 64), 2))),
    "NumPy's own methods": lambda pixels: NORMALISED(
        torch.from_numpy(cv2.resize(pixels, (64, 64)).astype(np.float32).transpose(2, 0, 1) / 255)
    ),
}


@pytest.mark.parametrize("name", OWN)
def test_a_preprocess_gets_the_pixels_or_the_image_that_it_is_written_for(pixels, name):
    module = Brightness(preprocess=OWN[name])
    loaded = loaded_of(module)
    wanted = OWN[name](Image.fromarray(pixels)) if "NumPy" not in name else OWN[name](pixels)
    if name == "ToTensor first":
        wanted = OWN[name](pixels)
    assert loaded.input_size == (64, 64)
    assert loaded.notes == ()
    assert torch.equal(loaded.preprocess(pixels), wanted)
    assert camctl.explain(module, pixels).maps[0].view.box == pytest.approx((0, 0, 120, 80), abs=0.6)


def test_a_preprocess_that_fails_on_both_is_one_line_with_what_it_is_called_with():
    with pytest.raises(InputError, match="own `preprocess` fails on a blank picture: TypeError") as caught:
        loaded_of(Brightness(preprocess=lambda picture: picture + None))
    assert "(H, W, 3), uint8 RGB, or else a PIL image" in caught.value.hint


def test_the_preprocess_of_the_guide_is_the_pipeline_that_it_says(pixels):
    guide = (Path(__file__).parents[2] / "docs" / "guide.md").read_text(encoding="utf-8")
    (block,) = (block for block in re.findall(r"```python\n(.*?)```", guide, re.DOTALL) if "preprocess = " in block)
    names: dict = {}
    exec(block, names)  # noqa: S102 - as a reader would run it
    module = Brightness(preprocess=names["Net"].preprocess)
    steps = transforms.Resize(72), transforms.CenterCrop(64)
    wanted = by_torchvision(pixels, *steps, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
    assert torch.equal(loaded_of(module).preprocess(pixels), wanted)
    side = 80 * 64 / 72
    view = camctl.explain(module, pixels).maps[0].view
    assert view.box == pytest.approx((60 - side / 2, 40 - side / 2, 60 + side / 2, 40 + side / 2), abs=1)


def test_a_size_with_its_channels_last_is_refused():
    with pytest.raises(InputError, match=r"\(64, 64, 3\); expected .* \(channels, height, width\)"):
        loaded_of(Brightness(input_size=(64, 64, 3)))
