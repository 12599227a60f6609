"""What the plugin's tests share: without Ray they are skipped."""

import os
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

# Nets this small lose more to handing work between threads than they gain; set before anything imports torch.
os.environ.setdefault("OMP_NUM_THREADS", "1")

collect_ignore = []
try:
    import ray  # noqa: F401
except ImportError:
    collect_ignore.append("test_ray.py")

NETS = '''
import os
import time
from pathlib import Path

import torch
from torch import nn

HERE = Path(__file__).parent


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        layers = (nn.Conv2d(3, 8, 5, 4), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU())
        self.features, self.head = nn.Sequential(*layers), nn.Linear(8, 5)

    def forward(self, x):
        (HERE / f"{os.getpid()}.pid").touch()
        time.sleep(0.02)
        return self.head(self.features(x).mean((2, 3)))


def build():
    return Net().eval()


def only_here():
    """A net that is built in the first process alone."""
    if list(HERE.glob("*.pid")) and not (HERE / f"{os.getpid()}.pid").exists():
        raise OSError("no network here")
    return Net().eval()
'''


numbers = count()


@pytest.fixture
def net(tmp_path, monkeypatch):
    """A module of the current folder with tiny nets, which leave files named after the process that they run in."""
    file = tmp_path / "net" / f"ray_nets_{next(numbers)}.py"  # modules stay in memory from test to test
    file.parent.mkdir()
    file.write_text(NETS)
    monkeypatch.chdir(file.parent)
    return file


@pytest.fixture
def folder(tmp_path):
    """A folder of 60 small pictures in two classes, and one that is broken."""
    random = np.random.default_rng(0)
    for number in range(60):
        file = tmp_path / "pictures" / ("cat", "dog")[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(random.integers(0, 256, (6, 6, 3), np.uint8))
        coarse.resize((48, 32), Image.Resampling.BICUBIC).save(file)
    Path(tmp_path / "pictures" / "broken.png").write_bytes(b"no picture")
    return tmp_path / "pictures"


@pytest.fixture(autouse=True)
def _nothing_left():
    """No process of Ray outlives a test."""
    yield
    left = [process for process in Path("/proc").glob("[0-9]*/comm") if _name(process) in {"raylet", "gcs_server"}]
    ours = [process for process in left if _parent(process.parent) == os.getpid()]
    assert ours == []


def _name(file):
    try:
        return file.read_text().strip()
    except OSError:
        return ""


def _parent(process):
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
