"""The command on a picture of 256 x 256, its middle shown to the nets, in an empty folder."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.cli.conftest import camctl

__all__ = ["camctl"]


@dataclass(frozen=True)
class Outcome:
    """What `camctl run … --json --save-raw raw.npz` left behind."""

    code: int
    words: str
    json: Any
    raw: Any

    @property
    def scores(self):
        """Label -> score, of the classes that were predicted."""
        return {one["label"]: one["score"] for one in self.json["predictions"]}

    @property
    def first(self):
        """Label and score of the first map's class."""
        return self.json["maps"][0]["target"]["label"], self.json["maps"][0]["target"]["score"]

    @property
    def spoken(self):
        """Everything said, in lower case: errors and hints, notes, and each map's reason."""
        said = [self.words]
        if self.json:
            said += [str(self.json["notes"]), *(f"{one['reason']} {one['hint']}" for one in self.json["maps"])]
        return " ".join(said).lower()

    def numbers(self):
        """All numbers in the answer."""
        left, found = [self.json], []
        while left:
            value = left.pop()
            left += list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
            found += [value] if isinstance(value, float) else []
        return found


@pytest.fixture
def run(camctl, tmp_path, monkeypatch):
    """Run the command on a picture; it must not fail for a reason of its own."""
    monkeypatch.chdir(tmp_path)

    def call(*args, picture="photo.png"):
        done = camctl("run", picture, *args, "--json", "--no-preview", "--save-raw", "raw.npz")
        assert "Traceback" not in done.err, done.err
        words = done.err.replace(str(tmp_path), "")  # its name is the test's, whose words are looked for
        if done.code:
            return Outcome(done.code, words, None, None)
        return Outcome(done.code, words, done.json, np.load("raw.npz"))

    return call


@pytest.fixture
def pixels(tmp_path):
    """A photograph's stand-in (256, 256, 3), saved as `photo.png`."""
    rows, columns = np.mgrid[0:256, 0:256]
    spot = 255 * np.exp(-((rows - 90) ** 2 + (columns - 150) ** 2) / 1800)
    pixels = np.stack([spot, columns, 255 - rows], 2).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return pixels


@pytest.fixture
def write_config(tmp_path):
    """Write a config of mmpretrain: a tiny ResNet, and whatever else stands in it."""

    def write(**settings):
        backbone = {"type": "ResNet", "depth": 18, "stem_channels": 8, "base_channels": 8, "strides": (1, 2, 1, 1)}
        head = {"type": "LinearClsHead", "num_classes": 3, "in_channels": 64}
        neck = {"type": "GlobalAveragePooling"}
        steps = [
            {"type": "LoadImageFromFile"},
            {"type": "ResizeEdge", "scale": 64, "edge": "short"},
            {"type": "CenterCrop", "crop_size": 64},
            {"type": "PackInputs"},
        ]
        content = {
            "model": {"type": "ImageClassifier", "backbone": backbone, "neck": neck, "head": head},
            "data_preprocessor": {"num_classes": 3, "mean": [127.0] * 3, "std": [64.0] * 3, "to_rgb": True},
            "test_dataloader": {"dataset": {"type": "CustomDataset", "pipeline": steps}},
            **settings,
        }
        path = tmp_path / "configs" / "tiny.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(f"{key} = {value!r}" for key, value in content.items() if value is not None))
        return path

    return write


@pytest.fixture(autouse=True)
def one_thread():
    """Keep nets this small on one core."""
    torch.set_num_threads(1)
