"""What all tests share. Being here also puts the checkout first on the path, before anybody else's `tests`."""

import os

import numpy as np
import pytest
from PIL import Image

# Nets this small lose more to handing work between threads than they gain; set before anything imports torch.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_addoption(parser):
    parser.addoption("--rewrite-golden", action="store_true", help="Take today's pictures as the golden ones.")


@pytest.fixture
def golden(request):
    """Compare pixels with a golden file, to within what another machine's rounding does; or rewrite it."""

    def compare(pixels, path):
        if request.config.getoption("--rewrite-golden"):
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(pixels).save(path, optimize=True)
        with Image.open(path) as picture:
            kept = np.asarray(picture.convert("RGB"), np.int16)
        assert kept.shape == pixels.shape, "The picture's size changed: look at it, then --rewrite-golden."
        off = np.abs(kept - pixels).max(2)
        assert (off > 24).mean() < 0.005, "The picture changed: look at it, then --rewrite-golden."

    return compare
