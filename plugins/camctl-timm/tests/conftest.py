"""What the plugin's tests share."""

import os

import numpy as np
import pytest

# Nets this small lose more to handing work between threads than they gain; set before anything imports torch.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture
def load():
    """Load a model through camctl's own door, at random weights unless a checkpoint is given."""
    from camctl.pipeline.load import load as load_

    def through_camctl(reference, checkpoint=None, **options):
        options.setdefault("random_weights", checkpoint is None and "@" not in reference)
        return load_(f"timm:{reference}", checkpoint, **options)

    return through_camctl


@pytest.fixture
def pixels():
    """A picture that is not square, (120, 200, 3)."""
    rows, columns = np.mgrid[:120, :200]
    return np.stack([rows * 2, columns, (rows * columns) % 256], axis=2).astype(np.uint8)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of the hub, and no network: `keep(repository, **files)` puts files into the cache."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)

    def keep(repository, **files):
        folder = tmp_path / "hub" / f"models--{repository.replace('/', '--')}"
        (folder / "refs").mkdir(parents=True)
        (folder / "refs" / "main").write_text("0" * 40)
        snapshot = folder / "snapshots" / ("0" * 40)
        snapshot.mkdir(parents=True)
        for name, save in files.items():
            save(snapshot / name.replace("__", "."))
        return snapshot

    return keep
