"""What this package's tests share."""

import os

import pytest

# Nets this small lose more to handing work between threads than they gain; set before anything imports torch.
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    """An empty cache, and a network that refuses."""
    from urllib import request
    from urllib.error import URLError

    def refuse(*_args, **_kwargs):
        raise URLError("Network is unreachable")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(request.OpenerDirector, "open", refuse)
