"""Small trainings that draw random numbers of every kind, and what is left of them, byte for byte."""

import hashlib
import random

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import Dataset

from camctl.demo.scenes import render, scene

NAMES = ("cat", "dog")


def made_pictures(folder, count=2):
    """Pictures in a folder of each class."""
    for index, name in enumerate(NAMES):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = render(scene(10 * index + number, classes=[name]), 64)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


class Net(nn.Module):
    """Convolutions with statistics, dropout, and a buffer that every forward pass changes, also one in eval mode."""

    input_size, mean, std = (32, 32), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
    class_names = NAMES

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            *(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(inplace=True)),
            *(nn.Conv2d(8, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(inplace=True)),
        )
        self.drop, self.fc = nn.Dropout(0.3), nn.Linear(8, 2)
        self.register_buffer("passes", torch.zeros((), dtype=torch.int64))
        self.calls, self.sizes = 0, []
        self.body[0].weight.requires_grad_(False)
        self.body[1].eval()

    def train(self, mode=True):  # noqa: FBT002 - torch's
        """Leave a norm in eval mode, as fine-tuning does."""
        super().train(mode)
        self.body[1].eval()
        return self

    def forward(self, x):
        """Answer, and count."""
        self.passes += 1
        self.calls += 1
        self.sizes.append(len(x))
        return self.fc(self.drop(self.body(x).mean((2, 3))))


class Noisy(Dataset):
    """Pictures with augmentations that draw from Python, numpy and torch."""

    metainfo = {"classes": NAMES}  # noqa: RUF012 - as mmengine's are

    def __len__(self):
        return 16

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        x = torch.randn(3, 32, 32, generator=generator) + index % 2
        x = x.flip(2) if random.random() < 0.5 else x  # noqa: S311
        x = x + float(np.random.normal(0, 0.1)) + 0.1 * torch.randn(1)  # noqa: NPY002
        return x, index % 2


def _bytes(value):
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
    if isinstance(value, dict):
        return b"".join(repr(key).encode() + _bytes(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return b"".join(map(_bytes, value))
    return value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode()


def state(module, optimizer):
    """What a training is made of: a checksum of each part."""
    parts = dict(module.named_modules())
    python = {
        name: {key: value for key, value in vars(part).items() if isinstance(value, bool | int | list | str)}
        for name, part in parts.items()
    }
    held = {
        "weights and statistics": module.state_dict(),
        "gradients": {name: weight.grad for name, weight in module.named_parameters()},
        "trainable": {name: weight.requires_grad for name, weight in module.named_parameters()},
        "modes": {name: part.training for name, part in parts.items()},
        "attributes": {
            name: {key: item for key, item in own.items() if key[:1] != "_"} for name, own in python.items()
        },
        "hooks": {name: len(part._forward_hooks) + len(part._forward_pre_hooks) for name, part in parts.items()},
        "optimizer": optimizer.state_dict(),
        "random": random.getstate(),
        "numpy": np.random.get_state(),  # noqa: NPY002
        "torch": torch.get_rng_state(),
        "settings": [torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.get_num_threads()],
    }
    if torch.cuda.is_available():
        held["cuda"] = torch.cuda.get_rng_state_all()
    return {name: hashlib.sha256(_bytes(value)).hexdigest() for name, value in held.items()}
