"""The same command draws the same map, whatever the device and the number of threads."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import pytest
import torch
from PIL import Image

from camctl.demo.scenes import render, scene
from tests.methods.devices import NETS, beyond, maps_of

COMMAND = ("-m", "camctl", "run", "scene.png", "demo:resnet", "--method", "GradCAM", "XGradCAM", "EigenCAM", "--quiet")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="There is no CUDA device.")
@pytest.mark.parametrize("net", NETS)
def test_maps_on_cuda_are_those_of_the_cpu(net):
    assert beyond(maps_of(net, "cuda"), maps_of(net)) == {}


@pytest.fixture
def files(tmp_path):
    """Run the command twice with a number of threads, and return the hashes of what it writes."""

    def run(threads, folder):
        here = tmp_path / folder
        here.mkdir()
        Image.fromarray(render(scene(11, classes=["cat"]), 224)).save(here / "scene.png")
        environment = os.environ | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
        subprocess.run(
            [sys.executable, *COMMAND, "--save-path", "maps"], cwd=here, env=environment, check=True
        )  # fmt: skip
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted((here / "maps").iterdir())}

    return run


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_command_writes_the_same_bytes(files, threads):
    first, second = files(threads, "first"), files(threads, "second")
    assert len(first) == 3
    assert first == second
